/** Automatic refunds: what an object owes goes back once, whatever dies, and its buyer gets the goods or the money. */

import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import { randomDigest } from "../../shared/crypto/digest.ts";
import { HOLD_SECONDS, REFUND_CREDIT_TRIES, REFUND_PAUSES_SECONDS, UNDELIVERED_SECONDS } from "../../shared/limits.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { mandateDigest } from "../../shared/protocol/mandate.ts";
import { unixNow } from "../../shared/time.ts";
import { DELIVERIES } from "./deliveries.ts";
import { NOW, setTime } from "./ledger.ts";
import { openShop, PRICE } from "./refunding.ts";

const logged = vi.spyOn(console, "log").mockImplementation(() => {});
const lines = (event: string) =>
  logged.mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, unknown>).filter((line) => line["event"] === event);

beforeEach(() => setTime(NOW));
afterEach(() => logged.mockClear());
afterAll(() => {
  vi.useRealTimers();
  logged.mockRestore();
});

type Shop = Awaited<ReturnType<typeof openShop>>;
const ENDED = NOW + 900 + UNDELIVERED_SECONDS + 60;
const PAID = "15000";
const BACK = "25000";

/** A purchase whose handler failed. */
async function undelivered(shop: Shop) {
  const people = await shop.buyer();
  const payment = await shop.approved(people);
  expect(await shop.present(payment)).toBe("503 not yet");
  expect(await shop.balance(people)).toBe(PAID);
  const [{ data } = { data: {} as never }] = shop.hooks.filter(({ type }) => type === "payment.undelivered").slice(-1);
  return { people, payment, transaction: data.transaction as Digest };
}

/** The time to fetch the goods is over. */
async function end(shop: Shop, people: Awaited<ReturnType<Shop["buyer"]>>, at = ENDED) {
  setTime(at);
  await shop.ring(people);
}

describe("what was not delivered in its time", () => {
  test("goes back to its buyer, and the seller is told [auto-refund]", async () => {
    const shop = await openShop();
    const mandate = await shop.grant();
    const { people, payment, transaction } = await undelivered(shop);
    expect(shop.hooks.at(-1)).toMatchObject({ type: "payment.undelivered", data: { refund: { state: "automatic" } } });
    await end(shop, people, NOW + 900 + UNDELIVERED_SECONDS);
    expect(shop.sent).toEqual([]);
    await end(shop, people);
    expect(await shop.balance(people)).toBe(BACK);
    const { refunds, refunded } = await shop.refundsMade(transaction);
    expect([refunded, refunds.length, shop.sent.length]).toEqual([PRICE, 1, 1]);
    const made = refunds[0]?.transaction;
    const event = { transaction: made, payer: shop.seller.account, payee: people.owner.account, amount: PRICE, refundOf: transaction };
    expect(shop.hooks.at(-1)).toMatchObject({ type: "payment.refunded", data: event });
    expect(await shop.sales()).toMatchObject([{ transaction, status: "owed", refund: { state: "made", transaction: made } }]);
    expect(lines("refund.made")).toMatchObject([{ transaction: made, refundOf: transaction, amount: PRICE }]);
    expect(await shop.backend.mandates.status(shop.seller.account, mandateDigest(mandate.mandate))).toMatchObject({ settled: PRICE });
    // Nothing is left to do, and the payment is over.
    await end(shop, people, ENDED + 3600);
    expect([shop.sent.length, await shop.present(payment), shop.goods.runs]).toEqual([1, "410 payment_refunded", 1]);
  });

  test("stays with the seller if a later run delivers it [auto-refund-delivered]", async () => {
    const shop = await openShop();
    await shop.grant();
    const { people, payment } = await undelivered(shop);
    shop.goods.answers = (c) => c.text("goods");
    setTime(NOW + 600);
    expect(await shop.present(payment)).toBe("200 goods");
    for (const at of [ENDED, ENDED + 86_400]) await end(shop, people, at);
    expect([shop.sent, await shop.balance(people), await shop.refundRow(people)]).toEqual([[], PAID, undefined]);
  });

  test("goes back so many seconds after the last failure, if the seller says so [auto-refund-seconds]", async () => {
    const shop = await openShop({ refund: 60 });
    await shop.grant();
    const { people, payment } = await undelivered(shop);
    setTime(NOW + 59);
    expect(await shop.present(payment)).toBe("503 not yet");
    await end(shop, people, NOW + 61);
    expect(shop.sent).toEqual([]);
    await end(shop, people, NOW + 59 + 61);
    expect(await shop.balance(people)).toBe(BACK);
  });

  test("is on disk before its handler runs, and delivered there before it leaves [auto-refund-order-of-writes]", async () => {
    const shop = await openShop();
    const people = await shop.buyer();
    const payment = await shop.approved(people);
    const order: string[] = [];
    const names = shop.merchant.DELIVERIES;
    const watched = (object: object) =>
      new Proxy(object, {
        get:
          (target, name) =>
          async (...args: unknown[]) => {
            const result = await (target as Record<string | symbol, (...args: unknown[]) => unknown>)[name]?.(...args);
            order.push(String(name));
            return result;
          },
      });
    shop.merchant.DELIVERIES = { getByName: (name) => watched(names?.getByName(name) as object) };
    shop.goods.answers = (c) => (order.push("run"), c.text("not yet", 503));
    expect(await shop.present(payment)).toBe("503 not yet");
    shop.goods.answers = (c) => (order.push("run"), c.text("goods"));
    expect(await shop.present(payment)).toBe("200 goods");
    expect(order.filter((name) => !["canOpen", "recordSales"].includes(name))).toEqual([
      "begin",
      "run",
      "finish",
      "resume",
      "begin",
      "run",
      "deliver",
    ]);
  });

  test("goes back although the Worker died in its first run [auto-refund-dead-worker]", async () => {
    const shop = await openShop();
    await shop.grant();
    const people = await shop.buyer();
    const payment = await shop.approved(people);
    shop.goods.answers = () => new Promise(() => {});
    void shop.present(payment);
    await vi.waitFor(() => expect(shop.goods.runs).toBe(1));
    await shop.restart(people);
    await end(shop, people, NOW + 14 * 3600);
    expect(await shop.balance(people)).toBe(BACK);
  });
});

