/** A merchant that sells by session, over a ledger of sessions in memory: what its isolates and objects answer, and what they claim. */

import type { Handler } from "hono";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { receiptOf, verdict } from "../../agent-cli/demo/buyer.ts";
import { PAYMENT_IDENTIFIER, withIdentifier } from "../../shared/extensions/payment-identifier.ts";
import { UNREPORTED_MILLIS } from "../../shared/limits.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import type { PaywallEnv, PaywallOptions } from "../../workers/merchant/paywall/index.ts";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import { memoryAnswers, termsOf } from "../paywall/world.ts";
import { createClient, createMerchant, ORIGIN } from "./merchant.ts";

const GOODS: Handler<PaywallEnv> = (c) => c.text("goods");
let merchant: ReturnType<typeof createMerchant>;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
  vi.spyOn(console, "log").mockImplementation(() => undefined);
  merchant = createMerchant();
});

/** A client with an open session of 1000 units, 100 calls. */
async function opened(handler: Handler<PaywallEnv> = GOODS, options: Partial<PaywallOptions> = {}, deposit = "1000") {
  const send = await merchant.isolate(handler, options);
  const client = await createClient(send);
  expect(verdict(await client.open(deposit, ORIGIN))).toBe("200");
  return { send, client };
}

/** Everything is reported. */
const settled = () => vi.advanceTimersByTimeAsync(UNREPORTED_MILLIS + 100);

