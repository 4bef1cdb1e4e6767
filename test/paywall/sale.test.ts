/** One paid request: what the buyer gets, what the handler sees, and where the money is, whatever goes wrong between. */

import type { Handler, MiddlewareHandler } from "hono";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { HOLD_SECONDS } from "../../shared/limits.ts";
import { paywallCors, type PaywallEnv } from "../../workers/merchant/paywall/index.ts";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import { HANDLER_SECONDS } from "../../workers/merchant/paywall/serve/run-handler.ts";
import { createWorld, distant, PRICE, receiptOf, termsOf, verdict } from "./world.ts";

let world: Awaited<ReturnType<typeof createWorld>>;
beforeEach(async () => {
  world = await createWorld();
});

describe("a payment that is good", () => {
  test("buys one answer, with a receipt that names the settlement", async () => {
    const shop = world.shop((c) => c.json({ id: c.get("payment").id, payer: c.get("payment").payer }));
    const response = await shop.pay("/item/1", await shop.approved("/item/1"));
    const receipt = receiptOf(response);
    expect(verdict(response)).toBe("200");
    expect(receipt).toMatchObject({ success: true, network: "logos:lez-testnet", payer: world.people.owner.account, amount: PRICE });
    expect(await response.json()).toEqual({ id: receipt?.transaction, payer: world.people.owner.account });
    expect(response.headers.get("Cache-Control")).toBe("private, no-store");
    expect(world.spent()).toBe(BigInt(PRICE));
    expect(world.held()).toBe("0");
  });

  test.each([
    ["with CORS around it", [paywallCors()]],
    ["with nothing around it", []],
  ])("may buy what the handler has from elsewhere, in an answer that cannot be changed, %s", async (_name, around) => {
    const shop = world.shop(() => fetch("data:text/plain,goods"), {}, around);
    const response = await shop.pay("/item/1", await shop.approved("/item/1"));
    expect([verdict(response), await response.text()]).toEqual(["200", "goods"]);
    expect(receiptOf(response)).toMatchObject({ success: true });
    expect(response.headers.get("Cache-Control")).toBe("private, no-store");
    expect(response.headers.get("Content-Type")).toContain("text/plain");
  });

  test("leaves nothing on an answer that the seller uses again for others", async () => {
    const done = new Response(null, { status: 204 });
    const shop = world.shop(() => done, {}, []);
    expect(receiptOf(await shop.pay("/item/1", await shop.approved("/item/1")))).toMatchObject({ success: true });
    expect([...done.headers]).toEqual([]);
  });

  test("buys no upgrade to another protocol", async () => {
    const handler = vi.fn((c) => c.text("goods"));
    const shop = world.shop(handler);
    const response = await shop.pay("/item/1", await shop.approved("/item/1"), { headers: { Upgrade: "websocket" } });
    expect(verdict(response)).toBe("400 invalid_payload");
    expect(handler).not.toHaveBeenCalled();
  });

  test("is held while the handler runs, and captured before the answer leaves [paywall-hold-then-capture]", async () => {
    const seen: string[] = [];
    const shop = world.shop((c) => {
      seen.push(`handler: ${world.held()} held, ${world.spent()} spent`);
      return c.text("goods");
    });
    await shop.pay("/item/1", await shop.approved("/item/1"));
    expect(seen).toEqual([`handler: ${PRICE} held, 0 spent`]);
    expect(world.spent()).toBe(BigInt(PRICE));
  });

  test("is refused the second time, with the settlement that used it, and the handler does not run", async () => {
    const handler = vi.fn((c) => c.text("goods"));
    const shop = world.shop(handler);
    const payment = await shop.approved("/item/1");
    const first = await shop.pay("/item/1", payment);
    const second = await shop.pay("/item/1", payment);
    expect(verdict(second)).toBe("402 nonce_replayed");
    expect(receiptOf(second)).toMatchObject({
      success: false,
      errorReason: "nonce_replayed",
      transaction: "",
      extra: { transaction: receiptOf(first)?.transaction },
    });
    expect(termsOf(second)?.error).toBe("nonce_replayed");
    expect(handler).toHaveBeenCalledTimes(1);
    expect(world.spent()).toBe(BigInt(PRICE));
  });

  test("presented fifty times at once buys one answer, runs one handler and pays once", async () => {
    let running = 0;
    let most = 0;
    const handler = vi.fn(async (c) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 20));
      running--;
      return c.text("goods");
    });
    const shop = world.shop(handler);
    const payment = await shop.approved("/item/1");
    const verdicts = (await Promise.all(Array.from({ length: 50 }, () => shop.pay("/item/1", payment)))).map(verdict);
    expect(verdicts.filter((each) => each === "200")).toHaveLength(1);
    // A copy that comes after the capture is replayed, one that comes before is in progress.
    expect(verdicts.every((each) => ["200", "409 payment_in_progress", "402 nonce_replayed"].includes(each))).toBe(true);
    expect(handler).toHaveBeenCalledTimes(1);
    expect(most).toBe(1);
    expect(world.spent()).toBe(BigInt(PRICE));
  });

  test("in use is answered 409 with Retry-After and no new terms", async () => {
    const release = Promise.withResolvers<void>();
    const shop = world.shop(async (c) => {
      await release.promise;
      return c.text("goods");
    });
    const payment = await shop.approved("/item/1");
    const first = shop.pay("/item/1", payment);
    await vi.waitFor(() => expect(world.held()).toBe(PRICE));
    const second = await shop.pay("/item/1", payment);
    release.resolve();
    expect(verdict(second)).toBe("409 payment_in_progress");
    expect(second.headers.get("Retry-After")).toBe("2");
    expect(termsOf(second)).toBeUndefined();
    expect(verdict(await first)).toBe("200");
  });
});

