import * as fc from "fast-check";
import { expect, test } from "vitest";
import { lineOf } from "./json-line.ts";

test("a member's line is that of its name, however the file is written", () => {
  const text = '{\n  "a": "}\\"{",\n  "b": [ 1,\n   {"c":\n true, "d":2}], "e"\n: {"f": null}\n}';
  const lines = [["a"], ["b"], ["b", 0], ["b", 1], ["b", 1, "c"], ["b", 1, "d"], ["e"], ["e", "f"]].map((path) => lineOf(text, path));
  expect(lines).toEqual([2, 3, 3, 4, 4, 5, 5, 6]);
  expect([lineOf(text, ["x"]), lineOf(text, ["a", "x"]), lineOf(text, ["b", 7])]).toEqual([undefined, undefined, undefined]);
});

test("every member of any indented document is found where it stands", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { minKeys: 1 }), (object) => {
      // `__proto__` is no member that a parser of ours lets through.
      const members = Object.entries(JSON.parse(JSON.stringify(object)) as object).filter(([name]) => name !== "__proto__");
      const text = JSON.stringify(Object.fromEntries(members), null, 2);
      for (const [name] of members) {
        const line = text.split("\n")[(lineOf(text, [name]) ?? 0) - 1];
        expect(line?.startsWith(`  ${JSON.stringify(name)}: `)).toBe(true);
      }
    }),
    { numRuns: 200 },
  );
});
