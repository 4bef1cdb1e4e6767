/** The merchant's memory in an isolate, where there is no Durable Object for it. */

import { expect, test } from "vitest";
import { MAX_PENDING_SETTLEMENTS } from "../../shared/limits.ts";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import { randomId } from "./world.ts";

const paid = { state: "paid", receipt: { success: true, transaction: "t", network: "n" } } as const;

test("is bounded for any number of payers: the oldest debts go", async () => {
  const memory = isolateDeliveries();
  const keys = Array.from({ length: MAX_PENDING_SETTLEMENTS + 1 }, randomId);
  for (const key of keys) await memory.finish(key, randomId(), paid, 0);
  const [oldest = randomId(), second = randomId()] = keys;
  expect(await memory.resume(oldest, randomId(), 60)).toEqual({ granted: true });
  expect(await memory.resume(second, randomId(), 60)).toEqual({ granted: true, remembered: paid });
});
