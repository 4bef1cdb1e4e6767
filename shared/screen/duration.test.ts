import { expect, test } from "vitest";
import { deadlineText, duration } from "./duration.ts";

test("durations read as people say them", () => {
  expect([40, 119, 900, 7200, 7500, 172_799, 172_800, 604_799].map(duration)).toEqual([
    "40 s",
    "119 s",
    "15 min",
    "2 h",
    "2 h 5 min",
    "47 h 59 min",
    "2 days",
    "6 days 23 h",
  ]);
});

test("a deadline names the moment and the time left", () => {
  expect(deadlineText("2026-01-01T12:00:00Z", 840)).toBe("2026-01-01T12:00:00Z (in 14 min)");
});
