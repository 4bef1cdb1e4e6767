/** A ledger that is spread over four objects. */

import { abortAllDurableObjects, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { verifyDigest } from "../../shared/crypto/ed25519.ts";
import { type Checkpoint, checkpointDigest, isGenuineCheckpoint } from "../../shared/ledger/checkpoint.ts";
import type { LedgerAudit } from "../../shared/ledger/consolidate.ts";
import { shardName, shardOf } from "../../shared/ledger/shards.ts";
import {
  ALARM_RETRY_SECONDS,
  DELIVERY_RETRY_SECONDS,
  DELIVERY_TIMEOUT_SECONDS,
  GRANT_DELIVERY_SECONDS,
  LEDGER_TIMEOUT_SECONDS,
  OUTBOX_BATCH,
} from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import type { PaidCredit } from "../../shared/settlement/backend.ts";
import { newPayer, randomId, settleCommand, signedPayment } from "../signed.ts";
import { BAD_ACCOUNTS, BAD_AMOUNTS, badHex } from "../spellings.ts";
import { get, post, send } from "./http.ts";
import { alarmOf, env, facilitator, fundedPayer, newPayerOn, NOW, remote, setTime, SHARDS, sql, type Stub, tablesOf } from "./ledger.ts";

beforeEach(() => setTime(NOW));
afterEach(() => vi.useRealTimers());

/** A new ledger of four shards; none of them exists before it is asked for something. */
function newShards() {
  const name = crypto.randomUUID();
  return (shard: number): Stub => env.LEDGER.getByName(shardName(name, shard));
}

const balanceOf = async (ledger: Stub, account: AccountId) => {
  const state = await remote(ledger).account({ account }, "");
  return "balance" in state ? state.balance : state.code;
};

/** A payer on shard 0 has paid 10000 to an account on shard 2. Nothing is delivered yet. */
async function paidAcross(shards: (shard: number) => Stub) {
  const payer = await fundedPayer(shards(0));
  const payee = (await newPayerOn(2)).account;
  const signed = await signedPayment(payer, { to: payee });
  const paid = await remote(shards(0)).settle({ payment: signed.payment, settlementId: randomId() }, "");
  if (!paid.ok) throw new Error(paid.code);
  return { payer: payer.account, payee, ...signed };
}

/** Until its next life the shard reaches no other. */
const cutOff = (ledger: Stub) => runInDurableObject(ledger, (instance) => Reflect.set(instance, "env", { ...env, LEDGER: undefined }));

/** Until its next life the shard waits in vain for shard 2. @returns what ends its waiting */
async function hangShardTwo(ledger: Stub): Promise<() => Promise<void>> {
  const waiting: (() => void)[] = [];
  let over = false;
  const hung = { receive: () => new Promise((_, reject) => (over ? reject() : waiting.push(reject))) };
  const getByName = (name: string) => (name.endsWith("/2") ? hung : env.LEDGER.getByName(name));
  await runInDurableObject(ledger, (instance) => Reflect.set(instance, "env", { ...env, LEDGER: { getByName } }));
  return () =>
    runInDurableObject(ledger, () => {
      over = true;
      for (const reject of waiting) reject();
    });
}

/** What is to happen in a moment: no alarm of a test's time rings by itself. */
const soon = (what: () => Promise<unknown>) => vi.waitFor(what, { timeout: 5000, interval: 20 });

test("these tests are about four shards", () => expect(SHARDS).toBe(4));

test("a refund goes back to its payer on another shard, once, and names what it refunds", async () => {
  const shards = newShards();
  const { payer, payee, transaction } = await paidAcross(shards);
  await remote(shards(0)).deliver();
  const { credit } = (await remote(shards(2)).creditOf({ payee, transaction, from: NOW }, "")) as { credit?: PaidCredit };
  expect(credit).toMatchObject({ entry: 1, payer, value: "10000" });
  const refund = { payee, payer, transaction, entry: 1, amount: "4000" as Amount, id: randomId(), refundDigest: randomId(), issuedAt: NOW };
  const answers = await Promise.all([1, 2, 3].map(() => remote(shards(2)).refund(refund, "")));
  expect(answers).toMatchObject([1, 2, 3].map(() => ({ ok: true, value: "4000", refundOf: transaction })));
  const beyond = { ...refund, amount: "6001" as Amount, id: randomId(), refundDigest: randomId() };
  expect(await remote(shards(2)).refund(beyond, "")).toEqual({ ok: false, code: "refund_exceeded" });
  expect(await remote(shards(2)).refund({ ...refund, reason: "other" } as never, "")).toEqual({ ok: false, code: "invalid_payload" });
  const before = await balanceOf(shards(0), payer);
  await remote(shards(2)).deliver();
  expect(Number(await balanceOf(shards(0), payer)) - Number(before)).toBe(4000);
  expect(await balanceOf(shards(2), payee)).toBe("6000");
  const page = await remote(shards(0)).journal({ account: payer, afterSeq: 0 }, "");
  expect("entries" in page && page.entries.at(-1)).toMatchObject({
    kind: "credit",
    counterparty: payee,
    cause: "refund",
    refundOf: transaction,
  });
  expect(await remote(shards(2)).refundsOf({ payee, transaction }, "")).toMatchObject({ refunded: "4000", refunds: { length: 1 } });
});

describe("a shard", () => {
  test("is born by being asked, of the ledger that shard 0 made", async () => {
    const shards = newShards();
    const info = await remote(shards(3)).info();
    expect(info).toMatchObject({ shards: 4 });
    for (const shard of [0, 1, 2, 3]) expect(await remote(shards(shard)).info()).toEqual(info);
    expect(shardOf(info.treasury, 4)).toBe(0);
    expect(await balanceOf(shards(0), info.treasury)).toBe(info.supply);
  });

  test("is born once, however many ask at a time", async () => {
    const shards = newShards();
    const infos = await Promise.all(Array.from({ length: 20 }, (_, i) => remote(shards(i % 4)).info()));
    expect(new Set(infos.map(({ ledger }) => ledger)).size).toBe(1);
  });

  test("refuses accounts of other shards, and writes nothing", async () => {
    const shards = newShards();
    const signed = await signedPayment(await fundedPayer(shards(0)));
    const { payment } = signed;
    const { payer, nonce, validBefore } = payment;
    const foreign = remote(shards(1));
    await foreign.info();
    const before = await tablesOf(shards(1));
    const reservation = { payer, nonce, reservationId: randomId() };
    const hold = { reservationId: randomId(), holdSeconds: 60 };
    for (const answer of [
      await foreign.settle({ payment, settlementId: randomId() }, ""),
      await foreign.reserve({ payment, ...hold }, ""),
      await foreign.check({ payment }, ""),
      await foreign.capture(reservation, ""),
      await foreign.release(reservation, ""),
      await foreign.cancel({ payer, nonce }, ""),
      await foreign.status({ payer, nonce, validBefore }, ""),
      await foreign.account({ account: payer }, ""),
      await foreign.journal({ account: payer, afterSeq: 0 }, ""),
      await foreign.fund({ account: payer, value: payment.value, grantId: randomId() }, ""),
    ]) {
      expect(answer).toEqual({ ok: false, code: "invalid_payload" });
    }
    expect(await tablesOf(shards(1))).toEqual(before);
  });
});

describe("money for another shard's account", () => {
  test("arrives a moment later, by itself", async () => {
    const shards = newShards();
    const { payer, payee } = await paidAcross(shards);
    expect(await balanceOf(shards(0), payer)).toBe("15000");
    await soon(async () => expect(await balanceOf(shards(2), payee)).toBe("10000"));
  });

  test("arrives a moment later, by itself, when a hold is captured", async () => {
    const shards = newShards();
    const payee = (await newPayerOn(2)).account;
    const { payment } = await signedPayment(await fundedPayer(shards(0)), { to: payee });
    const hold = { reservationId: randomId(), holdSeconds: 60 };
    const held = await remote(shards(0)).reserve({ payment, ...hold }, "");
    if (!held.ok) throw new Error(held.code);
    expect(await remote(shards(0)).capture(held.reservation, "")).toMatchObject({ ok: true });
    expect(await alarmOf(shards(0))).toBe(NOW + DELIVERY_RETRY_SECONDS);
    await soon(async () => expect(await balanceOf(shards(2), payee)).toBe("10000"));
  });

  test("is there before a grant of the faucet is answered", async () => {
    const shards = newShards();
    const { account } = await newPayerOn(3);
    const granted = await remote(shards(0)).fund({ account, value: "500" as never, grantId: randomId() }, "");
    expect(granted).toMatchObject({ ok: true });
    expect(await balanceOf(shards(3), account)).toBe("500");
  });

  test("is granted without it when the shard cannot be reached, and then left to the alarm", async () => {
    const shards = newShards();
    await remote(shards(0)).info();
    await cutOff(shards(0));
    const { account } = await newPayerOn(3);
    const granted = await remote(shards(0)).fund({ account, value: "500" as never, grantId: randomId() }, "");
    expect(granted).toMatchObject({ ok: true });
    expect(await alarmOf(shards(0))).toBe(NOW + DELIVERY_RETRY_SECONDS);
    setTime(NOW + DELIVERY_RETRY_SECONDS);
    await runDurableObjectAlarm(shards(0)); // which does not get there either
    expect(await alarmOf(shards(0))).toBe(NOW + DELIVERY_RETRY_SECONDS + 2 * DELIVERY_RETRY_SECONDS);
  });

  test("makes no grant wait that goes elsewhere, and none longer than the facilitator waits, when its shard hangs", async () => {
    const shards = newShards();
    await paidAcross(shards);
    await soon(async () => expect(await remote(shards(0)).deliver()).toBe(0));
    const unhang = await hangShardTwo(shards(0));
    const grant = async (shard: number) => {
      const { account } = await newPayerOn(shard);
      return { account, granted: await remote(shards(0)).fund({ account, value: "500" as never, grantId: randomId() }, "") };
    };
    let answered = false;
    const hung = grant(2).finally(() => (answered = true));
    await soon(async () => expect(await remote(shards(0)).marks()).toMatchObject({ sent: [{ to: 2, acknowledged: 1, sent: 2 }] }));
    const { account } = await grant(3);
    expect(answered).toBe(false);
    expect(await balanceOf(shards(3), account)).toBe("500");
    expect(await hung).toMatchObject({ granted: { ok: true } });
    await unhang();
    expect(GRANT_DELIVERY_SECONDS).toBeLessThan(DELIVERY_TIMEOUT_SECONDS);
    expect(GRANT_DELIVERY_SECONDS).toBeLessThan(LEDGER_TIMEOUT_SECONDS);
  });

  test.each<[how: string, end: (ledger: Stub) => Promise<void>]>([
    ["evicted", (ledger) => evictDurableObject(ledger)],
    ["aborted", () => abortAllDurableObjects()],
  ])("arrives by alarm when its shard was %s before it could deliver", async (_, end) => {
    const shards = newShards();
    await cutOff(shards(0));
    const { payee } = await paidAcross(shards);
    expect(await remote(shards(0)).deliver()).toBe(1);
    expect(await balanceOf(shards(2), payee)).toBe("0");
    await end(shards(0));
    expect(await alarmOf(shards(0))).toBeLessThanOrEqual(NOW + 5);
    expect(await runDurableObjectAlarm(shards(0))).toBe(true);
    expect(await balanceOf(shards(2), payee)).toBe("10000");
  });

  test("that no shard takes shows for how long, whatever becomes of the object [metrics-undelivered]", async () => {
    const shards = newShards();
    expect(await remote(shards(0)).watch()).toMatchObject({ outbox: 0, undelivered: 0 });
    await cutOff(shards(0));
    await paidAcross(shards);
    expect(await remote(shards(0)).deliver()).toBe(1);
    setTime(NOW + 100);
    await remote(shards(0)).deliver();
    expect(await remote(shards(0)).watch()).toMatchObject({ outbox: 1, undelivered: 100 });
    setTime(NOW + 200);
    await evictDurableObject(shards(0));
    // The new object delivers in a moment.
    expect(await remote(shards(0)).watch()).toMatchObject({ outbox: 1, undelivered: 200 });
    await soon(async () => expect(await remote(shards(0)).watch()).toMatchObject({ outbox: 0, undelivered: 0 }));
  });

  test("arrives when its shard is asked for anything after it was evicted, though no alarm rings", async () => {
    const shards = newShards();
    await cutOff(shards(0));
    const { payee } = await paidAcross(shards);
    await evictDurableObject(shards(0));
    await remote(shards(0)).info();
    await soon(async () => expect(await balanceOf(shards(2), payee)).toBe("10000"));
  });

  test("arrives after an eviction, on the platform's own clock, without anybody asking for it", async () => {
    vi.useRealTimers();
    const shards = newShards();
    await cutOff(shards(0));
    const { payee } = await paidAcross(shards);
    await evictDurableObject(shards(0));
    await vi.waitFor(async () => expect(await balanceOf(shards(2), payee)).toBe("10000"), { timeout: 15_000, interval: 250 });
  });

  test("arrives once, whether or not the answer did", async () => {
    const shards = newShards();
    const { payee } = await paidAcross(shards);
    await Promise.all(Array.from({ length: 10 }, () => remote(shards(0)).deliver()));
    expect(await balanceOf(shards(2), payee)).toBe("10000");
    expect(await remote(shards(2)).marks()).toMatchObject({ received: [{ from: 0, mark: expect.any(Number) }] });
  });

  test("is refused in a wrong shape, and without a sender", async () => {
    const shards = newShards();
    const { ledger } = await remote(shards(2)).info();
    const { account: payee } = await newPayerOn(2);
    const credit = { payee, value: "1", transaction: randomId() };
    const good = { ledger, from: 0, to: 2, after: 0, head: randomId(), credits: [credit] };
    const before = await tablesOf(shards(2));
    const receive = remote(shards(2)).receive as unknown as (batch: unknown) => Promise<unknown>;
    for (const wrong of [
      undefined,
      null,
      7,
      [],
      {},
      { ...good, surprise: 1 },
      ...[-1, 4.5, 256, "0", null, 2].map((from) => ({ ...good, from })),
      ...[-1, 1, "2", null].map((to) => ({ ...good, to })),
      ...[-1, 0.5, "0", null].map((after) => ({ ...good, after })),
      ...badHex(32).map((head) => ({ ...good, head })),
      ...badHex(32).map((ledger) => ({ ...good, ledger })),
      { ...good, ledger: randomId() },
      { ...good, credits: Array.from({ length: OUTBOX_BATCH + 1 }, () => credit) },
      ...BAD_AMOUNTS.map((value) => ({ ...good, credits: [{ ...credit, value }] })),
      ...BAD_ACCOUNTS.map((payee) => ({ ...good, credits: [{ ...credit, payee }] })),
    ]) {
      expect(await receive(wrong), JSON.stringify(wrong)).toEqual({ ok: false, fault: "not_mine" });
    }
    // Of the right shape, but of a past that this shard does not share.
    expect(await receive(good)).toEqual({ ok: false, fault: "sender_rewound" });
    expect(await tablesOf(shards(2))).toEqual(before);
  });
});

describe("the alarm of a shard", () => {
  /** A hold that expires one second later. */
  async function shortHold(ledger: Stub) {
    const payer = await fundedPayer(ledger);
    const { payment } = await signedPayment(payer, { validBefore: String(NOW) });
    const held = await remote(ledger).reserve({ payment, reservationId: randomId(), holdSeconds: 0 }, "");
    if (!held.ok) throw new Error(held.code);
    return payer.account;
  }
  const heldBy = async (ledger: Stub, account: AccountId) =>
    (await sql(ledger, "SELECT held FROM account WHERE id = ?", account))[0]?.["held"];

  test("frees dead holds, and is set again, while another shard hangs", async () => {
    const shards = newShards();
    const payer = await shortHold(shards(0));
    const unhang = await hangShardTwo(shards(0));
    await paidAcross(shards);
    setTime(NOW + 1);
    const ringing = runDurableObjectAlarm(shards(0));
    let over = false;
    void ringing.then(() => (over = true));
    await soon(async () => expect(await heldBy(shards(0), payer)).toBe("0"));
    expect(await alarmOf(shards(0))).toBe(NOW + 1 + DELIVERY_RETRY_SECONDS);
    expect(over).toBe(false);
    await unhang();
    await ringing;
  });

  test("delivers even when the book contradicts itself", async () => {
    const shards = newShards();
    const payer = await shortHold(shards(0));
    await cutOff(shards(0));
    const { payee } = await paidAcross(shards);
    await sql(shards(0), "UPDATE account SET held = '0' WHERE id = ?", payer);
    await evictDurableObject(shards(0));
    setTime(NOW + 1);
    await runDurableObjectAlarm(shards(0));
    expect(await balanceOf(shards(2), payee)).toBe("10000");
    expect(await alarmOf(shards(0))).toBe(NOW + 1 + ALARM_RETRY_SECONDS);
  });
});

describe("the facilitator", () => {
  test("finds every account's shard: for money, for payments and for their status", async () => {
    for (const shard of [0, 1, 2, 3]) {
      const payer = await newPayerOn(shard);
      const grant = await post("/faucet", { account: payer.account, amount: "25000", id: randomId() });
      expect(grant).toMatchObject({ status: 200, body: { balance: "25000" } });
      const signed = await signedPayment(payer);
      const { nonce, validBefore } = signed.payment;
      expect(await facilitator.settle(settleCommand(signed))).toMatchObject({ success: true });
      expect(await get(`/accounts/${payer.account}`)).toMatchObject({ body: { balance: "15000" } });
      const status = await get(`/settlements/logos:lez-testnet/${payer.account}/${nonce}?validBefore=${validBefore}`);
      expect(status.body).toMatchObject({ status: "settled", transaction: signed.transaction });
    }
  });

  test("audits all shards as one", async () => {
    const audit = async () => (await get("/ledger/audit")).body as unknown as LedgerAudit;
    await vi.waitFor(async () => expect(await audit()).toMatchObject({ ok: true, conclusive: true, shards: 4, inFlight: "0" }), 5000);
    const { balances, supply } = await audit();
    expect(balances).toBe(supply);
  });

  test.each(["1", "8"])(
    "pays nothing where it counts %s shards and the ledger another number, and still audits all of them",
    async (SHARDS) => {
      const wrong = { ...env, SHARDS };
      const { account } = await newPayer();
      const grant = { method: "POST", body: JSON.stringify({ account, id: randomId() }) };
      const unavailable = { status: 503, body: { error: "facilitator_unavailable" } };
      expect(await send("/health", {}, wrong)).toMatchObject(unavailable);
      expect(await send("/faucet", grant, wrong)).toMatchObject(unavailable);
      expect(await get(`/accounts/${account}`)).toMatchObject({ body: { balance: "0" } });
      expect(await send("/ledger/audit", {}, wrong)).toMatchObject({
        status: 200,
        body: { ok: true, shards: Number(env.SHARDS), conclusive: true },
      });
    },
  );

  test("shows the books to its operator alone where money is real", async () => {
    const key = "operator";
    const hash = [...new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key)))]
      .map((byte) => byte.toString(16).padStart(2, "0"))
      .join("");
    const real = { ...env, FAUCET: "off", OPERATOR_KEY_SHA256: hash };
    const bearer = (key: string) => ({ headers: { Authorization: `Bearer ${key}` } });
    expect(await send("/ledger/audit", {}, real)).toMatchObject({
      status: 401,
      body: { error: "unauthorized", problem: { hint: expect.stringContaining("operator") } },
    });
    expect(await send("/ledger/audit", bearer("guess"), real)).toMatchObject({ status: 401 });
    expect(await send("/ledger/audit", bearer(key), { ...real, OPERATOR_KEY_SHA256: "" })).toMatchObject({ status: 401 });
    const ofNothing = { ...real, OPERATOR_KEY_SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" };
    expect(await send("/ledger/audit", {}, ofNothing)).toMatchObject({ status: 401 });
    expect(await send("/ledger/audit", bearer(key), real)).toMatchObject({ status: 200, body: { ok: true } });
    expect(await send("/ledger/audit", { headers: { Authorization: `bearer ${key}` } }, real)).toMatchObject({ status: 200 });
    expect(await send("/ledger/checkpoints", { method: "POST", body: "{}" }, real)).toMatchObject({ status: 401 });
  });
});