describe("a handler that does not deliver costs nothing", () => {
  const failures: [string, (c: Parameters<Parameters<typeof world.shop>[0]>[0]) => Response, number][] = [
    ["a redirect", (c) => c.redirect("/elsewhere"), 302],
    ["a 304", (c) => c.body(null, 304), 304],
    ["a 404", (c) => c.text("none", 404), 404],
    ["a 503", (c) => c.text("later", 503), 503],
    [
      "an Error",
      () => {
        throw new Error("bug");
      },
      500,
    ],
    ["no answer at all: a forgotten return", (c) => void c.text("made, and not returned") as never, 500],
  ];
  test.each(failures)("%s", async (_name, handler, status) => {
    let fail = true;
    const shop = world.shop((c) => (fail ? handler(c) : c.text("goods")));
    const payment = await shop.approved("/item/1");
    const response = await shop.pay("/item/1", payment);
    expect(response.status).toBe(status);
    expect(receiptOf(response)).toBeUndefined();
    expect([world.spent(), world.held()]).toEqual([0n, "0"]);

    fail = false;
    expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
    expect(world.spent()).toBe(BigInt(PRICE));
  });

  test.each<[string, (answer: Response) => unknown]>([
    ["read", (answer) => answer.text()],
    ["locked by a reader", (answer) => answer.body?.getReader()],
  ])("an answer whose body was %s before it got here cannot be sent", async (_how, take) => {
    let fail = true;
    const handler = async () => {
      const answer = new Response("goods");
      if (fail) await take(answer);
      return answer;
    };
    const shop = world.shop(handler, {}, []);
    const payment = await shop.approved("/item/1");
    expect(verdict(await shop.pay("/item/1", payment))).toBe("500 internal_error");
    expect([world.spent(), world.held()]).toEqual([0n, "0"]);

    fail = false;
    expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
    expect(world.spent()).toBe(BigInt(PRICE));
  });

  test("what Hono cannot answer is thrown on, with the hold released", async () => {
    const shop = world.shop(() => {
      throw "not an Error";
    });
    await expect(shop.pay("/item/1", await shop.approved("/item/1"))).rejects.toBe("not an Error");
    expect(world.held()).toBe("0");
  });

  test("one that runs past its deadline is answered 504, told to stop, and keeps its hold until it has", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const stopped = Promise.withResolvers<void>();
      let aborted = false;
      const shop = world.shop(async (c) => {
        c.get("payment").signal.addEventListener("abort", () => (aborted = true));
        await stopped.promise;
        return c.text("too late");
      });
      const payment = await shop.approved("/item/1");
      const answer = shop.pay("/item/1", payment);
      await vi.waitFor(() => expect(world.held()).toBe(PRICE));
      await vi.advanceTimersByTimeAsync(HANDLER_SECONDS * 1000);
      expect(verdict(await answer)).toBe("504 handler_timeout");
      expect(aborted).toBe(true);
      expect(verdict(await shop.pay("/item/1", payment))).toBe("409 payment_in_progress");
      stopped.resolve();
      await vi.waitFor(() => expect(world.held()).toBe("0"));
      expect(world.spent()).toBe(0n);
    } finally {
      vi.useRealTimers();
    }
  });

  test("one that first looks for the signal after its deadline finds that it is aborted", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const [stopped, seen] = [Promise.withResolvers<void>(), Promise.withResolvers<boolean>()];
      const shop = world.shop(async (c) => {
        await stopped.promise;
        seen.resolve(c.get("payment").signal.aborted);
        return c.text("too late");
      });
      const answer = shop.pay("/item/1", await shop.approved("/item/1"));
      await vi.waitFor(() => expect(world.held()).toBe(PRICE));
      await vi.advanceTimersByTimeAsync(HANDLER_SECONDS * 1000);
      await answer;
      stopped.resolve();
      expect(await seen.promise).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("when the capture is refused", () => {
  test("the answer is withheld, headers and all, and the terms are in the body only", async () => {
    const shop = world.shop((c) => {
      // The hold dies while the handler works.
      world.clock.now += 13 * 3600;
      c.header("X-Secret", "goods");
      return c.text("goods");
    });
    const response = await shop.pay("/item/1", await shop.approved("/item/1"));
    expect(verdict(response)).toBe("402 payment_expired");
    expect(receiptOf(response)).toMatchObject({ success: false, errorReason: "payment_expired" });
    expect(response.headers.get("X-Secret")).toBeNull();
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(termsOf(response)).toBeUndefined();
    expect(await response.json()).toMatchObject({
      error: "payment_expired",
      accepts: [{ amount: PRICE }],
      problem: { code: "payment_expired" },
    });
    expect([world.spent(), world.held()]).toEqual([0n, "0"]);
  });

  test("what the seller's own middleware says of every answer stays, cookie by cookie, and the handler's cookie does not", async () => {
    const aside: MiddlewareHandler = async (c, next) => {
      c.header("Set-Cookie", "visit=1", { append: true });
      c.header("Set-Cookie", "region=eu", { append: true });
      await next();
      c.header("X-After", "1");
    };
    const dying: Handler<PaywallEnv> = (c) => {
      world.clock.now += 13 * 3600;
      c.header("Set-Cookie", "goods=1", { append: true });
      return c.text("goods");
    };
    const shop = world.shop(dying, {}, [aside]);
    const response = await shop.pay("/item/1", await shop.approved("/item/1"));
    expect(verdict(response)).toBe("402 payment_expired");
    expect(response.headers.getSetCookie()).toEqual(["visit=1", "region=eu"]);
    expect(response.headers.get("X-After")).toBe("1");
  });
});

describe("when the capture's answer is lost", () => {
  test("the buyer is told that it is pending, with the settlement to look up, and the same payment brings the goods", async () => {
    const handler = vi.fn((c) => c.text("goods"));
    const shop = world.shop(handler);
    const payment = await shop.approved("/item/1");
    const { capture } = world.rpc;
    world.rpc.capture = async (...args) => {
      await capture(...args);
      throw new Error("connection lost after the commit");
    };
    const response = await shop.pay("/item/1", payment);
    expect(verdict(response)).toBe("402 settlement_pending");
    expect(response.headers.get("Retry-After")).toBe("2");
    expect(termsOf(response)).toBeUndefined();
    const pending = receiptOf(response);
    expect(pending).toMatchObject({ success: false, errorReason: "settlement_pending", network: "logos:lez-testnet" });
    expect(await response.text()).not.toContain("goods");

    expect(verdict(await shop.pay("/item/1", payment))).toBe("402 settlement_pending");
    world.rpc.capture = capture;
    const again = await shop.pay("/item/1", payment);
    expect(verdict(again)).toBe("200");
    expect(receiptOf(again)?.transaction).toBe(pending?.transaction);
    expect(world.spent()).toBe(BigInt(PRICE));
    expect(verdict(await shop.pay("/item/1", payment))).toBe("402 nonce_replayed");
    expect(world.spent()).toBe(BigInt(PRICE));
  });

  test("a copy that looks at any moment in between erases nothing", async () => {
    for (let moment = 0; moment < 20; moment++) {
      world = await createWorld();
      const memory = distant(isolateDeliveries(), 2);
      const shop = world.shop((c) => c.text("goods"), { memory: () => memory });
      const payment = await shop.approved("/item/1");
      const { capture } = world.rpc;
      world.rpc.capture = async (...args) => {
        await capture(...args);
        await new Promise((resolve) => setTimeout(resolve, 10));
        throw new Error("the answer is lost");
      };
      const first = shop.pay("/item/1", payment);
      await new Promise((resolve) => setTimeout(resolve, moment));
      await Promise.all([first, shop.pay("/item/1", payment)]);
      world.rpc.capture = capture;
      expect(verdict(await shop.pay("/item/1", payment)), `after ${moment} ms`).toBe("200");
    }
  });

  test("and nothing was captured, the same payment starts over once the hold has ended", async () => {
    const shop = world.shop((c) => c.text("goods"));
    const payment = await shop.approved("/item/1");
    const { capture } = world.rpc;
    world.rpc.capture = () => Promise.reject(new Error("gone"));
    expect(verdict(await shop.pay("/item/1", payment))).toBe("402 settlement_pending");
    world.rpc.capture = capture;
    expect(verdict(await shop.pay("/item/1", payment))).toBe("409 payment_in_progress");
    world.clock.now += HOLD_SECONDS + 1;
    expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
    expect(world.spent()).toBe(BigInt(PRICE));
  });

  test("a handler that then fails leaves the payment good for another try", async () => {
    let broken = false;
    const shop = world.shop((c) => (broken ? c.text("broken", 500) : c.text("goods")));
    const payment = await shop.approved("/item/1");
    const { capture } = world.rpc;
    world.rpc.capture = async (...args) => {
      await capture(...args);
      throw new Error("lost");
    };
    await shop.pay("/item/1", payment);
    world.rpc.capture = capture;
    broken = true;
    const failed = await shop.pay("/item/1", payment);
    expect(failed.status).toBe(500);
    expect(receiptOf(failed)).toMatchObject({ success: true });
    broken = false;
    expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
    expect(world.spent()).toBe(BigInt(PRICE));
  });
});

describe("when the facilitator cannot be asked", () => {
  test("nothing of its words reaches the buyer, and the same payment is good later", async () => {
    const shop = world.shop((c) => c.text("goods"));
    const payment = await shop.approved("/item/1");
    const { reserve } = world.rpc;
    world.rpc.reserve = () => Promise.reject(new Error("<h1>Bad gateway</h1>"));
    const response = await shop.pay("/item/1", payment);
    expect(verdict(response)).toBe("503 facilitator_unavailable");
    expect(response.headers.get("Retry-After")).toBe("2");
    expect(await response.text()).not.toContain("gateway");
    world.rpc.reserve = reserve;
    expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
  });

  test.each(["facilitator_unavailable", "overloaded", "rate_limited", "payment_in_progress", "settlement_pending"] as const)(
    "or can be and says %s, the buyer is to wait, and is not asked for another payment",
    async (code) => {
      const shop = world.shop((c) => c.text("goods"));
      const payment = await shop.approved("/item/1");
      world.rpc.reserve = async () => ({ ok: false, code });
      const response = await shop.pay("/item/1", payment);
      expect(verdict(response)).toContain(code);
      expect(response.headers.get("Retry-After")).toBe("2");
      expect([termsOf(response), receiptOf(response)]).toEqual([undefined, undefined]);
      expect(await response.json()).not.toHaveProperty("accepts");
    },
  );

  test("there are no terms either, and the next request asks again", async () => {
    const { supported } = world.rpc;
    world.rpc.supported = () => Promise.reject(new Error("down"));
    const shop = world.shop((c) => c.text("goods"));
    expect(verdict(await shop.get("/item/1"))).toBe("503 facilitator_unavailable");
    world.rpc.supported = supported;
    expect(verdict(await shop.get("/item/1"))).toBe("402 payment_required");
  });

  test("one that takes too long is as good as none", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const shop = world.shop((c) => c.text("goods"));
      const payment = await shop.approved("/item/1");
      world.rpc.reserve = () => new Promise(() => undefined);
      const answer = shop.pay("/item/1", payment);
      await vi.advanceTimersByTimeAsync(15_000);
      expect(verdict(await answer)).toBe("503 facilitator_unavailable");
    } finally {
      vi.useRealTimers();
    }
  });
});

