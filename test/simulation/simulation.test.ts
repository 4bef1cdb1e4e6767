import { describe, expect, test } from "vitest";
import { simulate } from "./run.ts";

describe.each([1, 4])("over %i shards", (shards) => {
  test("nothing is lost, paid twice, or settled after it was called off", async () => {
    for (let seed = 1; seed <= 2; seed++) {
      expect(await simulate(seed, shards), `seed ${seed}`).toMatchObject({ violations: [], acknowledged: expect.any(Number) });
    }
  });
});

test("a seed reproduces a run, and another seed is another run", async () => {
  const first = await simulate(7, 4);
  expect(await simulate(7, 4)).toEqual(first);
  expect(await simulate(8, 4)).not.toMatchObject({ events: first.events });
});

test("a run is worth something: machines crash, payments arrive, go back, or are called off, and calls meet", async () => {
  const { crashes, acknowledged, refunded, calledOff, groups } = await simulate(3, 4);
  expect(Math.min(crashes, acknowledged, refunded, calledOff, groups)).toBeGreaterThan(0);
});