describe("a refund whose object dies", () => {
  test("before it was written is signed then, and sent once [auto-refund-dies-unwritten]", async () => {
    const shop = await openShop();
    await shop.grant();
    const { people } = await undelivered(shop);
    const { creditOf } = shop.rpc;
    shop.rpc.creditOf = () => Promise.reject(new Error("the facilitator is away"));
    await end(shop, people);
    expect(await shop.refundRow(people)).toMatchObject({ state: "due", signed: null, tries: 1 });
    shop.rpc.creditOf = creditOf as NonNullable<typeof creditOf>;
    await shop.restart(people);
    await end(shop, people, ENDED + 5);
    expect([await shop.balance(people), shop.sent.length]).toEqual([BACK, 1]);
  });

  test("after it was written is sent as it was written: the row is there before the facilitator hears of it [auto-refund-written-first]", async () => {
    const shop = await openShop();
    await shop.grant();
    const { people } = await undelivered(shop);
    shop.faults.refund = async (record) => {
      expect(await shop.refundRow(people)).toMatchObject({ state: "signed", signed: JSON.stringify(record) });
      throw new Error("the object died here");
    };
    await end(shop, people);
    shop.faults.refund = undefined;
    await shop.restart(people);
    await end(shop, people, ENDED + 5);
    expect(await shop.balance(people)).toBe(BACK);
    expect(shop.sent).toHaveLength(2);
    expect(new Set(shop.sent).size).toBe(1);
  });

  test("before the answer came has one id, and pays once [auto-refund-lost-answer]", async () => {
    const shop = await openShop();
    await shop.grant();
    const { people, transaction } = await undelivered(shop);
    shop.faults.loses = 3;
    await end(shop, people);
    expect([await shop.balance(people), (await shop.sales())[0]?.refund]).toEqual([BACK, { state: "due" }]);
    for (const pause of REFUND_PAUSES_SECONDS) {
      await shop.restart(people);
      await end(shop, people, unixNow() + pause);
    }
    expect((await shop.refundsMade(transaction)).refunds).toHaveLength(1);
    expect([shop.sent.length, new Set(shop.sent).size, await shop.balance(people)]).toEqual([4, 1, BACK]);
    expect(await shop.sales()).toMatchObject([{ refund: { state: "made" } }]);
  });

  test("is asked for again where the answer is about another refund, or about none [auto-refund-other-answer]", async () => {
    const shop = await openShop();
    await shop.grant();
    const { people } = await undelivered(shop);
    const { refund } = shop.rpc;
    shop.rpc.refund = async (...args) => ({ ...(await refund?.(...args)), ok: true, transaction: randomDigest() }) as never;
    await end(shop, people);
    expect([await shop.balance(people), await shop.refundRow(people)]).toMatchObject([BACK, { state: "signed" }]);
    Object.assign(shop.rpc, { refund });
    await end(shop, people, ENDED + 5);
    expect([await shop.refundRow(people), shop.sent.length]).toMatchObject([{ state: "made" }, 2]);
  });

  test("runs twice at once, and pays once [auto-refund-twice]", async () => {
    const shop = await openShop();
    await shop.grant();
    const { people, transaction } = await undelivered(shop);
    setTime(ENDED);
    await Promise.all([shop.ring(people), shop.ring(people)]);
    await end(shop, people, ENDED + 10);
    expect([(await shop.refundsMade(transaction)).refunds.length, new Set(shop.sent).size]).toEqual([1, 1]);
  });

  test("pauses longer and longer, and leaves an outcome that stays unknown to the seller after a week [auto-refund-unknown]", async () => {
    const shop = await openShop();
    await shop.grant();
    const { people } = await undelivered(shop);
    shop.faults.refund = () => Promise.reject(new Error("away"));
    await end(shop, people);
    const row = await shop.refundRow(people);
    expect(Number(row?.["next_at"])).toBe(ENDED + 5);
    await end(shop, people, ENDED + 4);
    expect(shop.sent).toHaveLength(1);
    let at = ENDED;
    for (let hour = 0; hour < 7 * 24 + 4; hour++) await end(shop, people, (at += 3600));
    expect(await shop.sales()).toMatchObject([{ refund: { state: "owed", code: "outcome_unknown" } }]);
    expect(new Set(shop.sent).size).toBe(1);
  }, 30_000);
});

