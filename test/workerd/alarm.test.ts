import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  ALARM_LOST_SECONDS,
  ALARM_RETRY_SECONDS,
  FORGET_SECONDS,
  JOURNAL_RETENTION_SECONDS,
  MAX_ALARM_GAP_SECONDS,
  RETENTION_SECONDS,
  SWEEP_INTERVAL_SECONDS,
} from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { WalletSigner } from "../../shared/protocol/signer.ts";
import { unixNow } from "../../shared/time.ts";
import { randomId, signedPayment } from "../signed.ts";
import { alarmOf, confirmTime, env, fundedPayer, newLedger, newPayerOn, NOW, remote, setTime, sql, type Stub, tablesOf } from "./ledger.ts";

beforeEach(() => setTime(NOW));
afterEach(() => vi.useRealTimers());

/** A hold of `seconds` on a payment that is valid for as long. */
async function holdFor(ledger: Stub, seconds: number) {
  const payer = await fundedPayer(ledger);
  const { payment } = await signedPayment(payer, { validBefore: String(unixNow() + seconds) });
  const hold = { reservationId: randomId(), holdSeconds: seconds };
  const held = await remote(ledger).reserve({ payment, ...hold }, "");
  if (!held.ok) throw new Error(held.code);
  return { payer: payer.account, payment, reservation: held.reservation, deadLine: Math.max(held.heldUntil, payment.validBefore) };
}

/** The platform gives up on alarms that keep failing. */
const loseAlarm = (ledger: Stub) => runInDurableObject(ledger, (_, { storage }) => storage.deleteAlarm());

/** What was answered, if it was no refusal. */
function known<T extends object>(answer: T): Exclude<T, { code: unknown }> {
  if ("code" in answer) throw new Error(String(answer.code));
  return answer as Exclude<T, { code: unknown }>;
}

/** An operator has the account's journal, which is one entry. */
async function exported(ledger: Stub, account: AccountId): Promise<object> {
  await runInDurableObject(ledger, (instance) => Reflect.set(instance, "env", { ...env, CHECKPOINT_KEY: "2a".repeat(32) }));
  const { journalHead } = await remote(ledger).account({ account }, "").then(known);
  return remote(ledger).checkpoint({ account, seq: 1, head: journalHead }, "");
}

const heldBy = async (ledger: Stub, account: string) => (await sql(ledger, "SELECT held FROM account WHERE id = ?", account))[0]?.["held"];

describe("a hold", () => {
  test("frees itself by alarm once it is dead", async () => {
    const ledger = newLedger();
    const { payer, reservation, deadLine } = await holdFor(ledger, 60);
    expect(await alarmOf(ledger)).toBe(deadLine + 1);

    setTime(deadLine);
    expect(await runDurableObjectAlarm(ledger)).toBe(true);
    expect(await heldBy(ledger, payer)).toBe("10000");
    expect(await alarmOf(ledger)).toBe(deadLine + 1);

    setTime(deadLine + 1);
    expect(await runDurableObjectAlarm(ledger)).toBe(true);
    expect(await heldBy(ledger, payer)).toBe("0");
    expect(await remote(ledger).capture(reservation, "")).toEqual({ ok: false, code: "reservation_lost" });
    expect(await ledger.audit()).toMatchObject({ ok: true });
  });

  test("frees itself without a caller, on the platform's own clock", async () => {
    vi.useRealTimers();
    const ledger = newLedger();
    const { payer } = await holdFor(ledger, 0);
    await evictDurableObject(ledger);
    await vi.waitFor(async () => expect(await heldBy(ledger, payer)).toBe("0"), { timeout: 10_000, interval: 200 });
  });
});

