/** A payment under an id, when the place where answers are kept fails: what is not on disk is not paid for, unless it was paid before. */

import type { Handler, MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { PAYMENT_IDENTIFIER, withIdentifier } from "../../shared/extensions/payment-identifier.ts";
import { HOLD_MARGIN_SECONDS, MAX_STORED_ANSWER_BYTES } from "../../shared/limits.ts";
import type { PaywallEnv, PaywallOptions } from "../../workers/merchant/paywall/index.ts";
import type { IdempotencyStore } from "../../workers/merchant/paywall/memory/idempotency-store.ts";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import { HANDLER_SECONDS } from "../../workers/merchant/paywall/serve/run-handler.ts";
import { createWorld, memoryAnswers, PRICE, receiptOf, verdict } from "./world.ts";

type World = Awaited<ReturnType<typeof createWorld>>;
let world: World;
let runs: number;
/** One payer's answers, honest until a test replaces a method. */
let store: IdempotencyStore;

beforeEach(async () => {
  world = await createWorld();
  runs = 0;
  store = memoryAnswers();
  const memory = isolateDeliveries();
  Object.assign(world.env, { DELIVERIES: { getByName: () => ({ ...memory, ...store }) } });
});

async function bought(
  options: Partial<PaywallOptions> = {},
  handler: Handler<PaywallEnv> = (c) => c.text("goods"),
  around?: MiddlewareHandler[],
) {
  const shop = world.shop((c, next) => (runs++, handler(c, next)), options, around);
  const payment = {
    ...(await shop.approved("/item/1")),
    extensions: { [PAYMENT_IDENTIFIER]: withIdentifier({ info: { required: false } }, "pay_0123456789abcdef") },
  };
  return (headers: Record<string, string> = {}) => shop.pay("/item/1", payment, { headers });
}

describe("a merchant that has changed its terms since", () => {
  const ID = { [PAYMENT_IDENTIFIER]: withIdentifier({ info: { required: false } }, "pay_0123456789abcdef") };
  const shopAt = (amount: string) => world.shop((c) => (runs++, c.text("goods")), { amount });

  test("still gives out what was bought: to that payment, under its id, at its address", async () => {
    const payment = { ...(await shopAt(PRICE).approved("/item/1")), extensions: ID };
    expect(verdict(await shopAt(PRICE).pay("/item/1", payment))).toBe("200");
    const dearer = shopAt("20000");
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    const again = await dearer.pay("/item/1", payment);
    expect(log.mock.calls).toEqual([[expect.stringContaining("payment.redelivered")]]);
    log.mockRestore();
    expect([verdict(again), await again.text(), receiptOf(again)?.success]).toEqual(["200", "goods", true]);
    expect(again.headers.get("Access-Control-Allow-Origin")).toBe("*");

    const otherId = { [PAYMENT_IDENTIFIER]: withIdentifier({ info: { required: false } }, "pay_fedcba9876543210") };
    const { signature } = payment.payload as { signature: string };
    const forged = { ...payment.payload, signature: signature.replace(/^./, (digit) => (digit === "0" ? "1" : "0")) };
    expect(verdict(await dearer.pay("/item/1", { ...payment, extensions: otherId }))).toBe("402 amount_mismatch");
    const recalled = vi.spyOn(store, "recall");
    expect(verdict(await dearer.pay("/item/1", { ...payment, payload: forged }))).toBe("402 amount_mismatch");
    expect(recalled).not.toHaveBeenCalled();
    expect(verdict(await dearer.pay("/item/1?other", payment))).toBe("402 amount_mismatch");
    expect(verdict(await dearer.pay("/item/1", { ...payment, accepted: { ...payment.accepted, amount: "1" } }))).toBe(
      "402 amount_mismatch",
    );
    expect([runs, world.spent()]).toEqual([1, BigInt(PRICE)]);
  });

  test("sells nothing on the old ones", async () => {
    const payment = { ...(await shopAt(PRICE).approved("/item/1")), extensions: ID };
    expect(verdict(await shopAt("20000").pay("/item/1", payment))).toBe("402 amount_mismatch");
    expect([runs, world.spent()]).toEqual([0, 0n]);
  });
});

describe("a stored answer", () => {
  test("has the handler's own headers; what middleware says of every answer, it says anew", async () => {
    let visit = 0;
    const visits: MiddlewareHandler = async (c, next) => {
      c.header("Set-Cookie", `visit=${++visit}`, { append: true });
      await next();
    };
    const around = [cors({ origin: ["https://a.example.com", "https://b.example.com"] }), visits];
    const goods: Handler<PaywallEnv> = (c) => {
      c.header("Set-Cookie", "basket=1", { append: true });
      return c.text("goods", 200, { "X-Goods": "1" });
    };
    const send = await bought({}, goods, around);
    for (const origin of ["https://a.example.com", "https://b.example.com"]) {
      const answer = await send({ Origin: origin });
      expect([verdict(answer), await answer.text(), answer.headers.get("X-Goods")]).toEqual(["200", "goods", "1"]);
      expect(answer.headers.get("Access-Control-Allow-Origin")).toBe(origin);
      expect(answer.headers.getSetCookie().toSorted()).toEqual(["basket=1", `visit=${visit}`]);
    }
    expect(runs).toBe(1);
  });

  test("is not made of one that is encoded: it goes out as it is, once", async () => {
    const send = await bought({}, () => new Response("squeezed", { headers: { "Content-Encoding": "x-own" } }));
    const answer = await send();
    expect([verdict(answer), await answer.text()]).toEqual(["200", "squeezed"]);
    expect(verdict(await send())).toBe("409 answer_not_stored");
  });
});

test("a run that failed frees its id, whatever the seller's own error page says", async () => {
  let fail = true;
  const send = await bought({}, (c) => (fail ? c.notFound() : c.text("goods")), [
    async (c, next) => {
      await next();
      if (c.res.status === 404) c.res = new Response("sorry", { status: 200 });
    },
  ]);
  await send();
  fail = false;
  expect(verdict(await send())).toBe("200");
});

test("flow upfront, and an answer that breaks off: the buyer has the receipt, nothing of the answer, and the same payment brings all of it", async () => {
  let breaks = true;
  const send = await bought({ flow: "upfront" }, (c) => {
    c.header("X-Secret", "goods");
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("upstream is gone")) });
    return breaks ? c.body(broken) : c.text("goods");
  });
  const answer = await send();
  expect(verdict(answer)).toBe("500 internal_error");
  expect([receiptOf(answer)?.success, answer.headers.get("X-Secret")]).toEqual([true, null]);
  breaks = false;
  expect(verdict(await send())).toBe("200");
  expect(world.spent()).toBe(BigInt(PRICE));
});

