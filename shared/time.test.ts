import * as fc from "fast-check";
import { expect, test } from "vitest";
import { BAD_TIMESTAMPS } from "../test/spellings.ts";
import { formatTimestamp, parseTimestamp, unixNow } from "./time.ts";

test("a time is read back as the second it was written for", () => {
  const seconds = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31, 23, 59, 59) / 1000 });
  fc.assert(fc.property(seconds, (at) => parseTimestamp(formatTimestamp(at)) === at));
});

test("only one spelling of a time is a time", () => {
  expect(BAD_TIMESTAMPS.filter((text) => parseTimestamp(text) !== undefined)).toEqual([]);
});

test("leap days exist in leap years only", () => {
  const days = ["2024-02-29", "2023-02-29", "2000-02-29", "1900-02-29"];
  expect(days.map((day) => parseTimestamp(`${day}T00:00:00Z`) !== undefined)).toEqual([true, false, true, false]);
});

test("any string is judged without throwing", () => {
  fc.assert(fc.property(fc.string(), (text) => ["number", "undefined"].includes(typeof parseTimestamp(text))));
});

test("now is in whole seconds", () => {
  expect(Number.isInteger(unixNow())).toBe(true);
  expect(Math.abs(unixNow() - Date.now() / 1000)).toBeLessThan(2);
});
