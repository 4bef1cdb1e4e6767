/** A merchant whose stored deliveries were written by a newer version, as after a rollback, offers nothing until it can read them. */

import { beforeEach, expect, test, vi } from "vitest";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import { createWorld, memoryAnswers, verdict } from "./world.ts";

let world: Awaited<ReturnType<typeof createWorld>>;
const goods = vi.fn((c) => c.text("goods"));
const canOpen = vi.fn<() => Promise<boolean>>();
const getByName = vi.fn<(name: string) => unknown>();

beforeEach(async () => {
  goods.mockClear();
  canOpen.mockReset();
  world = await createWorld();
  const object = { ...isolateDeliveries(), ...memoryAnswers(), canOpen };
  getByName.mockReset().mockReturnValue(object);
  Object.assign(world.env, { DELIVERIES: { getByName } });
});

test("it answers 503 in place of terms, takes no payment, and sells again once it can", async () => {
  canOpen.mockResolvedValue(true);
  const payment = await world.shop(goods).approved("/item/1");
  canOpen.mockResolvedValue(false);
  Object.assign(world.env, { DELIVERIES: { getByName } }); // another isolate
  const shop = world.shop(goods);
  const terms = await shop.get("/item/1");
  expect([verdict(terms), terms.headers.get("Retry-After")]).toEqual(["503 facilitator_unavailable", "2"]);
  expect(verdict(await shop.pay("/item/1", payment))).toBe("503 facilitator_unavailable");
  expect([goods.mock.calls.length, world.spent()]).toEqual([0, 0n]);
  canOpen.mockResolvedValue(true);
  expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
});

test("an isolate asks one object once, not one for each payer or request", async () => {
  canOpen.mockResolvedValue(true);
  const shop = world.shop(goods);
  for (let request = 0; request < 3; request++) await shop.get("/item/1");
  await world.shop(goods).get("/item/1");
  expect([canOpen.mock.calls.length, getByName.mock.calls]).toEqual([1, [["schema"]]]);
});

test("an object of version 0.1, which does not know the question, and one that fails are no refusal", async () => {
  getByName.mockReturnValueOnce({ ...isolateDeliveries(), ...memoryAnswers() });
  expect(verdict(await world.shop(goods).get("/item/1"))).toBe("402 payment_required");
  Object.assign(world.env, { DELIVERIES: { getByName } });
  canOpen.mockRejectedValueOnce(new Error("the object is gone"));
  expect(verdict(await world.shop(goods).get("/item/1"))).toBe("402 payment_required");
});