describe("a journal over HTTP", () => {
  test("is read in pages, by any caller, under either spelling of the account", async () => {
    const { account } = await newPayer();
    await post("/faucet", { account, amount: "5", id: randomId() });
    const page = await get(`/accounts/${account}/journal`);
    expect(page).toMatchObject({ status: 200, body: { account, entries: [{ seq: "1", value: "5" }] } });
    expect(await get(`/accounts/Public/${account}/journal?after=0`)).toMatchObject({ body: page.body });
    expect(await get(`/accounts/${account}/journal?after=1`)).toMatchObject({ status: 200, body: { entries: [] } });
  });

  test.each(["no-account/journal", "Private/no-account/journal"])("of %s is refused", async (path) => {
    expect(await get(`/accounts/${path}`)).toMatchObject({ status: 400, body: { error: "invalid_payload" } });
  });

  test.each(["-1", "x", "1.5", "9999999999999999"])("after %s is refused", async (after) => {
    const { account } = await newPayer();
    expect(await get(`/accounts/${account}/journal?after=${after}`)).toMatchObject({ status: 400 });
  });
});

describe("a checkpoint", () => {
  const keyed = (ledger: Stub, CHECKPOINT_KEY?: string) =>
    runInDurableObject(ledger, (instance) => Reflect.set(instance, "env", { ...env, CHECKPOINT_KEY }));

  test("is signed with the operator's key, under what the account had", async () => {
    const shards = newShards();
    const { account } = await fundedPayer(shards(0));
    await keyed(shards(0), "2a".repeat(32));
    const page = await remote(shards(0)).journal({ account, afterSeq: 0 }, "");
    const head = "entries" in page ? (page.entries[0]?.hash ?? randomId()) : randomId();
    const signed = await remote(shards(0)).checkpoint({ account, seq: 1, head }, "");
    if ("code" in signed) throw new Error(signed.code);
    const { ledger } = await remote(shards(0)).info();
    expect(signed.checkpoint).toEqual({ ledger, account, seq: "1", head, balance: "25000", at: expect.any(String) });
    expect(await isGenuineCheckpoint(signed)).toBe(true);
    expect(await verifyDigest(signed.signature, checkpointDigest(signed.checkpoint), signed.publicKey)).toBe(true);
    const forged: Checkpoint = { ...signed.checkpoint, balance: "25001" };
    expect(await isGenuineCheckpoint({ ...signed, checkpoint: forged })).toBe(false);
  });

  test("is not offered without a key, and not for who has not read the chain", async () => {
    const shards = newShards();
    const { account } = await fundedPayer(shards(0));
    expect(await remote(shards(0)).checkpoint({ account, seq: 1, head: randomId() }, "")).toEqual({ ok: false, code: "not_found" });
    await keyed(shards(0), "2a".repeat(32));
    const guess = await remote(shards(0)).checkpoint({ account, seq: 1, head: randomId() }, "");
    expect(guess).toEqual({ ok: false, code: "invalid_payload" });
  });
});