describe("the alarm", () => {
  test("is brought forward by a hold that dies earlier, and not put off by one that dies later", async () => {
    const ledger = newLedger();
    await holdFor(ledger, 600);
    const { deadLine } = await holdFor(ledger, 60);
    expect(await alarmOf(ledger)).toBe(deadLine + 1);
    await holdFor(ledger, 900);
    expect(await alarmOf(ledger)).toBe(deadLine + 1);
  });

  test("is not put off by what comes after a restart", async () => {
    const ledger = newLedger();
    const { payer, deadLine } = await holdFor(ledger, 60);
    await evictDurableObject(ledger);
    await holdFor(ledger, 900);
    expect(await alarmOf(ledger)).toBe(deadLine + 1);

    setTime(deadLine + 1);
    await runDurableObjectAlarm(ledger);
    expect(await heldBy(ledger, payer)).toBe("0");
  });

  test("rings again for the holds that are left", async () => {
    const ledger = newLedger();
    const first = await holdFor(ledger, 60);
    const second = await holdFor(ledger, 90);
    setTime(first.deadLine + 1);
    await runDurableObjectAlarm(ledger);
    expect(await alarmOf(ledger)).toBe(second.deadLine + 1);
  });

  test.each<[what: string, event: (ledger: Stub, payer: WalletSigner) => Promise<object>]>([
    ["a grant", (ledger, { account }) => remote(ledger).fund({ account, value: "5" as never, grantId: randomId() }, "")],
    [
      "a settlement",
      async (ledger, payer) => remote(ledger).settle({ payment: (await signedPayment(payer)).payment, settlementId: randomId() }, ""),
    ],
    ["a cancellation", (ledger, { account }) => remote(ledger).cancel({ payer: account, nonce: randomId() }, "")],
    ["a checkpoint", (ledger, { account }) => exported(ledger, account)],
  ])("is set within the hour for what has to be forgotten one day: %s", async (_, event) => {
    const ledger = newLedger();
    const payer = await fundedPayer(ledger);
    const later = NOW + 2 * RETENTION_SECONDS;
    setTime(later);
    await confirmTime(ledger);
    await runDurableObjectAlarm(ledger);
    expect(await alarmOf(ledger)).toBeUndefined();

    expect(known(await event(ledger, payer))).toBeDefined();
    expect(await alarmOf(ledger)).toBe(later + SWEEP_INTERVAL_SECONDS);
  });

  test("that was lost is made up for by the ledger's next start", async () => {
    const ledger = newLedger();
    const { payer, deadLine } = await holdFor(ledger, 60);
    await loseAlarm(ledger);
    await evictDurableObject(ledger);
    setTime(deadLine + 1);
    await ledger.info();
    expect(await alarmOf(ledger)).toBe(deadLine + 1);
    await runDurableObjectAlarm(ledger);
    expect(await heldBy(ledger, payer)).toBe("0");
  });

  test("that was lost is made up for by the next call, even a refused one", async () => {
    const ledger = newLedger();
    const { deadLine } = await holdFor(ledger, 60);
    await loseAlarm(ledger);
    setTime(deadLine + 1 + ALARM_LOST_SECONDS);
    await holdFor(ledger, 60);
    expect(await alarmOf(ledger)).toBeUndefined(); // not so late that it must be lost
    setTime(deadLine + 2 + ALARM_LOST_SECONDS);
    const { payment } = await signedPayment(await newPayerOn(0));
    const hold = { reservationId: randomId(), holdSeconds: 60 };
    expect(await remote(ledger).reserve({ payment, ...hold }, "")).toEqual({ ok: false, code: "insufficient_funds" });
    expect(await alarmOf(ledger)).toBe(deadLine + 2 + ALARM_LOST_SECONDS);
  });

  test("shows how late it is: set and not rung, lost, or failing [metrics-alarm-late]", async () => {
    const ledger = newLedger();
    const { payer, deadLine } = await holdFor(ledger, 60);
    const late = async () => (await remote(ledger).watch()).alarmLate;
    expect(await remote(ledger).watch()).toMatchObject({ holds: 1, alarmLate: 0, halted: false });
    setTime(deadLine + 1);
    expect(await late()).toBe(0);
    setTime(deadLine + 91);
    expect(await late()).toBe(90);
    await loseAlarm(ledger);
    expect(await late()).toBe(90);

    await sql(ledger, "UPDATE account SET held = '0' WHERE id = ?", payer);
    await evictDurableObject(ledger);
    await runDurableObjectAlarm(ledger); // it fails, and comes back later
    expect(await alarmOf(ledger)).toBe(unixNow() + ALARM_RETRY_SECONDS);
    expect(await late()).toBe(90);

    await sql(ledger, "UPDATE account SET held = '10000' WHERE id = ?", payer);
    await evictDurableObject(ledger);
    await runDurableObjectAlarm(ledger);
    expect(await remote(ledger).watch()).toMatchObject({ holds: 0, alarmLate: 0 });
  });

  test("is not set by the start of a ledger that has nothing to tidy", async () => {
    const ledger = newLedger();
    await ledger.info();
    await evictDurableObject(ledger);
    await ledger.info();
    expect(await alarmOf(ledger)).toBeUndefined();
  });

  test("stops when nothing is left to do, and starts again when there is", async () => {
    const ledger = newLedger();
    const { payer, payment, deadLine } = await holdFor(ledger, 60);
    setTime(deadLine + FORGET_SECONDS + 1);
    await confirmTime(ledger);
    await runDurableObjectAlarm(ledger);
    expect(await sql(ledger, "SELECT * FROM payment")).toEqual([]);
    expect(await alarmOf(ledger)).toBeUndefined();
    expect(await runDurableObjectAlarm(ledger)).toBe(false);

    await remote(ledger).cancel({ payer, nonce: payment.nonce }, "");
    expect(await alarmOf(ledger)).toBe(unixNow() + SWEEP_INTERVAL_SECONDS);
  });

  test("prunes old exported entries on an idle ledger, and then sets no alarm", async () => {
    const ledger = newLedger();
    const { account } = await fundedPayer(ledger);
    await exported(ledger, account);
    const old = NOW + JOURNAL_RETENTION_SECONDS + 1;
    const entries = () => sql(ledger, "SELECT 1 FROM journal WHERE account = ?", account);

    setTime(NOW + 2 * RETENTION_SECONDS);
    await confirmTime(ledger);
    await runDurableObjectAlarm(ledger);
    const soon = unixNow() + MAX_ALARM_GAP_SECONDS;
    expect(await alarmOf(ledger)).toBe(soon);
    await loseAlarm(ledger);
    await evictDurableObject(ledger);
    await ledger.info();
    expect(await alarmOf(ledger)).toBe(unixNow());
    await runDurableObjectAlarm(ledger);
    expect(await alarmOf(ledger)).toBe(soon);

    // Without a caller, alarms alone bring the ledger's time forward.
    for (let at = soon; at < old; at += MAX_ALARM_GAP_SECONDS) {
      setTime(at);
      await runDurableObjectAlarm(ledger);
      expect(await alarmOf(ledger)).toBe(Math.min(at + MAX_ALARM_GAP_SECONDS, old));
    }
    expect(await entries()).toHaveLength(1);

    await evictDurableObject(ledger);
    setTime(old);
    await runDurableObjectAlarm(ledger);
    expect(await entries()).toEqual([]);
    expect(await alarmOf(ledger)).toBeUndefined();
    await evictDurableObject(ledger);
    expect(await ledger.audit()).toMatchObject({ ok: true });
    expect(await alarmOf(ledger)).toBeUndefined();
  });

  test("does not throw when the book contradicts itself, but rings again soon, and finishes when it can", async () => {
    const ledger = newLedger();
    const { payer, deadLine } = await holdFor(ledger, 60);
    await sql(ledger, "UPDATE account SET held = '0' WHERE id = ?", payer);
    await evictDurableObject(ledger); // a running one remembers what it wrote
    const before = await tablesOf(ledger);
    setTime(deadLine + 1);
    expect(await runDurableObjectAlarm(ledger)).toBe(true);
    expect(await tablesOf(ledger)).toEqual(before);
    expect(await alarmOf(ledger)).toBe(deadLine + 1 + ALARM_RETRY_SECONDS);

    await sql(ledger, "UPDATE account SET held = '10000' WHERE id = ?", payer);
    await evictDurableObject(ledger);
    setTime(deadLine + 1 + ALARM_RETRY_SECONDS);
    await runDurableObjectAlarm(ledger);
    expect(await heldBy(ledger, payer)).toBe("0");
    expect(await ledger.audit()).toMatchObject({ ok: true });
  });
});