describe("a refund that the merchant cannot make is owed", () => {
  const cases: [code: string, prepare: (shop: Shop) => Promise<unknown>, sent: number][] = [
    ["no_mandate", async () => undefined, 0],
    ["mandate_expired", async (shop) => shop.grant({ validBefore: String(NOW + 60) }), 1],
    [
      "mandate_revoked",
      async (shop) => {
        const { mandate } = await shop.grant();
        shop.goods.answers = async (c) => {
          await shop.backend.mandates.revoke({ payer: shop.seller.account, mandate: mandateDigest(mandate), revokedAt: NOW });
          return c.text("not yet", 503);
        };
      },
      1,
    ],
    ["mandate_exceeded", async (shop) => shop.grant({ perPayment: "9999" as Amount }), 1],
    ["mandate_mismatch", async (shop) => shop.grant({ payees: [shop.key.account] }), 1],
    [
      "insufficient_funds",
      async (shop) => [await shop.grant(), (shop.goods.answers = async (c) => (await shop.withdraw(), c.text("not yet", 503)))],
      1,
    ],
    ["no_access", async (shop) => [await shop.grant(), (shop.rpc.creditOf = async () => ({ ok: false, code: "unauthorized" }))], 0],
    ["mandate_of_another_key", async (shop) => [await shop.grant({ agent: (await shop.buyer()).owner.publicKey })], 0],
    ["no_facilitator", async (shop) => [await shop.grant(), delete shop.rpc.creditOf], 0],
  ];

  test.each(cases)("%s [auto-refund-owed]", async (code, prepare, sent) => {
    const shop = await openShop();
    await prepare(shop);
    const { people, payment, transaction } = await undelivered(shop);
    await end(shop, people);
    expect(await shop.balance(people)).toBe(PAID);
    expect(await shop.sales()).toMatchObject([
      { transaction, status: "owed", amount: PRICE, route: "GET /goods", refund: { state: "owed", code } },
    ]);
    expect(shop.hooks.at(-1)).toMatchObject({ type: "payment.undelivered", data: { transaction, refund: { state: "owed", code } } });
    expect(lines("refund.owed")).toMatchObject([{ transaction, amount: PRICE, obstacle: code }]);
    // It is not tried again, and not delivered.
    await end(shop, people, ENDED + 86_000);
    expect([shop.sent.length, await shop.present(payment)]).toEqual([sent, "410 payment_refunded"]);
  });

  test("by its goods, if the object has no code for refunds, and the log says so [auto-refund-no-code]", async () => {
    const shop = await openShop({}, DELIVERIES as never);
    await shop.grant();
    const { people, payment, transaction } = await undelivered(shop);
    await end(shop, people);
    expect(lines("refund.owed")).toMatchObject([{ transaction, obstacle: "no_refund_code" }]);
    expect([shop.sent, await shop.refundRow(people), await shop.present(payment)]).toEqual([[], undefined, "402 nonce_replayed"]);
  });
});

