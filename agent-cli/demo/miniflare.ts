/** miniflare, which runs the Workers: an optional peer of the package, at the one version that was tried. */

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { fail, type Failure } from "../runtime/outcome.ts";
import { packageRoot } from "../runtime/package-root.ts";

const TRIED = packageJson.peerDependencies.miniflare;

/** Returns what is wrong, with the command that installs it; undefined if the tried version is there. */
export function miniflareMissing(): Failure | undefined {
  const installed = installedVersion();
  if (installed === TRIED) return undefined;
  const found = installed === undefined ? "which is not installed" : `and ${installed} is installed`;
  return fail("not_set_up", `The local stack needs miniflare ${TRIED}, ${found}.`, {
    hint: "It brings workerd, which runs the Workers. `lez-agent-pay demo cli` shows the protocol without it.",
    next: { argv: installArgv(packageRoot(), process.cwd()), by: "owner", why: "install it, then run the same command again" },
  });
}

function installedVersion(): string | undefined {
  try {
    return (createRequire(import.meta.url)("miniflare/package.json") as { version: string }).version;
  } catch {
    return undefined;
  }
}

/** npm's arguments that put miniflare where the package in `root` finds it: in its project, its global prefix, or beside its files. */
export function installArgv(root: string, cwd: string): string[] {
  const modules = path.dirname(root);
  const project = path.basename(modules) === "node_modules" ? path.dirname(modules) : root;
  const isGlobal = !existsSync(path.join(project, "package.json"));
  const prefix = isGlobal && path.basename(project) === "lib" ? path.dirname(project) : project;
  const where = isGlobal || prefix !== cwd ? ["--prefix", prefix] : [];
  return ["npm", "install", ...(isGlobal ? ["--global"] : []), ...where, `miniflare@${TRIED}`];
}
