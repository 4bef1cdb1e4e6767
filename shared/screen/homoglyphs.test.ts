import { expect, test } from "vitest";
import { mixesScripts } from "./homoglyphs.ts";

test.each([
  ["pаypal", true],
  ["αpple", true],
  ["Москва", false],
  ["Reisebüro Москва", false],
  ["東京 Tokyo", false],
  ["пример.example", false],
])("letters of several scripts in one word: %s, %s", (text, mixed) => {
  expect(mixesScripts(text)).toBe(mixed);
});
