import * as fc from "fast-check";
import { expect, test } from "vitest";
import { drawnCells, WIDE_RANGES } from "../testing/east-asian-width.ts";
import { cells, counted, field, frame, layoutFor, wrap } from "./layout.ts";

const plain = (columns: number) => layoutFor({ columns }, {});

test("no line is wider than the width, and nothing but spaces at breaks is lost", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), fc.integer({ min: 4, max: 80 }), (text, width) => {
      const lines = wrap(text, width);
      expect(Math.max(...lines.map((line) => cells(line.trimEnd())))).toBeLessThanOrEqual(width);
      expect(lines.join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
    }),
  );
});

test("East Asian text and emoji take two cells, a mark none, and a family as many as its members", () => {
  expect([cells("abc"), cells("報告"), cells("한국"), cells("👩‍👩‍👧"), cells("e\u0323")]).toEqual([3, 4, 4, 6, 1]);
  expect([cells("\u1100\u1100\u1100"), cells("\u{17000}"), cells("\u2764\uFE0F"), cells("1\uFE0F\u20E3")]).toEqual([6, 2, 3, 2]);
});

test("no character that Unicode calls wide counts for less than two cells", () => {
  const narrow = WIDE_RANGES.filter(([first, last]) => {
    for (let code = first; code <= last; code++) if (cells(String.fromCodePoint(code)) < 2) return true;
    return false;
  });
  expect(narrow.map((range) => range.map((code) => code.toString(16)))).toEqual([]);
});

test("no line is drawn wider than the width, whatever it is made of [layout-width]", () => {
  const wide = fc.constantFrom(...WIDE_RANGES).chain(([first, last]) => fc.integer({ min: first, max: last }));
  const character = fc.oneof(wide, fc.constantFrom(0x1100, 0x20, 0x61, 0x301)).map((code) => String.fromCodePoint(code));
  fc.assert(
    fc.property(fc.array(character, { maxLength: 200 }), fc.integer({ min: 4, max: 80 }), (characters, width) => {
      const text = characters.join("");
      const lines = wrap(text, width);
      expect(Math.max(...lines.map((line) => drawnCells(line.trimEnd())))).toBeLessThanOrEqual(width);
      expect(lines.join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
    }),
  );
});

test("a frame marks every line of what is inside", () => {
  const lines = frame(plain(40), "the agent says", [`${"word ".repeat(30)}│ end`]);
  expect(lines.slice(1, -1).every((line) => line.startsWith("│ "))).toBe(true);
  expect(lines.every((line) => cells(line) <= 40)).toBe(true);
});

test("a value stands beside its label, or below it where there is no room", () => {
  expect(field(plain(80), "To", "x".repeat(10))).toEqual([`  To          ${"x".repeat(10)}`]);
  expect(field(plain(40), "To", "x".repeat(40))).toEqual(["  To", `    ${"x".repeat(36)}`, `    ${"x".repeat(4)}`]);
});

test("colour is for terminals, and NO_COLOR is respected", () => {
  const terminal = { isTTY: true, columns: 80 };
  expect(layoutFor(terminal, {}).ink("red", "x")).not.toBe("x");
  for (const env of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) expect(layoutFor(terminal, env).ink("red", "x")).toBe("x");
  expect(layoutFor({ columns: 80 }, {}).ink("red", "x")).toBe("x");
});

test("one is not many", () => {
  expect([counted(1, "entry", "entries"), counted(2, "entry", "entries"), counted(0, "request")]).toEqual([
    "1 entry",
    "2 entries",
    "0 requests",
  ]);
});
