import { expect, test } from "vitest";
import { passed, torture } from "./torture.ts";

/** Under mandates too. Short: `npm run torture` is the long one. */
test.each([1, 4])("a ledger of %i shards that is killed while clients pay loses nothing", { timeout: 60_000 }, async (shards) => {
  const report = await torture({ kills: 2, shards, clients: 4 });
  expect(report).toMatchObject({ lost: 0, duplicated: 0, supplyExact: true, problems: [] });
  expect(passed(report)).toBe(true);
});
