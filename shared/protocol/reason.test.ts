import { describe, expect, test } from "vitest";
import { HOSTILE_CHARACTERS, ORDINARY_TEXTS } from "../../test/spellings.ts";
import { isReasonMinimum, meaningfulLength, reasonSchema } from "./reason.ts";

const accepts = (text: string) => reasonSchema.safeParse(text).success;

describe("a reason", () => {
  test.each(ORDINARY_TEXTS)("can be given in %s", (_, text) => expect(accepts(text.normalize("NFC"))).toBe(true));

  test("has at least 32 visible characters", () => {
    expect([31, 32].map((length) => accepts("a".repeat(length)))).toEqual([false, true]);
    expect(accepts("a ".repeat(31))).toBe(false);
    expect(accepts("a ".repeat(32))).toBe(true);
  });

  test("has at most 2000 characters, counted as code points", () => {
    expect([2000, 2001].map((length) => accepts("😀".repeat(length)))).toEqual([true, false]);
  });

  test.each(HOSTILE_CHARACTERS)("cannot be made of %s", (_, char) => {
    expect(meaningfulLength(char.repeat(500))).toBe(0);
    expect(accepts(char.repeat(500))).toBe(false);
    expect(accepts(`Because.${char.repeat(500)}`)).toBe(false);
  });

  test("cannot be made of spaces, nor of combining marks piled on one letter", () => {
    expect(accepts(" ".repeat(100))).toBe(false);
    expect(accepts(`q${"\u0323\u0307".repeat(100)}`.normalize("NFC"))).toBe(false);
  });

  test("is well-formed and in normalisation form C", () => {
    const rest = "x".repeat(40);
    expect(["é", "e\u0301", "\u212B", "\ud800", "\udc00\ud800"].map((text) => accepts(text + rest))).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});

test("an owner may ask for 32 to 100 characters", () => {
  expect([31, 32, 100, 101, 50.5, Number.NaN].map(isReasonMinimum)).toEqual([false, true, true, false, false, false]);
});