test("a merchant killed between reserve and capture blocks its payment until the hold ends, and no longer", async () => {
  const shop = world.shop((c) => c.text("goods"));
  const payment = await shop.approved("/item/1");
  const unverified = { paymentPayload: payment, paymentRequirements: payment.accepted };
  await world.rpc.reserve({ payment: unverified, reservationId: world.randomId(), holdSeconds: HOLD_SECONDS }, "");
  expect(verdict(await shop.pay("/item/1", payment))).toBe("409 payment_in_progress");
  world.clock.now += HOLD_SECONDS;
  expect(verdict(await shop.pay("/item/1", payment))).toBe("409 payment_in_progress");
  world.clock.now += 1;
  expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
  expect(world.spent()).toBe(BigInt(PRICE));
});

test("a facilitator with a new ledger makes the terms stale once", async () => {
  const shop = world.shop((c) => c.text("goods"));
  const stale = await shop.approved("/item/1");
  world.replaceLedger();
  const refused = await shop.pay("/item/1", stale);
  expect(verdict(refused)).toBe("402 ledger_mismatch");
  expect(termsOf(refused)).toBeUndefined();
  const fresh = await shop.approved("/item/1");
  expect(fresh.accepted.extra?.["ledger"]).toBe(world.ledger.info().ledger);
  expect(verdict(await shop.pay("/item/1", fresh))).toBe("200");
});

test("a payment for a ledger that this isolate has not heard of is good as soon as it asked, and it asks once for a wrong one", async () => {
  const shop = world.shop((c) => c.text("goods"));
  const stale = await shop.approved("/item/1");
  world.replaceLedger();
  const goBack = world.enterNewIsolate();
  const payment = await world.shop((c) => c.text("goods")).approved("/item/1");
  goBack();
  expect(verdict(await shop.pay("/item/1", payment))).toBe("200");

  const supported = vi.spyOn(world.rpc, "supported");
  const refused = await shop.pay("/item/1", stale);
  expect(verdict(refused)).toBe("402 ledger_mismatch");
  expect(termsOf(refused)?.accepts[0]?.extra?.["ledger"]).toBe(world.ledger.info().ledger);
  expect(supported).toHaveBeenCalledTimes(1);
});
