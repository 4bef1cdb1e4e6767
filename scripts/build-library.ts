/** What others import from the package: one ES module per source file and its declarations, in dist/lib. The entries are in tsconfig.build.json. */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** @throws {Error} when the sources do not compile; the compiler has said why */
export function buildLibrary(): void {
  rmSync(`${ROOT}dist/lib`, { recursive: true, force: true }); // modules that are gone must not be packed
  const { status } = spawnSync("tsc", ["-p", "tsconfig.build.json"], { cwd: ROOT, stdio: "inherit" });
  if (status !== 0) throw new Error("the library does not compile");
}
