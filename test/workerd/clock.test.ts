/** A ledger whose machine has a wrong clock, and one that was left alone for a year. */

import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SWEEP_INTERVAL_SECONDS } from "../../shared/limits.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { randomId, signedPayment } from "../signed.ts";
import { alarmOf, fundedPayer, newLedger, NOW, remote, setTime, sql, type Stub, tablesOf } from "./ledger.ts";

const DAY = 24 * 3600;
const YEAR = 365 * DAY;
const DOUBT = { ok: false, code: "facilitator_unavailable" };

const logged = vi.spyOn(console, "log");
const jumps = () => logged.mock.calls.map(String).filter((line) => line.includes('"clock.jumped"'));

beforeEach(() => setTime(NOW));
afterEach(() => logged.mockClear());
afterAll(() => {
  vi.useRealTimers();
  logged.mockRestore();
});

/** A payer with one payment held and one that was never presented. */
async function paying(ledger: Stub) {
  const payer = await fundedPayer(ledger);
  const [held, next] = [await signedPayment(payer), await signedPayment(payer)];
  const reservationId = randomId();
  await remote(ledger).reserve({ payment: held.payment, reservationId, holdSeconds: 60 }, "", NOW);
  return { payer, held, next, reservation: { payer: payer.account, nonce: held.payment.nonce, reservationId } };
}

describe("an alarm under a clock that is a year ahead", () => {
  test("expires, forgets and stores nothing, says so, and payments go on when the clock is right again [clock-jump-alarm]", async () => {
    const ledger = newLedger();
    const { next, reservation } = await paying(ledger);
    const before = await tablesOf(ledger);

    setTime(NOW + YEAR);
    await runDurableObjectAlarm(ledger);
    expect(await tablesOf(ledger)).toEqual(before);
    expect(jumps()).toEqual([expect.stringContaining(`"machine":${NOW + YEAR},"ledger":${NOW}`)]);
    expect(await alarmOf(ledger)).toBe(NOW + YEAR + SWEEP_INTERVAL_SECONDS);

    setTime(NOW + 10);
    await evictDurableObject(ledger);
    expect(await remote(ledger).capture(reservation, "", NOW + 10)).toMatchObject({ ok: true });
    expect(await remote(ledger).settle({ payment: next.payment, settlementId: randomId() }, "", NOW + 10)).toMatchObject({ ok: true });
    expect(await alarmOf(ledger)).toBe(NOW + 10 + SWEEP_INTERVAL_SECONDS);
  });

  test("believes what a caller has confirmed, also after a restart", async () => {
    const ledger = newLedger();
    const { payer } = await paying(ledger);
    setTime(NOW + YEAR);
    const account = { payer: payer.account, nonce: randomId(), validBefore: NOW + YEAR };
    expect(await remote(ledger).status(account, "", NOW + YEAR - 60)).toEqual({ status: "unused" });
    await evictDurableObject(ledger);
    setTime(NOW + YEAR + 3600);
    await runDurableObjectAlarm(ledger);
    expect(await sql(ledger, "SELECT held FROM account WHERE id = ?", payer.account)).toEqual([{ held: "0" }]);
    expect(jumps()).toEqual([]);
  });
});

describe("a command under a clock that is a year ahead", () => {
  const all = (ledger: Stub, { next, reservation }: Awaited<ReturnType<typeof paying>>, clock?: number) => {
    const { payer } = reservation;
    const calls = remote(ledger);
    return {
      check: () => calls.check({ payment: next.payment }, "", clock),
      reserve: () => calls.reserve({ payment: next.payment, reservationId: randomId(), holdSeconds: 60 }, "", clock),
      settle: () => calls.settle({ payment: next.payment, settlementId: randomId() }, "", clock),
      capture: () => calls.capture(reservation, "", clock),
      release: () => calls.release(reservation, "", clock),
      cancel: () => calls.cancel({ payer, nonce: randomId() }, "", clock),
      status: () => calls.status({ payer, nonce: next.payment.nonce, validBefore: next.payment.validBefore }, "", clock),
    };
  };

  test("is refused if its caller's clock says otherwise, and stores nothing", async () => {
    const ledger = newLedger();
    const world = await paying(ledger);
    const before = await tablesOf(ledger);
    setTime(NOW + YEAR);
    for (const call of Object.values(all(ledger, world, NOW + 5))) expect(await call()).toEqual(DOUBT);
    expect(await tablesOf(ledger)).toEqual(before);
    expect(jumps()).not.toEqual([]);
    setTime(NOW + 5);
    expect(await all(ledger, world, NOW + 5).settle()).toMatchObject({ ok: true });
  });

  test("of a caller without a clock says nothing final, and moves no time", async () => {
    const ledger = newLedger();
    const world = await paying(ledger);
    const clocks = () => sql(ledger, "SELECT * FROM clock");
    const before = await clocks();
    setTime(NOW + YEAR);
    const { check, reserve, settle, capture, release, cancel, status } = all(ledger, world);
    for (const call of [check, reserve, settle, capture]) expect(await call()).toEqual(DOUBT);
    expect(await status()).toEqual({ status: "unused" });
    expect(await cancel()).toEqual({ ok: true });
    expect(await release()).toEqual({ ok: true });
    expect(await clocks()).toEqual(before);
    setTime(NOW + 5);
    expect(await settle()).toMatchObject({ ok: true });
  });
});

describe("a ledger that was left alone for a year", () => {
  const idle = async () => {
    const ledger = newLedger();
    const payer = await fundedPayer(ledger);
    await evictDurableObject(ledger);
    setTime(NOW + YEAR);
    return { ledger, payer };
  };

  test("sells without an operator, if its caller's clock agrees", async () => {
    const { ledger, payer } = await idle();
    const { payment } = await signedPayment(payer);
    expect(await remote(ledger).settle({ payment, settlementId: randomId() }, "", NOW + YEAR)).toMatchObject({ ok: true });
    expect(jumps()).toEqual([]);
  });

  test("sells to a caller without a clock as well: the payer has dated the payment [clock-none-payment]", async () => {
    const { ledger, payer } = await idle();
    const stale = await signedPayment(payer, { validAfter: String(NOW), validBefore: String(NOW + 900) });
    const { payment } = await signedPayment(payer);
    expect(await remote(ledger).settle({ payment: stale.payment, settlementId: randomId() }, "")).toEqual(DOUBT);
    expect(await remote(ledger).settle({ payment, settlementId: randomId() }, "")).toMatchObject({ ok: true });
    expect(await remote(ledger).settle({ payment: stale.payment, settlementId: randomId() }, "")).toEqual({
      ok: false,
      code: "payment_expired",
    });
  });

  test("gives test money to a caller without a clock, and keeps what it cancels for as long as it must", async () => {
    const { ledger, payer } = await idle();
    const grant = { account: payer.account, value: "5" as Amount, grantId: randomId() };
    expect(await remote(ledger).fund(grant, "")).toMatchObject({ ok: true });
    await remote(ledger).cancel({ payer: payer.account, nonce: randomId() }, "");
    const [cancelled] = await sql(ledger, "SELECT valid_before FROM payment WHERE state = 'cancelled'");
    expect(cancelled?.["valid_before"]).toBeGreaterThan(NOW + YEAR);
  });
});
