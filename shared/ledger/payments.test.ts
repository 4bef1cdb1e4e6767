import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { approve, LEDGER, offerOf, owner, paymentRequest } from "../../test/fixtures.ts";
import { verifyExact } from "../exact/verify.ts";
import {
  CLOCK_SKEW_SECONDS,
  EXPIRY_BATCH,
  FORGET_SECONDS,
  MAX_CANCELLED_NONCES,
  MAX_REQUEST_LIFE_SECONDS,
  MAX_VALIDITY_SECONDS,
  PRUNE_BATCH,
  RETENTION_SECONDS,
  SWEEP_INTERVAL_SECONDS,
} from "../limits.ts";
import type { Amount } from "../protocol/amount.ts";
import { formatTimestamp } from "../time.ts";
import type { LedgerStore } from "./store.ts";
import {
  ALICE,
  BOB,
  dump,
  FIRST,
  give,
  HELD,
  idOf,
  openLedger,
  paymentOf,
  personOf,
  reopen,
  reserveOf,
  SECOND,
  settleOf,
  START,
  VALID,
} from "./testing/ledger.ts";

const count = (store: LedgerStore, state: string) => store.sql("SELECT count(*) AS n FROM payment WHERE state = ?", state)[0]?.["n"];

describe("the alarm frees dead holds", () => {
  test("in batches, the rest a second later", () => {
    const store = memoryStore();
    const rules = openLedger(store);
    const many = EXPIRY_BATCH + 3;
    give(rules, BOB, BigInt(many));
    const one = paymentOf({ payer: BOB, payee: ALICE, value: "1" as Amount, validBefore: START + 10 });
    for (let i = 0; i < many; i++) rules.reserve(reserveOf({ ...one, nonce: idOf(i) }, FIRST), START);

    const dead = START + HELD + 1;
    expect(rules.runMaintenance(dead - 1)).toBe(dead);
    expect(count(store, "held")).toBe(many);
    expect(rules.runMaintenance(dead)).toBe(dead + 1);
    expect(count(store, "held")).toBe(3);
    expect(rules.account(BOB)).toMatchObject({ held: "3" });
    expect(rules.runMaintenance(dead + 1)).toBe(dead + 1 + SWEEP_INTERVAL_SECONDS);
    expect(rules.account(BOB)).toMatchObject({ held: "0" });
  });

  test("even ten thousand of one payer, in as many alarms as that takes, and no alarm takes more than its batch", () => {
    const store = memoryStore();
    const rules = openLedger(store, 20_000n);
    give(rules, BOB, 10_000n);
    const one = paymentOf({ payer: BOB, payee: ALICE, value: "1" as Amount, validBefore: START + 10 });
    for (let i = 0; i < 10_000; i++) rules.reserve(reserveOf({ ...one, nonce: idOf(i) }, FIRST), START);
    let at = START + HELD + 1;
    for (let alarms = 1; alarms <= 10_000 / EXPIRY_BATCH; alarms++) {
      at = rules.runMaintenance(at) ?? 0;
      expect(count(store, "held")).toBe(10_000 - alarms * EXPIRY_BATCH);
    }
    expect(rules.account(BOB)).toMatchObject({ balance: "10000", held: "0" });
  });

  test("and rings for the next one that dies, but within an hour", () => {
    const rules = openLedger(memoryStore());
    rules.reserve(reserveOf(paymentOf({ validBefore: START + 2 * SWEEP_INTERVAL_SECONDS }), FIRST), START);
    expect(rules.runMaintenance(START + 1)).toBe(START + 1 + SWEEP_INTERVAL_SECONDS);
    rules.reserve(reserveOf(paymentOf({ nonce: idOf(0xb) }), FIRST), START + 1);
    expect(rules.runMaintenance(START + 2)).toBe(START + VALID + 1);
  });
});

describe("a payer's cancelled nonces", () => {
  test("are bounded: beyond the bound a cancellation is rate_limited and writes nothing, until one is forgotten", () => {
    const store = memoryStore();
    const rules = openLedger(store);
    const held = paymentOf({ nonce: idOf(MAX_CANCELLED_NONCES + 1) });
    rules.reserve(reserveOf(held, FIRST, 0), START);
    for (let i = 0; i < MAX_CANCELLED_NONCES; i++) expect(rules.cancel(ALICE, idOf(i), START)).toEqual({ ok: true });
    const before = dump(store);
    const limited = { ok: false, code: "rate_limited" };
    expect(rules.cancel(ALICE, idOf(MAX_CANCELLED_NONCES), START + 1)).toEqual(limited);
    expect(rules.cancel(ALICE, held.nonce, START + 1)).toEqual(limited);
    expect(dump(store)).toEqual(before);
    expect(rules.cancel(ALICE, idOf(0), START + 1)).toEqual({ ok: true }); // was cancelled before
    give(rules, BOB, 1n);
    expect(rules.cancel(BOB, idOf(0), START + 1)).toEqual({ ok: true });
    const forgotten = START + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS + FORGET_SECONDS + 1;
    while (count(store, "cancelled") !== 1) rules.runMaintenance(forgotten);
    expect(rules.cancel(ALICE, idOf(MAX_CANCELLED_NONCES), forgotten)).toEqual({ ok: true });
  });
});

