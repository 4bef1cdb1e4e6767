/** Flow `upfront`: the money moves first, and what the handler does not deliver stays owed. */

import type { Context } from "hono";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { HOLD_SECONDS } from "../../shared/limits.ts";
import type { DeliveryStore } from "../../workers/merchant/paywall/index.ts";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import { HANDLER_SECONDS } from "../../workers/merchant/paywall/serve/run-handler.ts";
import { createWorld, PRICE, receiptOf, termsOf, verdict } from "./world.ts";

let world: Awaited<ReturnType<typeof createWorld>>;
beforeEach(async () => {
  world = await createWorld();
});
const upfront = { flow: "upfront" } as const;

test("the offer says so, and the payment is settled before the handler runs", async () => {
  const seen: bigint[] = [];
  const shop = world.shop((c) => {
    seen.push(world.spent());
    return c.text("goods");
  }, upfront);
  expect(termsOf(await shop.get("/item/1"))?.accepts[0]?.extra).toMatchObject({ paymentFlow: "upfront" });
  const payment = await shop.approved("/item/1");
  const paid = await shop.pay("/item/1", payment);
  expect(verdict(paid)).toBe("200");
  expect(receiptOf(paid)).toMatchObject({ success: true, amount: PRICE });
  expect(seen).toEqual([BigInt(PRICE)]);
  expect(verdict(await shop.pay("/item/1", payment))).toBe("402 nonce_replayed");
});

test("fifty copies at once: one settlement, one handler run, one answer [upfront-fifty-copies]", async () => {
  const handler = vi.fn((c) => c.text("goods"));
  const shop = world.shop(handler, upfront);
  const payment = await shop.approved("/item/1");
  const verdicts = (await Promise.all(Array.from({ length: 50 }, () => shop.pay("/item/1", payment)))).map(verdict);
  expect(verdicts.filter((each) => each === "200")).toHaveLength(1);
  expect(handler).toHaveBeenCalledTimes(1);
  expect(world.spent()).toBe(BigInt(PRICE));
});

describe("while the handler runs", () => {
  test("a copy is told to wait, not to pay again", async () => {
    const release = Promise.withResolvers<void>();
    const shop = world.shop(async (c) => {
      await release.promise;
      return c.text("not yet", 503);
    }, upfront);
    const payment = await shop.approved("/item/1");
    const first = shop.pay("/item/1", payment);
    await vi.waitFor(() => expect(world.spent()).toBe(BigInt(PRICE)));
    const copy = await shop.pay("/item/1", payment);
    expect(verdict(copy)).toBe("409 payment_in_progress");
    expect(termsOf(copy)).toBeUndefined();
    release.resolve();
    expect((await first).status).toBe(503);
  });

  test("what is written down late is not left behind: who was served has nothing more to come", async () => {
    const memory = isolateDeliveries();
    const slowly: DeliveryStore = {
      ...memory,
      begin: async (...args) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return memory.begin(...args);
      },
    };
    const handler = vi.fn(async (c: Context) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return c.text("goods");
    });
    const shop = world.shop(handler, { ...upfront, memory: () => slowly });
    const payment = await shop.approved("/item/1");
    expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
    await new Promise((resolve) => setTimeout(resolve, 30));
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + (HOLD_SECONDS + 1) * 1000 });
    try {
      expect(verdict(await shop.pay("/item/1", payment))).toBe("402 nonce_replayed");
    } finally {
      vi.useRealTimers();
    }
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test("a merchant that dies owes the goods, and the same payment brings them", async () => {
    const disk = isolateDeliveries();
    let dead = true;
    const shop = world.shop((c) => (dead ? new Promise<never>(() => undefined) : c.text("goods")), { ...upfront, memory: () => disk });
    const payment = await shop.approved("/item/1");
    void shop.pay("/item/1", payment);
    await vi.waitFor(() => expect(world.spent()).toBe(BigInt(PRICE)));
    dead = false;
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + (HOLD_SECONDS + 1) * 1000 });
    try {
      expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
      expect(verdict(await shop.pay("/item/1", payment))).toBe("402 nonce_replayed");
    } finally {
      vi.useRealTimers();
    }
    expect(world.spent()).toBe(BigInt(PRICE));
  });
});

test.each(["delivers", "fails"])("a run that %s long after a copy was served brings nothing back", async (how) => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  try {
    const memory = isolateDeliveries();
    const stopped = Promise.withResolvers<void>();
    const handler = vi.fn(async (c: Context) => {
      if (handler.mock.calls.length > 1) return c.text("goods");
      await stopped.promise;
      return c.text("goods", how === "delivers" ? 200 : 500);
    });
    const shop = world.shop(handler, { ...upfront, memory: () => memory });
    const payment = await shop.approved("/item/1");
    const late = shop.pay("/item/1", payment);
    await vi.waitFor(() => expect(handler).toHaveBeenCalled());
    await vi.advanceTimersByTimeAsync(HANDLER_SECONDS * 1000);
    expect(verdict(await late)).toBe("504 handler_timeout");
    await vi.advanceTimersByTimeAsync(HOLD_SECONDS * 1000);
    expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
    stopped.resolve();
    await vi.advanceTimersByTimeAsync(1000);
    expect(verdict(await shop.pay("/item/1", payment))).toBe("402 nonce_replayed");
    expect(handler).toHaveBeenCalledTimes(2);
  } finally {
    vi.useRealTimers();
  }
});

