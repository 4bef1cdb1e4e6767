/** A seller's code written for version 0.1 keeps working. */

import { expect, expectTypeOf, test, vi } from "vitest";
import { rpcFacilitator } from "../../workers/merchant/paywall/facilitator/rpc.ts";
import type {
  DeliveryState,
  DeliveryStore,
  FacilitatorOf01,
  PaymentMemory,
  PaywallFacilitator,
  Remembered,
} from "../../workers/merchant/paywall/index.ts";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import { createWorld, verdict } from "./world.ts";

test("the types of 0.1 are the types of today", () => {
  expectTypeOf<PaymentMemory>().toEqualTypeOf<DeliveryStore>();
  expectTypeOf<Remembered>().toEqualTypeOf<DeliveryState>();
});

/** As a seller may have written it: a class with state of its own. */
class SellersFacilitator implements FacilitatorOf01 {
  readonly holdsNothing: boolean;
  readonly #inner: PaywallFacilitator;

  constructor(inner: PaywallFacilitator, holdsNothing: boolean) {
    this.#inner = inner;
    this.holdsNothing = holdsNothing;
  }
  supported(traceId: string) {
    return this.#inner.supported(traceId);
  }
  reserve(...args: Parameters<PaywallFacilitator["reserve"]>) {
    return this.#inner.reserve(...args);
  }
  capture(...args: Parameters<PaywallFacilitator["capture"]>) {
    return this.#inner.capture(...args);
  }
  release(...args: Parameters<PaywallFacilitator["release"]>) {
    return this.#inner.release(...args);
  }
  settle(...args: Parameters<PaywallFacilitator["settle"]>) {
    return this.#inner.settle(...args);
  }
}

test.each([
  [true, [["delivered"]]],
  [false, []],
])(
  "a facilitator that says holdsNothing: %s sells, and the merchant's memory records deliveries only for true",
  async (holdsNothing, recorded) => {
    const world = await createWorld();
    const memory = isolateDeliveries();
    const finish = vi.spyOn(memory, "finish");
    const facilitator = new SellersFacilitator(rpcFacilitator(world.rpc), holdsNothing);
    const shop = world.shop((c) => c.text("goods"), { facilitator: () => facilitator, memory: () => memory });
    expect(verdict(await shop.pay("/item/1", await shop.approved("/item/1")))).toBe("200");
    expect(finish.mock.calls.map(([, , remembered]) => [remembered?.state])).toEqual(recorded);
  },
);
