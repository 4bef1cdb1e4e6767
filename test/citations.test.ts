/**
 * The pages cite tests as evidence, by id: a test's title ends in `[pins-other-payee]`, and a page says
 * `[`pins-other-payee`](../test/hostile/pins.ring.ts)`. So a title can be reworded without touching the pages.
 */

import { globSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { EXIT } from "../agent-cli/runtime/exit-codes.ts";

const ROOT = path.join(import.meta.dirname, "..");
const read = (file: string) => readFileSync(path.join(ROOT, file), "utf8");
const PAGES = globSync(["*.md", "{docs,spec}/**/*.md"], { cwd: ROOT });

interface Citation {
  id: string;
  file: string;
}

/** What a page at `page` cites; the links are relative to it. */
function citations(text: string, page: string): Citation[] {
  return [...text.matchAll(/\[`([a-z0-9-]+)`\]\(([^)#]+\.(?:test|ring)\.ts)\)/g)].map(([, id = "", link = ""]) => ({
    id,
    file: path.join(path.dirname(page), link),
  }));
}

/** The ids at the end of the titles in test files. */
const DEFINED = globSync("{agent-cli,shared,workers,scripts,test,test-kit}/**/*.{test,ring}.ts", { cwd: ROOT }).flatMap((file) =>
  [...read(file).matchAll(/ \[([a-z0-9]+(?:-[a-z0-9]+)+)\]["'`]/g)].map(([, id = ""]) => ({ id, file })),
);
const CITED = PAGES.flatMap((page) => citations(read(page), page).map((citation) => ({ page, ...citation })));

test("every cited id is in the file that the page links", () => {
  expect(CITED.length).toBeGreaterThan(100);
  const missing = CITED.filter(({ id, file }) => !DEFINED.some((defined) => defined.id === id && defined.file === file));
  expect(missing).toEqual([]);
});

test("every id is defined once, and cited", () => {
  const ids = DEFINED.map(({ id }) => id);
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  const pages = PAGES.map(read).join("\n");
  expect(ids.filter((id) => !pages.includes(`\`${id}\``))).toEqual([]);
});

test("no page cites a test by its title", () => {
  for (const page of PAGES) expect(read(page), page).not.toMatch(/\.test\.ts`?\)?: "/);
});

test.each(["spec/cli.md", "spec/threat-model.md", "spec/design/comparison.md"])("%s cites tests", (page) => {
  expect(CITED.filter((citation) => citation.page === page).length).toBeGreaterThan(10);
});

test("every exit code is provoked by a test [exit-codes-provoked]", () => {
  const items = itemsOf(read("spec/cli.md"), /^- \*\*(\d+)\*\*: /gm);
  expect(items.map(({ number }) => number)).toEqual(Object.values(EXIT));
  for (const { number, text } of items) expect([number, citations(text, "spec/cli.md").length]).toEqual([number, 1]);
});

test("every yes of ours in the comparison names its test, and nothing else claims one", () => {
  const page = read("spec/design/comparison.md");
  const rows = [...page.matchAll(/^\| (\d+) \|.*\| (.+?) \|$/gm)].map(([, number, ours]) => ({ number: Number(number), ours }));
  expect(rows).toHaveLength(72);
  const notes = itemsOf(page, /^- (\d+): /gm);
  for (const { number, ours } of rows) {
    expect([number, ours]).toEqual([number, expect.stringMatching(/^[●◐○–]$/)]);
    const note = notes.find((item) => item.number === number)?.text ?? "";
    if (ours === "●") expect([number, citations(note, "spec/design/comparison.md").length]).toEqual([number, 1]);
  }
});

/** List items that begin with a number, to the next item or blank line. */
function itemsOf(text: string, begin: RegExp): { number: number; text: string }[] {
  return [...text.matchAll(begin)].map(({ 1: number, index }) => ({
    number: Number(number),
    text: text.slice(index).split(/\n(?=- |\n)/)[0] ?? "",
  }));
}