describe("goods or money, never both", () => {
  test("a repeat while the refund is on its way is refused [auto-refund-repeat-during]", async () => {
    const shop = await openShop();
    await shop.grant();
    const { people, payment } = await undelivered(shop);
    shop.goods.answers = (c) => c.text("goods");
    const answers: string[] = [];
    shop.faults.refund = async () => {
      answers.push(await shop.present(payment));
      throw new Error("lost");
    };
    await end(shop, people);
    expect([answers, shop.goods.runs]).toEqual([["410 payment_refunded"], 1]);
  });

  test("a run that is under way keeps its payment, and delivers [auto-refund-run-under-way]", async () => {
    const shop = await openShop();
    await shop.grant();
    const { people, payment } = await undelivered(shop);
    const gate = Promise.withResolvers<void>();
    shop.goods.answers = async (c) => (await gate.promise, c.text("goods"));
    setTime(ENDED - 70);
    const delivery = shop.present(payment);
    await vi.waitFor(() => expect(shop.goods.runs).toBe(2));
    await end(shop, people, ENDED - 70 + HOLD_SECONDS - 1);
    gate.resolve();
    expect(await delivery).toBe("200 goods");
    await end(shop, people, ENDED + 3600);
    expect([shop.sent, await shop.balance(people)]).toEqual([[], PAID]);
  });

  test("goods whose money goes back meanwhile do not leave [auto-refund-withheld]", async () => {
    const shop = await openShop();
    await shop.grant();
    const { people, payment } = await undelivered(shop);
    const gate = Promise.withResolvers<void>();
    shop.goods.answers = async (c) => (await gate.promise, c.text("goods"));
    setTime(ENDED - 120);
    const delivery = shop.present(payment);
    await vi.waitFor(() => expect(shop.goods.runs).toBe(2));
    // The object's clock is far beyond the run's lease, and the run's is not.
    await end(shop, people, ENDED + 14 * 3600);
    expect(await shop.balance(people)).toBe(BACK);
    gate.resolve();
    expect(await delivery).toBe("410 payment_refunded");
  });

  test("a late run's debt does not bring the payment back [auto-refund-late-debt]", async () => {
    const shop = await openShop();
    await shop.grant();
    const { people, payment } = await undelivered(shop);
    await end(shop, people);
    const stub = await shop.memory(people);
    const [key, lease] = [(await shop.refundRow(people))?.["key"] as Digest, randomDigest()];
    const receipt = { success: true, transaction: "t", network: "n" };
    expect(await stub.begin(key, lease, HOLD_SECONDS)).toMatchObject({ granted: true, remembered: { state: "refund" } });
    await stub.finish(key, lease, { state: "paid", receipt }, ENDED);
    await stub.finish(key, lease, undefined, 0);
    await end(shop, people, ENDED + 86_000);
    expect([await shop.present(payment), shop.goods.runs, shop.sent.length]).toEqual(["410 payment_refunded", 1, 1]);
  });

  test("an order to deliver wins if it comes first, and is refused afterwards [auto-refund-order]", async () => {
    const shop = await openShop();
    await shop.grant();
    const [first, second] = [await undelivered(shop), await undelivered(shop)];
    const orderOf = async ({ people, transaction }: typeof first) => {
      const stub = await shop.memory(people);
      const key = (await import("cloudflare:test")).runInDurableObject(
        stub,
        (_, { storage }) => storage.sql.exec("SELECT key FROM delivery").one()["key"],
      );
      const receipt = { success: true, transaction, network: "n", payer: people.owner.account };
      return stub.reopen((await key) as Digest, receipt, unixNow() + 86_400);
    };
    expect(await orderOf(first)).toBe(true);
    for (const { people } of [first, second]) await end(shop, people);
    expect([await shop.balance(first.people), await shop.balance(second.people)]).toEqual([PAID, BACK]);
    expect(await orderOf(second)).toBe(false);
    shop.goods.answers = (c) => c.text("goods");
    expect([await shop.present(first.payment), await shop.present(second.payment)]).toEqual(["200 goods", "410 payment_refunded"]);
  });

  test("a stored answer that was not sent is not sent any more [auto-refund-stored]", async () => {
    const shop = await openShop();
    await shop.grant();
    const { people } = await undelivered(shop);
    const stub = await shop.memory(people);
    const [answer, lease] = [randomDigest(), randomDigest()];
    const { terms } = await debtOf(shop, people);
    const reservation = { payer: people.owner.account, nonce: terms.nonce, reservationId: lease };
    setTime(ENDED - 30);
    await stub.claim(answer, terms.key, lease, HOLD_SECONDS);
    await stub.store(answer, lease, reservation, { status: 200, headers: [], body: new Uint8Array([1]) });
    expect(await stub.claim(answer, terms.key, randomDigest(), HOLD_SECONDS)).toMatchObject({ state: "stored" });
    await end(shop, people);
    expect(await stub.claim(answer, terms.key, randomDigest(), HOLD_SECONDS)).toMatchObject({ state: "granted" });
  });
});

