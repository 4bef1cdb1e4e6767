/** spec/interop.md and the tests beside this file name the same things. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const page = readFileSync(join(import.meta.dirname, "../../spec/interop.md"), "utf8");
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("|"))
  .slice(2)
  .map((line) => line.split("|").map((cell) => cell.trim()));
const sources = globSync("*.test.ts", { cwd: import.meta.dirname })
  .filter((name) => name !== "matrix.test.ts")
  .map((name) => readFileSync(join(import.meta.dirname, name), "utf8"))
  .join("\n");
/** The names of tests; a table's name without its varying end. */
const tests = [...sources.matchAll(/^\s*test(?:\.each\(.*\))?\(\s*"(.+?)(?:, flow %s)?",/gm)].map(([, name = ""]) => name);

test("every row of the matrix names a test, and every test has its row", () => {
  expect(tests.length).toBeGreaterThan(15);
  expect(new Set(rows.map((cells) => cells[6]))).toEqual(new Set(tests));
  expect(rows).toHaveLength(tests.length);
});

test("every row says who pays whom through what, in which flow", () => {
  for (const [, ...cells] of rows)
    expect(
      cells.slice(0, 6).every((cell) => cell.length > 0),
      cells[5],
    ).toBe(true);
});
