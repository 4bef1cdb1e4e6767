import { describe, expect, expectTypeOf, test } from "vitest";
import { integer, nullable, oneOf, row, text } from "./row.ts";

const read = row({ id: text<"a" | "b">(), seq: integer(), state: oneOf("open", "closed"), note: nullable(text()) });
const ROW = { id: "a", seq: 1, state: "open", note: null };

describe("row", () => {
  test("returns the row itself, typed by its columns", () => {
    const typed = read(ROW);
    expect(typed).toBe(ROW);
    expectTypeOf(typed).toEqualTypeOf<{ id: "a" | "b"; seq: number; state: "open" | "closed"; note: string | null }>();
  });

  test.each([
    ["a missing column", { id: "a", seq: 1, state: "open" }, "the column note holds undefined"],
    ["NULL where the column is not nullable", { ...ROW, seq: null }, "the column seq holds NULL"],
    ["another storage class", { ...ROW, id: 7 }, "the column id holds number"],
    ["an unknown word", { ...ROW, state: "ajar" }, "the column state holds string"],
  ])("refuses %s", (_, wrong, message) => {
    expect(() => read(wrong)).toThrow(new TypeError(message));
  });
});
