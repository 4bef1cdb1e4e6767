/** Packs the package from a copy of the sources, for tests that use it elsewhere. */

import { execFile } from "node:child_process";
import { cp, symlink } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { promisify } from "node:util";

const ROOT = dirname(import.meta.dirname);
const run = promisify(execFile);

export interface Packed {
  filename: string;
  size: number;
  files: { path: string; size: number }[];
}

/** What is not a source. */
const LEFT_OUT = new Set(["node_modules", ".git", "dist", ".wrangler", "coverage"]);

/** Writes the tarball into `folder`. */
export async function packSources(folder: string): Promise<Packed> {
  const sources = join(folder, "sources");
  const filter = (path: string) =>
    !relative(ROOT, path)
      .split(sep)
      .some((part) => LEFT_OUT.has(part));
  await cp(ROOT, sources, { recursive: true, filter });
  await symlink(join(ROOT, "node_modules"), join(sources, "node_modules"));
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: sources });
  // What lifecycle scripts say comes first; npm 12 answers with an object by name, older ones with an array.
  const [packed] = Object.values(JSON.parse(stdout.slice(stdout.search(/^[[{]/m))) as Record<string, Packed>) as [Packed];
  return packed;
}
