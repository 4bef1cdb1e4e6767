/**
 * The files that an agent's command can name, on every front end. Whatever an agent reads may tell it to run a command that it
 * may run unasked. Such a command therefore sends and writes files of the agent's folders only: none that is hidden, none of
 * the wallet, and it replaces nothing.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import { accountConfigFile, type Config, configFile, readConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { checkWritable, copyWhole, readBytes, writeWhole } from "./files.ts";
import { fail, type Failure, type Outcome, succeed } from "./outcome.ts";
import { accountStateHome, downloadsPath, stateHomePath } from "./state-directory.ts";
import type { UserFiles } from "./user-files.ts";

type FilesContext = Pick<Context, "io" | "config" | "downloads">;

interface Folder {
  /** Its real path. */
  path: string;
  /** The owner chose it, so it may itself be below a hidden folder. */
  chosen: boolean;
}

interface Rules {
  /** A file must be in one folder of each list. */
  lists: Folder[][];
  /** Where answers of tools go. In the state folder, and yet not of the wallet. */
  downloads: Folder | undefined;
  /** Real paths of the wallet's folders. */
  wallet: string[];
}

export function agentFiles(context: FilesContext): UserFiles {
  const locate = (file: string): Outcome<{ real: string; check: (opened: string | undefined) => Failure | undefined }> => {
    const rules = rulesOf(context);
    if (!rules.ok) return rules;
    const refusal = refused(context, file, rules.data);
    const { cwd } = context.io;
    if (cwd === undefined && !path.isAbsolute(file)) return refusal;
    const named = path.resolve(cwd ?? "/", file);
    // Not the last part: a link there is refused when it is opened.
    const real = path.join(realFolder(path.dirname(named)), path.basename(named));
    const check = (opened: string | undefined) => (opened !== undefined && isAllowed(opened, rules.data) ? undefined : refusal);
    return check(real) ?? succeed({ real, check });
  };
  const locateNew: typeof locate = (file) => {
    const place = locate(file);
    if (!place.ok) return place;
    const hint = "Choose another name: an agent's command replaces no file.";
    const writable = checkWritable(place.data.real, false, { hint });
    return writable.ok ? place : writable;
  };
  return {
    read(file, options) {
      const place = locate(file);
      if (!place.ok) return place;
      const { real, check } = place.data;
      return readBytes(real, { ...options, opened: (fd) => check(openedPath(fd, real)) });
    },
    checkNew(file) {
      const place = locateNew(file);
      return place.ok ? succeed(undefined) : place;
    },
    writeNew(file, content) {
      const place = locateNew(file);
      if (!place.ok) return place;
      const { real, check } = place.data;
      return writeWhole(real, content, false, (fd, temporary) => check(openedPath(fd, temporary)));
    },
    async copyNew(from, file) {
      const place = locateNew(file);
      if (!place.ok) return place;
      const { real, check } = place.data;
      return copyWhole(from, real, false, (fd, temporary) => check(openedPath(fd, temporary)));
    },
  };
}

function isAllowed(real: string, { lists, downloads, wallet }: Rules): boolean {
  if (downloads && isIn(downloads, real)) return true;
  return lists.every((folders) => folders.some((folder) => isIn(folder, real))) && !wallet.some((folder) => isBelow(folder, real));
}

function isIn({ path: folder, chosen }: Folder, real: string): boolean {
  const hidden = (chosen ? path.relative(folder, real) : real).split(path.sep).some((part) => part.startsWith("."));
  return isBelow(folder, real) && !hidden;
}

function isBelow(folder: string, real: string): boolean {
  return real.startsWith(folder.endsWith(path.sep) ? folder : folder + path.sep);
}

/**
 * The configuration and the state folder can be moved by variables, and an agent can set variables for a command that it starts.
 * So only the configuration in the account's own home widens the default; one that was moved can only narrow it.
 */
function rulesOf(context: FilesContext): Outcome<Rules> {
  const { io } = context;
  const config = context.config();
  if (!config.ok) return config;
  const [own, state] = [accountConfigFile(io), accountStateHome(io)];
  const wallet = [path.dirname(configFile(io)), stateHomePath(context), ...(own ? [path.dirname(own)] : []), ...(state ? [state] : [])];
  const rules = { wallet: wallet.map(realFolder) };
  // A tool names files in the folder of the server that its user has started.
  if (context.downloads !== undefined) return succeed({ ...rules, lists: [[]], downloads: chosen(context.downloads) });
  const account = own === undefined || own === config.data.file ? config : readConfig(io, own);
  if (!account.ok) return account;
  const moved = own === config.data.file ? undefined : config.data.agentFiles;
  return succeed({
    ...rules,
    lists: [own === undefined ? current(io.cwd) : foldersOf(account.data, io.cwd), ...(moved ? [moved.map(chosen)] : [])],
    downloads: state === stateHomePath(context) ? chosen(downloadsPath(context)) : undefined,
  });
}

function foldersOf({ agentFiles: named }: Config, cwd: string | undefined): Folder[] {
  return named ? named.map(chosen) : current(cwd);
}

/** The root holds every file there is, so it is not a folder that an agent works in. */
function current(cwd: string | undefined): Folder[] {
  const real = cwd === undefined ? undefined : realFolder(cwd);
  return real === undefined || real === path.parse(real).root ? [] : [{ path: real, chosen: false }];
}

function chosen(folder: string): Folder {
  return { path: realFolder(folder), chosen: true };
}

/** The real path of a folder; of its part that exists, if not all of it does. */
function realFolder(folder: string): string {
  try {
    return fs.realpathSync.native(folder);
  } catch {
    const parent = path.dirname(folder);
    return parent === folder ? folder : path.join(realFolder(parent), path.basename(folder));
  }
}

/**
 * Returns the path of an open file, which may not be the one that was checked: a folder can be exchanged for a link in between.
 * Linux knows it. Elsewhere the path that was opened must still be real and lead to the same file; undefined if it does not.
 */
function openedPath(fd: number, opened: string): string | undefined {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // No /proc.
  }
  try {
    const [there, here] = [fs.lstatSync(opened), fs.fstatSync(fd)];
    return fs.realpathSync.native(opened) === opened && there.dev === here.dev && there.ino === here.ino ? opened : undefined;
  } catch {
    return undefined; // removed meanwhile
  }
}

function refused({ io, downloads }: FilesContext, file: string, { lists }: Rules): Failure {
  const folders = (lists.at(-1) ?? []).map((folder) => `"${folder.path}"`).join(", ");
  const where = downloads === undefined ? folders || "none" : `"${downloads}"`;
  const own = accountConfigFile(io);
  return fail("file_not_allowed", `"${file}" is not a file for an agent's command. Its folders: ${where}.`, {
    hint:
      "Name a file below them that is not hidden, not below a hidden folder and not the wallet's." +
      (downloads === undefined && own !== undefined ? ` The owner can name other folders as "agentFiles" in ${own}.` : ""),
  });
}
