/** The package's library: one ES module per source file with declarations, in dist/lib. tsconfig.build.json has the entries. */

import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** @throws {Error} if the sources do not compile; the compiler says why */
export function buildLibrary(): void {
  rmSync(`${ROOT}dist/lib`, { recursive: true, force: true }); // old modules must not be packed
  const { status } = spawnSync("tsc", ["-p", "tsconfig.build.json"], { cwd: ROOT, stdio: "inherit" });
  if (status !== 0) throw new Error("the library does not compile");
}
