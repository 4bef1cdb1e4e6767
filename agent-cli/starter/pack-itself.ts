/** Packs this very package with npm, from a clone or from an installation: it is on no registry, so a new shop gets a copy. */

import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import type { Context } from "../runtime/context.ts";
import { MAX_SHOWN_CAUSE_LENGTH, PACK_SECONDS } from "../runtime/limits.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { packageRoot } from "../runtime/package-root.ts";

const TARBALL = `${packageJson.name}-${packageJson.version}.tgz`;

/**
 * @param folder gets the tarball; an absolute path
 * @returns the tarball's name
 */
export async function packItself({ io }: Context, folder: string): Promise<Outcome<string>> {
  const root = packageRoot();
  // A clone is built first. An installation has no sources to build from, and holds what was packed already.
  const isClone = fs.existsSync(path.join(root, "scripts/build.ts"));
  const argv = ["pack", "--silent", ...(isClone ? [] : ["--ignore-scripts"]), "--pack-destination", folder];
  const problem = await npm(argv, { cwd: root, env: io.env, signal: io.signal });
  if (problem === undefined && fs.existsSync(path.join(folder, TARBALL))) return succeed(TARBALL);
  return fail("not_set_up", `npm could not pack ${root}: ${problem ?? `it wrote no ${TARBALL}`}.`, {
    hint: "Check that npm runs here (npm --version), then run the same command again.",
  });
}

/** Returns why npm failed: the last line that it wrote. */
function npm(argv: string[], where: { cwd: string; env: Context["io"]["env"]; signal: AbortSignal }): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  // npm is a script on Windows, and only a shell starts those.
  const options = { ...where, timeout: PACK_SECONDS * 1000, shell: process.platform === "win32" };
  execFile("npm", argv, options, (error, _stdout, stderr) => {
    const [said = ""] = stderr.trim().split("\n").slice(-1);
    resolve(error ? (said || error.message).slice(0, MAX_SHOWN_CAUSE_LENGTH) : undefined);
  });
  return promise;
}
