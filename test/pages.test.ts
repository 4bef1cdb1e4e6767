/** Pages can be read in a terminal: no long line, no table wider than a screen. */

import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const PAGES = globSync(["*.md", "{docs,spec}/**/*.md", "test/hostile/README.md"], { cwd: ROOT });
const LINE = 160;
const SCREEN = 100;

/** What a reader sees of a row: the text of links, without marks. */
function visible(row: string): string {
  return row.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll(/[`*]/g, "");
}

test.each(PAGES)("%s", (page) => {
  const text = readFileSync(join(ROOT, page), "utf8");
  // Front matter is for programs, one member a line.
  const start = text.startsWith("---\n") ? text.slice(0, text.indexOf("\n---\n", 4)).split("\n").length : 0;
  const lines = text
    .split("\n")
    .map((line, index) => ({ at: `${page}:${index + 1}`, text: line }))
    .slice(start);
  expect(lines.filter(({ text }) => text.length > LINE).map(({ at }) => at)).toEqual([]);
  const rows = lines.filter(({ text }) => text.startsWith("|"));
  expect(rows.filter(({ text }) => visible(text).length > SCREEN).map(({ at, text }) => `${at} ${visible(text).length}`)).toEqual([]);
  expect(rows.filter(({ text }) => / {2,}\||-{4,}/.test(text)).map(({ at }) => at)).toEqual([]);
});
