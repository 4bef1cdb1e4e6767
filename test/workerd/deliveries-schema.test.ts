/** A `Deliveries` object whose tables another version wrote: those of 0.1 are taken over, newer ones are left alone. */

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Digest, randomDigest } from "../../shared/crypto/digest.ts";
import { HOLD_SECONDS, SWEEP_INTERVAL_SECONDS } from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { exactPayloadSchema } from "../../shared/protocol/exact-payload.ts";
import { encodeHeader, PAYMENT_ERROR, PAYMENT_RESPONSE, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import { paywall, type PaywallEnv } from "../../workers/merchant/paywall/index.ts";
import type { FacilitatorRpc } from "../../workers/merchant/paywall/types.ts";
import dump from "../vectors/deliveries-0.1/deliveries.sql?raw";
import facts from "../vectors/deliveries-0.1/payments.json" with { type: "json" };
import dumpOf3 from "../vectors/deliveries-3/deliveries.sql?raw";
import dumpOf4 from "../vectors/deliveries-4/deliveries.sql?raw";
import { DELIVERIES, type DeliveriesStub, newDeliveries, restore, rowsOf } from "./deliveries.ts";
import { NOW, setTime } from "./ledger.ts";

afterEach(() => vi.useRealTimers());

describe("an object of version 0.1", () => {
  const { from: payer, to: payee, value, ledger } = exactPayloadSchema.parse(facts.payments.owed.payload).authorization;
  const settled = { transaction: randomDigest(), payer, payee, value };
  let stub: DeliveriesStub;
  let runs: number;
  let captured: string[];

  /** A facilitator whose ledger says that every payment was used, as it does of one that was paid. */
  const FACILITATOR: FacilitatorRpc = {
    supported: async () => ({
      kinds: [{ x402Version: 2, scheme: "exact", network: "logos:lez-testnet", extra: { ledger } }],
      extensions: [],
      signers: {},
    }),
    reserve: async () => ({ ok: false, code: "nonce_replayed" }),
    settle: async () => ({ success: false, errorReason: "nonce_replayed", transaction: "", network: "logos:lez-testnet" }),
    capture: async ({ reservationId }) => (captured.push(reservationId), { ok: true, ...settled }),
    release: async () => ({ ok: true }),
  };
  const env = { FACILITATOR, DELIVERIES, PAY_TO: facts.payTo, PUBLIC_ORIGIN: facts.origin };
  const app = new Hono<PaywallEnv>();
  for (const flow of ["authorization", "upfront"] as const) {
    app.get(`/${flow}`, paywall({ amount: "10000", flow }), (c) => (runs++, c.text("goods")));
  }

  /** What the buyer gets for the payment, as `200 goods`. */
  async function present(flow: "authorization" | "upfront", payment: object): Promise<string> {
    const headers = { [PAYMENT_SIGNATURE]: encodeHeader(payment) };
    const answer = await app.request(`${facts.origin}/${flow}`, { headers }, env);
    if (answer.ok) expect(answer.headers.has(PAYMENT_RESPONSE)).toBe(true);
    return `${answer.status} ${answer.ok ? await answer.text() : answer.headers.get(PAYMENT_ERROR)}`;
  }

  beforeEach(async () => {
    setTime(facts.now + HOLD_SECONDS + 10); // the leases that 0.1 left have ended
    runs = 0;
    captured = [];
    stub = DELIVERIES.getByName(payer);
    await restore(stub, dump);
  });

  test("gets a version and keeps every row", async () => {
    const count = (rows: object[] | undefined) => rows?.length;
    const { answer, delivery, refund, unsettled_run: runs, sale, schema_version: version } = await rowsOf(stub);
    expect([count(answer), count(delivery), version]).toEqual([2, 2, [{ version: 5 }]]);
    expect([refund, runs, sale]).toEqual([[], [], []]);
    await restore(stub, dump);
    expect(await rowsOf(stub)).toEqual({ answer, delivery, refund, unsettled_run: runs, sale, schema_version: version });
  });

  test("hands out a paid answer, as often as it is asked for, without a run", async () => {
    for (let time = 0; time < 2; time++) expect(await present("authorization", facts.payments.paid)).toBe("200 goods");
    expect([runs, captured]).toEqual([0, []]);
  });

  test("hands out a stored answer that was not captured, after its capture alone", async () => {
    const { answer = [] } = await rowsOf(stub);
    const stored = answer.find(({ state }) => state === "stored")?.["reservation_id"];
    for (let time = 0; time < 2; time++) expect(await present("authorization", facts.payments.stored)).toBe("200 goods");
    expect([runs, captured]).toEqual([0, [stored]]);
  });

  test("delivers what it owes, once", async () => {
    expect(await present("upfront", facts.payments.owed)).toBe("200 goods");
    await vi.waitFor(async () => expect(await present("upfront", facts.payments.owed)).toBe("402 nonce_replayed"));
    expect([runs, captured]).toEqual([1, []]);
  });

  test("finishes a pending capture and delivers, once", async () => {
    const { delivery = [] } = await rowsOf(stub);
    const [pending] = delivery.flatMap(({ remembered }) => {
      const state = JSON.parse(String(remembered)) as { state: string; reservation?: { reservationId: string } };
      return state.reservation ? [state.reservation.reservationId] : [];
    });
    expect(await present("authorization", facts.payments.pending)).toBe("200 goods");
    await vi.waitFor(async () => expect(await present("authorization", facts.payments.pending)).toBe("402 nonce_replayed"));
    expect([runs, captured]).toEqual([1, [pending]]);
  });
});

test("an object of schema 3 keeps its debts and sales, and gives none of them back [deliveries-schema-3]", async () => {
  setTime(NOW);
  const stub = newDeliveries();
  await restore(stub, dumpOf3);
  const [sale] = await stub.listSales("");
  expect(sale).toMatchObject({ route: "GET /archive", status: "owed", amount: "10000" });
  expect(sale).not.toHaveProperty("refund");
  const { delivery, refund, schema_version: version } = await rowsOf(stub);
  expect([version, refund, delivery?.length]).toEqual([[{ version: 5 }], [], 1]);
  const key = String(delivery?.[0]?.["key"]) as Digest;
  expect(await stub.resume(key, randomDigest(), HOLD_SECONDS)).toMatchObject({ granted: true, remembered: { state: "paid" } });
  setTime(NOW + 20 * 3600);
  await runDurableObjectAlarm(stub);
  expect(await rowsOf(stub)).toMatchObject({ delivery: [], refund: [] });
});

test("an object of schema 4 keeps its sales, on our ledger, and takes others [deliveries-schema-4]", async () => {
  setTime(NOW);
  const stub = newDeliveries();
  await restore(stub, dumpOf4);
  const [sale] = await stub.listSales("");
  expect(sale).toMatchObject({ route: "GET /archive", status: "owed", refund: { state: "due" } });
  expect(sale).not.toHaveProperty("network");
  expect((await rowsOf(stub))["schema_version"]).toEqual([{ version: 5 }]);
  if (!sale) return;
  const native = { ...sale, transaction: "9c".repeat(32) as Digest, network: "lez:devnet" };
  expect(await stub.recordSales([native], 1_999_987_200)).toBe(true);
  expect((await stub.listSales("")).map(({ network }) => network)).toEqual([undefined, "lez:devnet"]);
});

describe("an object of a newer version", () => {
  const [key, lease] = [randomDigest(), randomDigest()];
  const paid = { state: "paid", receipt: { success: true, transaction: "t", network: "n" } } as const;

  /** With a debt that has expired, and tables that say they are newer. */
  async function newerDeliveries(): Promise<DeliveriesStub> {
    setTime(NOW);
    const stub = newDeliveries();
    await stub.finish(key, lease, paid, NOW - 1);
    await runInDurableObject(stub, (_, { storage }) => void storage.sql.exec("UPDATE schema_version SET version = 99"));
    await evictDurableObject(stub);
    return stub;
  }

  test("refuses every call with a sentence, says so once in the log, and changes nothing", async () => {
    const stubs = [await newerDeliveries(), await newerDeliveries()];
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    for (const stub of stubs) {
      const before = await rowsOf(stub);
      expect(await stub.canOpen()).toBe(false);
      const calls = [
        () => stub.begin(key, lease, 60),
        () => stub.resume(key, lease, 60),
        () => stub.finish(key, lease, undefined, 0),
        () => stub.claim(key, key, lease, 60),
        () => stub.recall(key, key),
        () => stub.store(key, lease, { payer: key as string as AccountId, nonce: key, reservationId: lease }, undefined),
        () => stub.paid(key, paid.receipt),
        () => stub.free(key, lease),
      ];
      for (const call of calls) {
        await expect(async () => call()).rejects.toThrow("The database has schema 99. This version supports schema 5");
      }
      expect(await rowsOf(stub)).toEqual(before);
    }
    const lines = log.mock.calls.map(([line]) => JSON.parse(String(line)) as { event: string; message: string });
    expect(lines).toMatchObject([{ event: "deliveries.unsupported_schema", message: expect.stringContaining("schema 99") }]);
    log.mockRestore();
  });

  test("deletes nothing by its alarm, and sets it again", async () => {
    const stub = await newerDeliveries();
    await runInDurableObject(stub, (_, { storage }) => storage.setAlarm(NOW * 1000));
    const before = await rowsOf(stub);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await rowsOf(stub)).toEqual(before);
    expect(await runInDurableObject(stub, (_, { storage }) => storage.getAlarm())).toBe((NOW + SWEEP_INTERVAL_SECONDS) * 1000);
  });
});
