/**
 * Writes every generated file, or with --check names those that are stale.
 *
 *     npm run generate             writes
 *     npm run generate -- --check  exits 1 if anything differs from what the code makes
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { commandTables } from "./command-tables.ts";
import { deskTokens } from "./desk-tokens.ts";
import { errorPage } from "./error-page.ts";
import { examples } from "./examples.ts";
import { hostilePage } from "./hostile-page.ts";
import { roomList } from "./room-list.ts";
import { validatePage } from "./validate-page.ts";
import { vectors } from "./vectors.ts";

interface Generator {
  name: string;
  /** File name, from the root of the repository → content. */
  generate: () => Record<string, string> | Promise<Record<string, string>>;
}

const GENERATORS: readonly Generator[] = [
  { name: "test vectors", generate: vectors },
  { name: "examples", generate: examples },
  { name: "error codes", generate: errorPage },
  { name: "tables of commands", generate: commandTables },
  { name: "the desk's colours", generate: deskTokens },
  { name: "rooms", generate: roomList },
  { name: "checks of validate", generate: validatePage },
  { name: "tricks of the hostile peers", generate: hostilePage },
];

const ROOT = join(import.meta.dirname, "..");
const checkOnly = process.argv.includes("--check");

for (const { name, generate } of GENERATORS) {
  for (const [file, content] of Object.entries(await generate())) {
    if (committed(file) === content) continue;
    if (checkOnly) {
      console.error(`${file} is stale (${name}): run npm run generate`);
      process.exitCode = 1;
    } else {
      mkdirSync(dirname(join(ROOT, file)), { recursive: true });
      writeFileSync(join(ROOT, file), content);
      console.log(`wrote ${file}`);
    }
  }
}

function committed(file: string): string | undefined {
  try {
    return readFileSync(join(ROOT, file), "utf8");
  } catch {
    return undefined;
  }
}
