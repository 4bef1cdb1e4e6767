import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HOSTILE_CHARACTERS, ORDINARY_TEXTS } from "../../test/spellings.ts";
import { MAX_QUOTE_LENGTH } from "../limits.ts";
import { quote, showUnsafe } from "./escapes.ts";

describe("what is shown on a screen", () => {
  test.each(ORDINARY_TEXTS)("leaves %s alone", (_, text) => expect(showUnsafe(text)).toBe(text));

  test("counts marks that pile up on one letter, and leaves those of a language alone", () => {
    expect(showUnsafe(`Z${"\u0335".repeat(1800)}a`)).toBe(`Z${"\u0335".repeat(8)}⟦1792 more marks⟧a`);
    const hebrew = "\u05E9\u05C1\u05B8\u05BC\u0591";
    expect(showUnsafe(hebrew)).toBe(hebrew);
  });

  test.each(HOSTILE_CHARACTERS)("names %s", (_, char) => {
    const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    expect(showUnsafe(`pay${char}me`)).toBe(`pay⟦U+${code}⟧me`);
  });

  test("takes the teeth out of an escape sequence and of text that runs backwards", () => {
    expect(showUnsafe("\u001B[2J\u001B]0;paid\u0007")).toBe("⟦U+001B⟧[2J⟦U+001B⟧]0;paid⟦U+0007⟧");
    expect(showUnsafe("pay \u202E00001")).toBe("pay ⟦U+202E⟧00001");
  });

  test("replaces half a surrogate pair", () => expect(showUnsafe("a\ud83db")).toBe("a\uFFFDb"));

  test("never contains an unsafe character, and is shown the same a second time", () => {
    const hostile = fc.constantFrom(...HOSTILE_CHARACTERS.map(([, char]) => char));
    const text = fc.array(fc.oneof(fc.string({ unit: "binary" }), hostile)).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, (input) => {
        const shown = showUnsafe(input);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u);
        expect(showUnsafe(shown)).toBe(shown);
      }),
    );
  });
});

test("a quoted value is one line, and short", () => {
  expect(quote({ a: "x\n\u202Ey" })).toBe('{"a":"x\\n⟦U+202E⟧y"}');
  expect(quote("y".repeat(1000))).toHaveLength(MAX_QUOTE_LENGTH + 1);
  expect(quote(undefined)).toBe("nothing");
});