describe("a session", () => {
  test("is offered beside exact, with the merchant's key for claims", async () => {
    const send = await merchant.isolate(GOODS);
    const client = await createClient(send);
    const { amount, extra } = await client.offer();
    expect({ amount, extra }).toMatchObject({
      amount: "10",
      extra: {
        receiverAuthorizer: expect.stringMatching(/^[0-9a-f]{64}$/),
        withdrawDelay: 900,
        minDeposit: "1000",
        maxSessionSeconds: 86_400,
      },
    });
  });

  test("is opened with the first request, which gets a receipt, and a lane for what comes next", async () => {
    const send = await merchant.isolate(GOODS);
    const client = await createClient(send);
    const response = await client.open("1000", ORIGIN);
    expect(await response.text()).toBe("goods");
    expect(receiptOf(response)).toMatchObject({
      success: true,
      transaction: "",
      amount: "",
      payer: client.session?.from,
      extra: {
        commitmentId: `${client.id}:0:1`,
        chargedAmount: "10",
        lane: { id: expect.stringMatching(/^[0-9a-f]{32}$/), limit: "80" },
        channelState: { channelId: client.id, balance: "1000", totalClaimed: "0", withdrawRequestedAt: 0, chargedCumulativeAmount: "10" },
      },
    });
  });

  test("is served without any call once the isolate has a lane [sessions-no-hop]", async () => {
    const { client } = await opened();
    merchant.calls.length = 0;
    merchant.objectCalls.length = 0;
    for (let call = 0; call < 5; call++) expect(verdict(await client.pay())).toBe("200");
    expect([...merchant.calls, ...merchant.objectCalls]).toEqual([]);
  });

  test("is opened once, however often its deposit is presented; its voucher buys once", async () => {
    const handler = vi.fn(GOODS);
    const send = await merchant.isolate(handler);
    const sent: RequestInit[] = [];
    const recorded = await createClient((path, init) => (sent.push(init), send(path, init)));
    expect(verdict(await recorded.open("1000", ORIGIN))).toBe("200");
    const another = await merchant.isolate(handler);
    const [deposit = {}] = sent.slice(-1);
    expect(verdict(await send("/item/1", deposit))).toBe("409 voucher_used");
    expect(verdict(await another("/item/1", deposit))).toBe("409 voucher_used");
    expect(merchant.calls.filter((name) => name === "open")).toHaveLength(2);
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test("of 100 calls serves 100, and claims exactly what they cost", async () => {
    const { client } = await opened();
    for (let call = 0; call < 99; call++) expect(verdict(await client.pay())).toBe("200");
    expect(verdict(await client.pay())).toBe("402 session_exhausted");
    await settled();
    await merchant.ring(client.id);
    expect(merchant.ledger.claimed(client.id)).toBe(1000n);
    expect(client.charged).toBe(1000n);
  });

  test.each([
    ["200", { take: 1, finish: 1, report: 1, renew: 15 }, 19],
    ["1000", { take: 1, finish: 1, report: 10, renew: 3 }, 16],
  ])(
    "of 200 calls on a deposit of %s costs so many messages to its object, and rows [session-call-cost]",
    async (calls, messages, rows) => {
      // On a busy machine the calls would take longer than a report waits.
      vi.useRealTimers();
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
      const { client } = await opened(GOODS, {}, `${calls}0`);
      for (let call = 1; call < 200; call++) expect(verdict(await client.pay())).toBe("200");
      await settled();
      const sent = Object.groupBy(merchant.objectCalls, (name) => name);
      expect(Object.fromEntries(Object.entries(sent).map(([name, calls]) => [name, calls?.length]))).toMatchObject(messages);
      expect(merchant.rows.get(client.id)?.written).toBe(rows);
      await client.close();
      expect(merchant.rows.get(client.id)?.written).toBe(rows + 8);
      expect(merchant.ledger.claimed(client.id)).toBe(2000n);
    },
  );

  test("takes 64 calls at once", async () => {
    const { client } = await opened();
    await client.pay();
    const answers = await Promise.all(Array.from({ length: 64 }, () => client.pay()));
    expect(answers.map(verdict).filter((each) => each !== "200")).toEqual([]);
    await settled();
    await merchant.ring(client.id);
    expect(merchant.ledger.claimed(client.id)).toBe(660n);
  });

  test("whose object starts anew between calls loses nothing that was kept", async () => {
    const { client } = await opened();
    for (let call = 0; call < 10; call++) {
      await client.pay();
      if (call % 3 === 0) merchant.restart(client.id);
    }
    await settled();
    await merchant.ring(client.id);
    expect(merchant.ledger.claimed(client.id) >= 100n).toBe(true);
    expect(merchant.ledger.claimed(client.id) <= client.charged).toBe(true);
  });
});

test("after its object started anew, a client of lane 0 is sent to a lane whose first serial is free", async () => {
  const { client } = await opened();
  const elsewhere = await createClient(await merchant.isolate(GOODS));
  elsewhere.session = client.session;
  merchant.restart(client.id);
  const voucher = await client.sign({ lane: "0", serial: "2", maxClaimableAmount: "20" as Amount });
  const refused = await elsewhere.present({ type: "voucher", from: client.session?.from, ...voucher });
  expect(verdict(refused)).toBe("402 voucher_out_of_step");
  const offer = termsOf(refused)?.accepts.find(({ scheme }) => scheme === "batch-settlement");
  expect(offer?.extra).toMatchObject({ lane: { id: expect.stringMatching(/^[0-9a-f]{32}$/), afterSerial: 0 } });
  const { id } = (offer?.extra ?? {})["lane"] as { id: string };
  const next = await client.sign({ lane: id, serial: "1", maxClaimableAmount: "10" as Amount });
  expect(verdict(await elsewhere.present({ type: "voucher", from: client.session?.from, ...next }))).toBe("200");
});

describe("a call of lane 0 that delivered", () => {
  const inLane0 = async ({ client }: Awaited<ReturnType<typeof opened>>, serial: number) => {
    const voucher = await client.sign({ lane: "0", serial: String(serial), maxClaimableAmount: String(10 * serial) as Amount });
    return verdict(await client.present({ type: "voucher", from: client.session?.from, ...voucher }));
  };
  const claimed = async ({ client }: Awaited<ReturnType<typeof opened>>) => {
    await merchant.ring(client.id);
    return merchant.ledger.claimed(client.id);
  };

  test("is told to the object by the next call, and the last one soon [sessions-completion-rides]", async () => {
    const shop = await opened();
    merchant.objectCalls.length = 0;
    for (const serial of [2, 3, 4]) expect(await inLane0(shop, serial)).toBe("200");
    expect(merchant.objectCalls).toEqual(["take", "take", "take"]);
    expect(await claimed(shop)).toBe(30n);
    await settled();
    expect(merchant.objectCalls).toEqual(["take", "take", "take", "finish"]);
    expect(await claimed(shop)).toBe(40n);
  });

  test("is told once more to an object of a version that does not listen", async () => {
    const shop = await opened();
    merchant.older.objects = true;
    merchant.objectCalls.length = 0;
    expect(await inLane0(shop, 2)).toBe("200");
    await vi.waitFor(() => expect(merchant.objectCalls).toEqual(["take", "finish"]));
    await settled();
    expect(await claimed(shop)).toBe(20n);
  });

  test("is told at once if so much is at risk", async () => {
    const shop = await opened(GOODS, { session: { risk: "10" } });
    merchant.objectCalls.length = 0;
    expect(await inLane0(shop, 2)).toBe("200");
    expect(merchant.objectCalls).toEqual(["take", "finish"]);
  });

  test("runs nowhere else meanwhile", async () => {
    const { client } = await opened();
    const elsewhere = await createClient(await merchant.isolate(GOODS));
    elsewhere.session = client.session;
    const voucher = await client.sign({ lane: "0", serial: "1", maxClaimableAmount: "10" as Amount });
    const present = async () => verdict(await elsewhere.present({ type: "voucher", from: client.session?.from, ...voucher }));
    expect(await present()).toBe("409 payment_in_progress");
    await settled();
    expect(await present()).toBe("409 voucher_used");
  });

  test("is not told for less than its amount by another call: a client signs the next one for what it knows", async () => {
    const shop = await opened((c) => (c.get("payment").charge("4"), c.text("goods")));
    await vi.waitFor(() => expect(merchant.objectCalls).toContain("finish"));
    expect(await inLane0(shop, 2)).toBe("200");
  });
});

describe("a voucher", () => {
  test("buys once: a copy is told its receipt, and a copy that comes meanwhile has to wait [sessions-once]", async () => {
    const gate = Promise.withResolvers<void>();
    let waits = false;
    const handler = vi.fn<Handler<PaywallEnv>>(async (c) => {
      if (waits) await gate.promise;
      return c.text("goods");
    });
    const { client } = await opened(handler);
    await client.pay();
    waits = true;
    const voucher = await client.sign();
    const first = client.presentVoucher(voucher);
    await vi.waitFor(() => expect(handler).toHaveBeenCalledTimes(3));
    expect(verdict(await client.presentVoucher(voucher))).toBe("409 payment_in_progress");
    gate.resolve();
    expect(verdict(await first)).toBe("200");
    const again = await client.presentVoucher(voucher);
    expect(verdict(again)).toBe("409 voucher_used");
    expect(receiptOf(again)?.extra).toMatchObject({ commitmentId: `${client.id}:${voucher.voucher.lane}:2`, chargedAmount: "10" });
    expect(handler).toHaveBeenCalledTimes(3);
  });

  test("buys once, whichever of four isolates it is presented to [sessions-one-of-four]", async () => {
    const handler = vi.fn(GOODS);
    const { client } = await opened(handler);
    await client.pay();
    const others = await Promise.all([1, 2, 3].map(() => merchant.isolate(handler)));
    handler.mockClear();
    const voucher = await client.sign();
    const first = await client.presentVoucher(voucher);
    const elsewhere = await Promise.all(
      others.map(async (send) => {
        const copy = await createClient(send);
        copy.session = client.session;
        return copy.present({ type: "voucher", from: client.session?.from, ...voucher });
      }),
    );
    expect([first, ...elsewhere].map(verdict)).toEqual(["200", ...others.map(() => "402 voucher_out_of_step")]);
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test("of a call that failed can come again, and nothing was charged", async () => {
    let fails = true;
    const { client } = await opened();
    const send = await merchant.isolate((c) => (fails ? c.text("broken", 500) : c.text("goods")));
    const other = await createClient(send);
    other.session = client.session;
    const voucher = await client.sign({ lane: "0" });
    const present = () => other.present({ type: "voucher", from: client.session?.from, ...voucher });
    expect((await present()).status).toBe(500);
    fails = false;
    await vi.waitFor(async () => expect(verdict(await present())).toBe("200"));
  });

  test.each<
    [what: string, options: Partial<PaywallOptions>, handler: Handler<PaywallEnv>, charged: string | undefined, verdictThen: string]
  >([
    ["less than the price", {}, (c) => (c.get("payment").charge("3"), c.text("goods")), "3", "200"],
    ["nothing", {}, (c) => (c.get("payment").charge("0"), c.text("goods")), "0", "200"],
    ["all of it, without a word", {}, GOODS, "10", "200"],
    [
      "more than the price",
      {},
      (c) => {
        try {
          c.get("payment").charge("11");
        } catch {
          // A handler that goes on sells nothing all the same.
        }
        return c.text("goods");
      },
      undefined,
      "500 charge_exceeded",
    ],
  ])("of a handler that charges %s", async (_what, options, handler, charged, verdictThen) => {
    const { client } = await opened();
    const send = await merchant.isolate(handler, options);
    const other = await createClient(send);
    other.session = client.session;
    const voucher = await client.sign({ lane: "0" });
    const response = await other.present({ type: "voucher", from: client.session?.from, ...voucher });
    expect(verdict(response)).toBe(verdictThen);
    if (charged !== undefined) expect(receiptOf(response)?.extra).toMatchObject({ chargedAmount: charged });
  });

  test.each<[what: string, changes: (client: Awaited<ReturnType<typeof opened>>["client"]) => Promise<object>, verdictThen: string]>([
    ["for another request", async (client) => client.sign({ binding: "00".repeat(32) as never }), "402 binding_mismatch"],
    ["without a binding", async (client) => client.sign({ binding: undefined }), "402 binding_mismatch"],
    [
      "with a changed sum",
      async (client) => {
        const signed = await client.sign();
        return { ...signed, voucher: { ...signed.voucher, maxClaimableAmount: "999" } };
      },
      "402 invalid_signature",
    ],
    [
      "of too small a sum",
      async (client) => client.sign({ maxClaimableAmount: "9" as Amount, lane: "0", serial: "7" }),
      "402 voucher_out_of_step",
    ],
    ["of more than the deposit", async (client) => client.sign({ maxClaimableAmount: "1001" as Amount }), "402 session_exhausted"],
    ["of a session that no ledger knows", async (client) => client.sign({ session: "5e".repeat(32) as never }), "402 session_unknown"],
    ["of no type", async () => ({ type: "surprise" }), "400 invalid_payload"],
  ])("%s is refused", async (_what, changes, verdictThen) => {
    const handler = vi.fn(GOODS);
    const { client } = await opened(handler);
    handler.mockClear();
    const payload = await changes(client);
    const response = await client.present({ type: "voucher", from: client.session?.from, ...payload });
    expect(verdict(response)).toBe(verdictThen);
    expect(handler).not.toHaveBeenCalled();
  });

  test("under a payment identifier fetches its answer again, and the handler runs once [sessions-identifier]", async () => {
    const object = { ...isolateDeliveries(), ...memoryAnswers(), canOpen: async () => true };
    Object.assign(merchant.env, { DELIVERIES: { getByName: () => object } });
    const handler = vi.fn<Handler<PaywallEnv>>((c) => c.text(`goods ${handler.mock.calls.length}`));
    const { client, send } = await opened(handler);
    const advertised = (await termsOf(await send("/item/1", {})))?.extensions?.[PAYMENT_IDENTIFIER] as object;
    const extensions = { [PAYMENT_IDENTIFIER]: withIdentifier(advertised, "pay_0123456789abcdef") };
    const voucher = await client.sign();
    const first = await client.presentVoucher(voucher, {}, extensions);
    expect(await first.text()).toBe("goods 2");
    const again = await client.presentVoucher(voucher, {}, extensions);
    expect(await again.text()).toBe("goods 2");
    expect(receiptOf(again)).toEqual(receiptOf(first));
    expect(handler).toHaveBeenCalledTimes(2);
  });

  test("of another payer's name is refused", async () => {
    const { client } = await opened();
    const voucher = await client.sign();
    expect(verdict(await client.present({ type: "voucher", from: merchant.env.PAY_TO, ...voucher }))).toBe("402 session_unknown");
  });

  test("for one deployment buys nothing at another with the same secret [sessions-two-deployments]", async () => {
    const { client } = await opened();
    const other = createMerchant("two");
    Object.assign(other.env.FACILITATOR, { session: merchant.env.FACILITATOR.session });
    const handler = vi.fn(GOODS);
    const thief = await createClient(await other.isolate(handler));
    const voucher = await client.sign({ lane: "0" });
    expect(verdict(await thief.present({ type: "voucher", from: client.session?.from, ...voucher }))).toBe("402 session_unknown");
    expect(handler).not.toHaveBeenCalled();
  });
});

describe("an isolate that does not know a session", () => {
  test("asks the facilitator, and has the voucher verified before it calls the object", async () => {
    const { client } = await opened();
    const stranger = await createClient(await merchant.isolate(GOODS));
    merchant.objectCalls.length = 0;
    const voucher = await client.sign();
    const forged = { ...voucher, voucherSignature: "00".repeat(64) };
    expect(verdict(await stranger.present({ type: "voucher", from: client.session?.from, ...forged }))).toBe("402 invalid_signature");
    expect(merchant.objectCalls).toEqual([]);
    expect(merchant.calls.filter((name) => name === "session")).toHaveLength(1);
  });

  test("asks once in ten seconds for an id that no ledger knows", async () => {
    const { client } = await opened();
    const voucher = await client.sign({ session: "5e".repeat(32) as never });
    for (let copy = 0; copy < 3; copy++) await client.presentVoucher(voucher);
    expect(merchant.calls.filter((name) => name === "session")).toHaveLength(1);
  });

  test("asks at most 50 times in ten seconds for one address", async () => {
    const { client } = await opened();
    const verdicts = new Set<string>();
    for (let id = 0; id < 51; id++) {
      const voucher = await client.sign({ session: id.toString(16).padStart(64, "0") as never });
      verdicts.add(verdict(await client.presentVoucher(voucher)));
    }
    expect([...verdicts]).toEqual(["402 session_unknown", "429 rate_limited"]);
    expect(merchant.calls.filter((name) => name === "session")).toHaveLength(50);
  });
});

describe("a client", () => {
  test("that lands on another isolate pays there after one correction, by its own signature", async () => {
    const handler = vi.fn(GOODS);
    const sends = await Promise.all([1, 2, 3, 4].map(() => merchant.isolate(handler)));
    let turn = 0;
    const client = await createClient((path, init) => sends[turn++ % 4]?.(path, init) ?? Promise.reject(new Error("no isolate")));
    await client.open("1000", ORIGIN);
    for (let call = 0; call < 20; call++) expect(verdict(await client.pay())).toBe("200");
    await settled();
    await merchant.ring(client.id);
    expect(merchant.ledger.claimed(client.id)).toBe(client.charged);
  });

  test("that closes gets the rest of its money at once; the merchant has what it served", async () => {
    const { client } = await opened();
    for (let call = 0; call < 5; call++) await client.pay();
    const response = await client.close();
    expect(await response.json()).toMatchObject({ session: client.id, status: "closed", deposit: "1000", claimed: "60" });
    expect(merchant.ledger.standing(client.id)).toMatchObject({ status: "closed", claimed: "60" });
    expect(verdict(await client.pay())).toBe("402 session_closed");
  });

  test("that closes while another isolate has a lane waits until that lane is over", async () => {
    const { client } = await opened();
    const other = await createClient(await merchant.isolate(GOODS));
    other.session = client.session;
    const voucher = await client.sign({ lane: "0" });
    await other.present({ type: "voucher", from: client.session?.from, ...voucher });
    expect(await (await client.close()).json()).toMatchObject({ status: "open" });
    const at = merchant.alarms.get(client.id) ?? 0;
    expect(at).toBeLessThanOrEqual(Date.now() + 31_000);
  });

  test("that withdraws at the ledger is served as long as the ledger's word is fresh, and no longer; the merchant claims and closes", async () => {
    vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
    try {
      const { client } = await opened();
      await client.pay();
      await merchant.env.FACILITATOR.withdraw?.(await client.withdrawal(), "");
      vi.setSystemTime(Date.now() + 200_000);
      expect(verdict(await client.pay())).toBe("200");
      vi.setSystemTime(Date.now() + 40_000);
      expect(verdict(await client.pay())).toBe("402 session_closed");
      await settled();
      await merchant.ring(client.id);
      expect(merchant.ledger.standing(client.id)).toMatchObject({ status: "closed", claimed: "30" });
    } finally {
      vi.useRealTimers();
    }
  });
});