/** What the object remembers to give back. */
async function debtOf(shop: Shop, people: Awaited<ReturnType<Shop["buyer"]>>) {
  const { runInDurableObject } = await import("cloudflare:test");
  const remembered = await runInDurableObject(
    await shop.memory(people),
    (_, { storage }) => storage.sql.exec("SELECT remembered FROM delivery").one()["remembered"],
  );
  return { terms: (JSON.parse(String(remembered)) as { refund: { key: Digest; nonce: Digest; transaction: Digest } }).refund };
}

describe("beside what the seller does", () => {
  test("what was refunded by hand is not refunded again, and of a part the rest is [auto-refund-by-hand]", async () => {
    for (const [part, sent] of [
      [PRICE, 0],
      ["4000", 1],
    ] as const) {
      setTime(NOW);
      const shop = await openShop();
      await shop.grant();
      const { people, transaction } = await undelivered(shop);
      await shop.refundByHand(transaction, people, part);
      await end(shop, people);
      expect([await shop.balance(people), shop.sent.length]).toEqual([BACK, sent]);
      expect(await shop.sales()).toMatchObject([{ refund: { state: "made" } }]);
    }
  });

  test("a payer's payments to two shops go back each under its own mandate [auto-refund-two-shops]", async () => {
    const [shop, other] = [await openShop(), await openShop()];
    await shop.grant();
    const mine = await undelivered(shop);
    // Another payee of the same Worker, for which there is no mandate.
    shop.merchant.PAY_TO = other.seller.account;
    const theirs = await shop.approved(mine.people);
    expect(await shop.present(theirs)).toBe("503 not yet");
    await end(shop, mine.people);
    expect(await shop.balance(mine.people)).toBe(PAID);
    expect(await shop.sales()).toMatchObject([{ refund: { state: "made" } }]);
    expect(lines("refund.owed")).toMatchObject([{ obstacle: "mandate_mismatch" }]);
  });
});

describe("a settlement whose outcome was not known", () => {
  async function pending(shop: Shop, moves: boolean) {
    await shop.grant();
    const people = await shop.buyer();
    const payment = await shop.approved(people);
    const { settle, capture } = shop.rpc;
    shop.rpc.settle = async (...args) => {
      if (moves) await settle(...args);
      throw new Error("lost");
    };
    shop.rpc.capture = () => Promise.reject(new Error("lost"));
    expect(await shop.present(payment)).toBe("402 settlement_pending");
    Object.assign(shop.rpc, { settle, capture });
    return people;
  }

  test("goes back if the ledger has it [auto-refund-pending]", async () => {
    const shop = await openShop({ refund: 1 });
    const people = await pending(shop, true);
    shop.faults.noCredit = 2; // it is still on its way from another shard
    await end(shop, people, NOW + 60);
    expect([await shop.balance(people), await shop.refundRow(people)]).toEqual([PAID, undefined]);
    for (const at of [0, 5, 65]) await end(shop, people, ENDED + at);
    expect(await shop.balance(people)).toBe(BACK);
  });

  test("is forgotten if the ledger has none, and nothing is owed [auto-refund-unpaid]", async () => {
    const shop = await openShop();
    const people = await pending(shop, false);
    for (let at = ENDED, tries = 0; tries < REFUND_CREDIT_TRIES; at += 3600, tries++) await end(shop, people, at);
    expect([shop.sent, await shop.refundRow(people), await shop.sales(), await shop.balance(people)]).toEqual([[], undefined, [], BACK]);
  });
});
