/** Directories that are removed when the process ends, however it ends. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let root: string | undefined;

export function temporaryDirectory(): string {
  root ??= makeRoot();
  return mkdtempSync(join(root, "x"));
}

function makeRoot(): string {
  const made = mkdtempSync(join(tmpdir(), "lez-bench-"));
  process.once("exit", () => rmSync(made, { recursive: true, force: true, maxRetries: 5 }));
  return made;
}
