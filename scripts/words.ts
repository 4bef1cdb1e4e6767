/** `npm run words`: fails when words that make a sentence hard to read come back. AGENTS.md says what to write in their place. */

import { execFileSync } from "node:child_process";

const WORDS = String.raw`\b(whoever|nobody|somebody|for good)\b`;
/** How often they may stand in the repository. Some sentences need them. */
const MAX_OCCURRENCES = 40;

const found = occurrences();
console.log(`${found.length} of at most ${MAX_OCCURRENCES} occurrences of ${WORDS}`);
if (found.length > MAX_OCCURRENCES) {
  console.error(found.join("\n"));
  process.exitCode = 1;
}

function occurrences(): string[] {
  try {
    return execFileSync("git", ["grep", "-oniE", WORDS, "--", "*.ts", "*.md"], { encoding: "utf8" }).trim().split("\n");
  } catch (error) {
    // git grep exits with 1 when it finds nothing.
    if ((error as { status?: unknown }).status === 1) return [];
    throw error;
  }
}