test("a stream that breaks off while its capture is under way breaks off for its buyer alone", async () => {
  const unhandled = vi.fn();
  const before = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection").on("unhandledRejection", unhandled);
  try {
    let chunks = 0;
    const broken = () => {
      return new ReadableStream<Uint8Array>({
        pull: (controller) => {
          if (chunks++ > 0) throw new Error("broke off");
          controller.enqueue(new Uint8Array(MAX_STORED_ANSWER_BYTES + 1));
        },
      });
    };
    const send = await bought({}, () => new Response(broken()));
    const { capture } = world.rpc;
    world.rpc.capture = async (...args) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return capture(...args);
    };
    await expect((await send()).arrayBuffer()).rejects.toThrow("broke off");
    expect(unhandled).not.toHaveBeenCalled();
  } finally {
    process.removeAllListeners("unhandledRejection");
    for (const listener of before) process.on("unhandledRejection", listener);
  }
});

describe("flow authorization", () => {
  test("a copy that could not be made: nothing is captured, the hold is gone, the same payment is good later", async () => {
    const send = await bought();
    const { store: honest } = store;
    store.store = async () => {
      throw new Error("the disk is full");
    };
    expect(verdict(await send())).toBe("500 internal_error");
    expect([world.spent(), world.held()]).toEqual([0n, "0"]);
    store.store = honest;
    expect(verdict(await send())).toBe("200");
    expect(verdict(await send())).toBe("200");
    expect([world.spent(), runs]).toEqual([BigInt(PRICE), 2]);
  });

  test("a claim that was lost to another request: this run's answer does not leave, and its hold is the other's", async () => {
    const send = await bought();
    store.store = async () => false;
    expect(verdict(await send())).toBe("409 payment_in_progress");
    expect([world.spent(), world.held()]).toEqual([0n, PRICE]);
  });

  test("an unknown outcome: the copy stays, and is given out as soon as the capture is known", async () => {
    const send = await bought();
    const { capture } = world.rpc;
    world.rpc.capture = async (...args) => {
      await capture(...args);
      throw new Error("the answer is lost");
    };
    expect(verdict(await send())).toBe("402 settlement_pending");
    world.rpc.capture = capture;
    const answer = await send();
    expect([verdict(answer), await answer.text(), runs]).toEqual(["200", "goods", 1]);
    expect(world.spent()).toBe(BigInt(PRICE));
  });
});

test("flow upfront, and a copy that could not be made: what is paid is delivered, and not a second time", async () => {
  const send = await bought({ flow: "upfront" });
  store.store = async () => {
    throw new Error("the disk is full");
  };
  expect(verdict(await send())).toBe("200");
  expect(verdict(await send())).toBe("409 answer_not_stored");
  expect([world.spent(), runs]).toEqual([BigInt(PRICE), 1]);
});

test("flow upfront, and a handler that never ends: the goods are owed, under the id as well, as soon as its lease is over", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  try {
    const send = await bought({ flow: "upfront" }, (c) => (runs === 1 ? new Promise<never>(() => undefined) : c.text("goods")));
    const late = send();
    await vi.waitFor(() => expect(runs).toBe(1));
    await vi.advanceTimersByTimeAsync(HANDLER_SECONDS * 1000);
    expect(verdict(await late)).toBe("504 handler_timeout");
    expect(verdict(await send())).toBe("409 payment_in_progress");
    await vi.advanceTimersByTimeAsync((HOLD_MARGIN_SECONDS + 1) * 1000);
    expect(verdict(await send())).toBe("200");
    expect(verdict(await send())).toBe("200");
    expect([world.spent(), runs]).toEqual([BigInt(PRICE), 2]);
  } finally {
    vi.useRealTimers();
  }
});
