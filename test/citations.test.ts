/** The documents name tests as evidence. They exist, under the names that they are called by. */
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { EXIT } from "../agent-cli/runtime/exit-codes.ts";

const ROOT = path.join(import.meta.dirname, "..");
const read = (file: string) => readFileSync(path.join(ROOT, file), "utf8");

/** `file`: "what it says" */
const CITATION = /`([\w./-]+\.test\.ts)`: "([^"]+)"/g;

interface Citation {
  file: string;
  says: string;
}

function citations(text: string): Citation[] {
  return [...text.matchAll(CITATION)].map(([, file = "", says = ""]) => ({ file, says }));
}

function missing({ file, says }: Citation): boolean {
  return !existsSync(path.join(ROOT, file)) || !read(file).includes(says);
}

describe.each(["spec/cli.md", "spec/threat-model.md", "spec/comparison.md"])("%s", (document) => {
  test("cites tests that exist", () => {
    const cited = citations(read(document));
    expect(cited.length).toBeGreaterThan(10);
    expect(cited.filter(missing)).toEqual([]);
  });
});

test("every exit code is provoked by a test", () => {
  const rows = [...read("spec/cli.md").matchAll(/^\| (\d+) +\|.*\|$/gm)];
  expect(rows.map(([, code]) => Number(code))).toEqual(Object.values(EXIT));
  for (const [row, code] of rows) expect([code, citations(row).length]).toEqual([code, 1]);
});

test("every yes of ours in the comparison names its test, and nothing else claims one", () => {
  const rows = read("spec/comparison.md")
    .split("\n")
    .filter((line) => /^\| \d+ /.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()));
  expect(rows).toHaveLength(72);
  for (const [, number, , , , , , , , ours, where = ""] of rows) {
    expect([number, ours]).toEqual([number, expect.stringMatching(/^[●◐○–]$/)]);
    if (ours === "●") expect([number, citations(where).length]).toEqual([number, 1]);
  }
});