describe("the alarm forgets what is past its retention", () => {
  /** After it, a nonce that was cancelled at START is forgotten. */
  const KEPT = START + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS + FORGET_SECONDS;

  test("batch by batch, with a cursor that survives a restart", () => {
    const store = memoryStore();
    const rules = openLedger(store);
    const many = 2 * PRUNE_BATCH + 7;
    const payers = Array.from({ length: 7 }, (_, i) => personOf(i + 10));
    for (const payer of payers) give(rules, payer, 1n);
    store.sql("DELETE FROM payment"); // the gifts
    for (let i = 0; i < many; i++) rules.cancel(payers[i % 7] ?? ALICE, idOf(i), START);

    expect(rules.runMaintenance(KEPT + 1)).toBe(KEPT + 2);
    expect(count(store, "cancelled")).toBeGreaterThanOrEqual(many - PRUNE_BATCH);
    expect(reopen(store).runMaintenance(KEPT + 2)).toBe(KEPT + 3);
    expect(count(store, "cancelled")).toBeGreaterThanOrEqual(many - 2 * PRUNE_BATCH);
    expect(count(store, "cancelled")).toBeLessThanOrEqual(8);
    expect(rules.runMaintenance(KEPT + 3)).toBeUndefined();
    expect(store.sql("SELECT * FROM payment")).toEqual([]);
    expect(store.sql("SELECT * FROM sweep")).toEqual([]);
  });

  test("and passes by what it has to keep, round after round", () => {
    const store = memoryStore();
    const rules = openLedger(store);
    const half = PRUNE_BATCH / 2 + 3;
    for (let i = 0; i < half; i++) rules.cancel(ALICE, idOf(2 * i), START);
    for (let i = 0; i < half; i++) rules.cancel(ALICE, idOf(2 * i + 1), START + 1);

    expect(rules.runMaintenance(KEPT + 1)).toBe(KEPT + 2);
    expect(rules.runMaintenance(KEPT + 1)).toBe(KEPT + 1 + SWEEP_INTERVAL_SECONDS);
    expect(count(store, "cancelled")).toBe(half);
    expect(rules.runMaintenance(KEPT + 1 + SWEEP_INTERVAL_SECONDS)).toBeUndefined();
    expect(count(store, "cancelled")).toBe(0);
  });

  test("and rests after a round that took more than one alarm, though the next alarm rings for something else", () => {
    const store = memoryStore();
    let cursors = 0;
    const rules = openLedger({
      ...store,
      sql: (...statement) => ((cursors += Number(/INTO sweep/.test(statement[0]))), store.sql(...statement)),
    });
    for (let i = 0; i < PRUNE_BATCH + 5; i++) rules.cancel(ALICE, idOf(i), START);
    expect([0, 1, 6, 11].map((i) => rules.runMaintenance(START + i))).toEqual([START + 1, START + 3601, START + 3606, START + 3611]);
    expect(cursors).toBe(1);
    expect(rules.runMaintenance(START + 3601)).toBe(START + 3602);
  });

  test("also behind more than it looks at in one go, all of which it has to keep", () => {
    const store = memoryStore();
    const rules = openLedger(store);
    const kept = PRUNE_BATCH + 5;
    const old = idOf(kept);
    rules.cancel(ALICE, old, START);
    for (let i = 0; i < kept; i++) rules.cancel(ALICE, idOf(i), START + 1);
    const isThere = () => store.sql("SELECT 1 FROM payment WHERE nonce = ?", old).length > 0;

    expect(rules.runMaintenance(KEPT + 1)).toBe(KEPT + 2);
    expect(isThere()).toBe(true);
    expect(rules.runMaintenance(KEPT + 1)).toBe(KEPT + 1 + SWEEP_INTERVAL_SECONDS);
    expect(isThere()).toBe(false);
    expect(count(store, "cancelled")).toBe(kept);
  });

  test("but no nonce of a request that could be approved once more, whose agent's clock is ahead", async () => {
    const created = START + CLOCK_SKEW_SECONDS;
    const [createdAt, expiresAt] = [formatTimestamp(created), formatTimestamp(created + MAX_REQUEST_LIFE_SECONDS)];
    const offer = offerOf({ maxTimeoutSeconds: MAX_VALIDITY_SECONDS });
    const request = await paymentRequest(offer, { createdAt, expiresAt });
    const approvedAt = async (now: number, expiresIn?: number) => {
      const { payload } = await approve(request, now, expiresIn);
      const verified = await verifyExact(payload, offer, { now, ledger: LEDGER });
      if (!verified.ok) throw new Error(verified.code);
      return verified.payment;
    };
    const soon = await approvedAt(START, 1);
    const late = await approvedAt(created + MAX_REQUEST_LIFE_SECONDS);

    const rules = openLedger(memoryStore(), 10n ** 9n);
    give(rules, owner.account, 10n ** 6n);
    expect(rules.settle(settleOf(soon, FIRST), START)).toMatchObject({ ok: true });
    for (const now of [soon.validBefore + RETENTION_SECONDS + 1, late.validBefore]) {
      rules.runMaintenance(now);
      expect(rules.settle(settleOf(late, SECOND), now)).toMatchObject({ code: "nonce_replayed" });
    }
    rules.runMaintenance(soon.validBefore + FORGET_SECONDS + 1);
    expect(rules.settle(settleOf(late, SECOND), late.validBefore)).toMatchObject({ code: "payment_expired" });
  });

  test("but never a hold", () => {
    const store = memoryStore();
    const rules = openLedger(store);
    const payment = paymentOf();
    rules.reserve(reserveOf(payment, FIRST), START);
    store.sql("UPDATE payment SET capture_deadline = ? WHERE state = 'held'", KEPT + 1);
    store.sql("UPDATE payment SET valid_before = 0 WHERE state = 'held'");
    rules.runMaintenance(KEPT + 1);
    expect(count(store, "held")).toBe(1);
  });
});