describe("a handler that fails after the settlement", () => {
  test("by answering nothing is told to its buyer with the receipt, and owes as well", async () => {
    let forgets = true;
    const shop = world.shop((c) => (forgets ? (void c.text("made, and not returned") as never) : c.text("goods")), upfront);
    const payment = await shop.approved("/item/1");
    expect((await shop.pay("/item/1", payment)).status).toBe(500);
    forgets = false;
    expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
    expect(world.spent()).toBe(BigInt(PRICE));
  });

  test("answers with its status and a receipt, and the same payment runs it again, free, until it delivers", async () => {
    let left = 2;
    const shop = world.shop((c) => (left-- > 0 ? c.text("not yet", 503) : c.json({ id: c.get("payment").id })), upfront);
    const payment = await shop.approved("/item/1");
    const first = await shop.pay("/item/1", payment);
    expect(first.status).toBe(503);
    expect(first.headers.get("Cache-Control")).toBe("private, no-store");
    expect(receiptOf(first)).toMatchObject({ success: true });
    const second = await shop.pay("/item/1", payment);
    expect(second.status).toBe(503);
    const third = await shop.pay("/item/1", payment);
    expect(verdict(third)).toBe("200");
    expect(await third.json()).toEqual({ id: receiptOf(first)?.transaction });
    expect(receiptOf(third)?.transaction).toBe(receiptOf(first)?.transaction);
    expect(world.spent()).toBe(BigInt(PRICE));
    expect(verdict(await shop.pay("/item/1", payment))).toBe("402 nonce_replayed");
  });

  test("owes its goods beyond the payment's validity", async () => {
    let fail = true;
    const shop = world.shop((c) => (fail ? c.text("not yet", 503) : c.text("goods")), upfront);
    const payment = await shop.approved("/item/1");
    await shop.pay("/item/1", payment);
    fail = false;
    world.clock.now += 901;
    expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
    expect(world.spent()).toBe(BigInt(PRICE));
  });

  test("is retried by one copy at a time", async () => {
    let fail = true;
    let running = 0;
    let most = 0;
    const shop = world.shop(async (c) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 20));
      running--;
      return fail ? c.text("not yet", 503) : c.text("goods");
    }, upfront);
    const payment = await shop.approved("/item/1");
    await shop.pay("/item/1", payment);
    fail = false;
    const verdicts = (await Promise.all(Array.from({ length: 20 }, () => shop.pay("/item/1", payment)))).map(verdict);
    expect(verdicts.filter((each) => each === "200")).toHaveLength(1);
    expect(most).toBe(1);
  });

  test("by throwing, or by taking too long, owes as well", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const stopped = Promise.withResolvers<void>();
      let hanging = false;
      let how: "throw" | "hang" | "deliver" = "throw";
      const shop = world.shop(async (c) => {
        if (how === "throw") throw new Error("bug");
        if (how === "hang") {
          hanging = true;
          await stopped.promise;
        }
        return c.text("goods");
      }, upfront);
      const payment = await shop.approved("/item/1");
      expect((await shop.pay("/item/1", payment)).status).toBe(500);
      how = "hang";
      const late = shop.pay("/item/1", payment);
      await vi.waitFor(() => expect(hanging).toBe(true));
      await vi.advanceTimersByTimeAsync(HANDLER_SECONDS * 1000);
      expect(verdict(await late)).toBe("504 handler_timeout");
      expect(verdict(await shop.pay("/item/1", payment))).toBe("409 payment_in_progress");
      stopped.resolve();
      how = "deliver";
      await vi.waitFor(async () => expect(verdict(await shop.pay("/item/1", payment))).toBe("200"));
      expect(world.spent()).toBe(BigInt(PRICE));
    } finally {
      vi.useRealTimers();
    }
  });
});

test("when the settlement's answer is lost, the buyer is told that it is pending, and the same payment brings the goods", async () => {
  const shop = world.shop((c) => c.text("goods"), upfront);
  const payment = await shop.approved("/item/1");
  const { settle } = world.rpc;
  world.rpc.settle = async (...args) => {
    await settle(...args);
    throw new Error("lost");
  };
  const pending = await shop.pay("/item/1", payment);
  expect(verdict(pending)).toBe("402 settlement_pending");
  expect(receiptOf(pending)?.transaction).toMatch(/^[0-9a-f]{64}$/);
  world.rpc.settle = settle;
  const paid = await shop.pay("/item/1", payment);
  expect(verdict(paid)).toBe("200");
  expect(receiptOf(paid)?.transaction).toBe(receiptOf(pending)?.transaction);
  expect(world.spent()).toBe(BigInt(PRICE));
});

test("a payment for an upfront offer says so: one that agreed to another order of things is refused", async () => {
  const shop = world.shop((c) => c.text("goods"), upfront);
  const payment = await shop.approved("/item/1");
  const { paymentFlow: _, ...extra } = payment.accepted.extra ?? {};
  expect(verdict(await shop.pay("/item/1", { ...payment, accepted: { ...payment.accepted, extra } }))).toBe("402 offer_mismatch");
});

test("a payment that its payer did not sign is not remembered, whether or not the facilitator answers", async () => {
  const memory = isolateDeliveries();
  const remembered = vi.spyOn(memory, "finish");
  const shop = world.shop((c) => c.text("goods"), { ...upfront, memory: () => memory });
  const payment = await shop.approved("/item/1");
  world.rpc.settle = () => Promise.reject(new Error("down"));
  const forged = { ...payment, payload: { ...payment.payload, signature: "ab".repeat(64) } };
  expect(verdict(await shop.pay("/item/1", forged))).toBe("503 facilitator_unavailable");
  expect(remembered).not.toHaveBeenCalled();
  expect(verdict(await shop.pay("/item/1", payment))).toBe("402 settlement_pending");
});
