import { expect, test } from "vitest";
import { keepNewest } from "./bounded.ts";

test("keeps the newest, and what is put in again is new again", () => {
  const map = new Map<string, number>();
  for (const key of ["a", "b", "a", "c"]) keepNewest(map, key, map.size, 2);
  expect([...map.keys()]).toEqual(["a", "c"]);
});
