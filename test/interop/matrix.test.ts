/** spec/interop.md cites every test beside this file, by its id. */

import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const page = readFileSync(join(import.meta.dirname, "../../spec/interop.md"), "utf8");
const sources = globSync("*.{test,ring}.ts", { cwd: import.meta.dirname })
  .filter((name) => name !== "matrix.test.ts")
  .map((name) => readFileSync(join(import.meta.dirname, name), "utf8"))
  .join("\n");
const titles = [
  ...sources.matchAll(/^\s*test(?:\.each\(.*\))?\(\s*"(.+?)",$/gm),
  ...sources.matchAll(/^\s*test(?:\.each\(.*\))?\("(.+?)", /gm),
].map(([, title = ""]) => title);

test("the page cites every interop test", () => {
  expect(titles.length).toBeGreaterThan(15);
  const uncited = titles.filter((title) => !page.includes(`[\`${/\[([a-z-]+)\]$/.exec(title)?.[1] ?? "no id"}\`]`));
  expect(uncited).toEqual([]);
});

test("every entry of the page names payer, merchant or facilitator, and what is checked", () => {
  const entries = page.split(/\n(?=- |\n)/).filter((entry) => entry.includes("(../test/interop/"));
  expect(entries).toHaveLength(titles.length);
  for (const entry of entries) expect(entry.trim()).toMatch(/^- .+: .+\.\s+\[`/s);
});
