import { describe, expect, test } from "vitest";
import { csvRow, csvRows } from "./csv.ts";

describe("a row", () => {
  test.each(["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\rx", "＝1"])("cannot act as a formula: %j [csv-formulas]", (cell) => {
    const [row] = csvRow([cell, 'say "hi"']).split(",");
    expect(row?.slice(0, 2)).toBe(`"'`);
  });

  test("comes back as it was", () => {
    const cells = ["=1+1", 'say "hi"', "two\r\nlines", "a,b", "", "plain", "'quoted", "'=1"];
    expect([...csvRows(`\uFEFF${csvRow(cells)}\r\n\r\n${csvRow(["x"])}`)]).toEqual([
      { line: 1, cells },
      { line: 4, cells: ["x"] },
    ]);
  });

  test("that is none ends the reading", () => {
    expect([...csvRows('a,b\n"c')]).toEqual([{ line: 1, cells: ["a", "b"] }, undefined]);
    expect([...csvRows('a"b')]).toEqual([undefined]);
  });
});