describe("a checkpoint that anybody asks for", () => {
  const KEY = "2a".repeat(32);
  const keyed = (shard: number, CHECKPOINT_KEY?: string) =>
    runInDurableObject(env.LEDGER.getByName(shardName("ledger", shard)), (instance) =>
      Reflect.set(instance, "env", { ...env, CHECKPOINT_KEY }),
    );
  const entriesOf = async (account: AccountId) =>
    (await get(`/accounts/${account}/journal`)).body["entries"] as { seq: string; hash: string; balanceAfter: string }[];

  /** An account of that shard with three grants. */
  async function thrice(shard: number): Promise<AccountId> {
    const { account } = await newPayerOn(shard);
    for (const amount of ["5", "6", "7"]) await post("/faucet", { account, amount, id: randomId() });
    await keyed(shard, KEY);
    return account;
  }

  test.each([0, 1, 2, 3])("is signed by the ledger, under the last entry or the one that is named: shard %i", async (shard) => {
    const account = await thrice(shard);
    const entries = await entriesOf(account);
    const { ledger } = (await get("/health")).body;
    for (const [query, entry] of [
      ["", entries[2]],
      ["?seq=2", entries[1]],
    ] as const) {
      const { status, body } = await get(`/accounts/${account}/checkpoint${query}`);
      expect(status).toBe(200);
      const expected = { ledger, account, seq: entry?.seq, head: entry?.hash, balance: entry?.balanceAfter, at: expect.any(String) };
      expect(body["checkpoint"]).toEqual(expected);
      expect(await isGenuineCheckpoint(body as never)).toBe(true);
    }
    expect(await get(`/accounts/Public/${account}/checkpoint`)).toMatchObject({ status: 200 });
  });

  test("leaves no trace: nothing may be pruned because of it", async () => {
    const account = await thrice(0);
    const ledger = env.LEDGER.getByName("ledger");
    const before = await tablesOf(ledger);
    await get(`/accounts/${account}/checkpoint`);
    await get(`/accounts/${account}/checkpoint?seq=1`);
    expect(await tablesOf(ledger)).toEqual(before);
  });

  test("is signed with the key that /health names", async () => {
    const account = await thrice(0);
    const { checkpointKey } = (await get("/health")).body;
    expect((await get(`/accounts/${account}/checkpoint`)).body["publicKey"]).toBe(checkpointKey);
    await keyed(0);
    expect((await get("/health")).body).not.toHaveProperty("checkpointKey");
  });

  test("is not to be had where the ledger has no key, nor of an entry that is not there", async () => {
    const account = await thrice(0);
    const unfunded = (await newPayerOn(0)).account;
    for (const path of [`${account}/checkpoint?seq=4`, `${unfunded}/checkpoint`, `${account}/checkpoint?seq=0`]) {
      const none = { error: "invalid_payload", problem: { message: "This account has no such entry, or has it no more." } };
      expect(await get(`/accounts/${path}`)).toMatchObject({ status: 400, body: none });
    }
    for (const path of [
      `${account}/checkpoint?seq=x`,
      `${account}/checkpoint?seq=-1`,
      "no-account/checkpoint",
      "Private/no-account/checkpoint",
    ])
      expect(await get(`/accounts/${path}`)).toMatchObject({ status: 400, body: { error: "invalid_payload" } });
    await keyed(0);
    const none = await get(`/accounts/${account}/checkpoint`);
    expect(none).toMatchObject({ status: 404, body: { error: "not_found", problem: { message: expect.stringContaining("no key") } } });
  });

  test("is asked for so often and no more", async () => {
    const CALL_LIMIT = { limit: async () => ({ success: false }) };
    const refused = await send(`/accounts/${(await newPayer()).account}/checkpoint`, {}, { ...env, CALL_LIMIT });
    expect(refused).toMatchObject({ status: 429, body: { error: "rate_limited" } });
  });
});
