import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { CLOCK_SKEW_SECONDS, FORGET_SECONDS, MAX_VALIDITY_SECONDS } from "../limits.ts";
import type { Amount } from "../protocol/amount.ts";
import type { LedgerRules } from "./rules.ts";
import type { LedgerStore } from "./store.ts";
import {
  ALICE,
  dump,
  FIRST,
  idOf,
  openLedger,
  paymentOf,
  reopen,
  reservationOf,
  reserveOf,
  SECOND,
  settleOf,
  START,
  VALID,
} from "./testing/ledger.ts";

const PAYMENT = paymentOf();
const LATE = START + VALID + 1;
const EXPIRED = { ok: false, code: "payment_expired" };

/** Every way in which the ledger says, at LATE, that PAYMENT will never be paid. */
const NEVER: [string, (rules: LedgerRules) => unknown][] = [
  ["status", (rules) => rules.status(ALICE, PAYMENT.nonce, PAYMENT.validBefore, LATE)],
  ["reserve", (rules) => rules.reserve(reserveOf(PAYMENT, SECOND), LATE)],
  ["settle", (rules) => rules.settle(settleOf(PAYMENT, SECOND), LATE)],
  ["capture", (rules) => rules.capture(reservationOf(PAYMENT, FIRST), LATE)],
];

function heldLedger(store: LedgerStore): LedgerRules {
  const rules = openLedger(store);
  rules.reserve(reserveOf(PAYMENT, FIRST), START);
  return rules;
}

describe("the clock never runs back", () => {
  test("while the ledger is open", () => {
    const rules = openLedger(memoryStore());
    rules.release(reservationOf(PAYMENT, FIRST), LATE);
    expect(rules.settle(settleOf(PAYMENT, FIRST), START)).toEqual(EXPIRED);
    expect(rules.check(PAYMENT, START)).toEqual(EXPIRED);
  });

  test("by a day, while the ledger is open or over a restart after an alarm", () => {
    const store = memoryStore();
    const rules = openLedger(store);
    rules.settle(settleOf(PAYMENT, FIRST), START);
    const tomorrow = START + 24 * 3600;
    rules.runMaintenance(tomorrow);
    for (const ledger of [rules, reopen(store)]) {
      const fresh = paymentOf({ nonce: idOf(0xc), validAfter: START, validBefore: START + VALID });
      expect(ledger.settle(settleOf(fresh, FIRST), START)).toEqual(EXPIRED);
      const current = paymentOf({ nonce: idOf(0xd), validAfter: tomorrow, validBefore: tomorrow + VALID, value: "1" as Amount });
      expect(ledger.reserve(reserveOf(current, FIRST), START)).toMatchObject({ ok: true, heldUntil: tomorrow + 60 });
      ledger.release(reservationOf(current, FIRST), START);
    }
  });

  test("in what the journal says", () => {
    const rules = openLedger(memoryStore());
    rules.settle(settleOf(PAYMENT, FIRST), START + 9);
    rules.settle(settleOf(paymentOf({ nonce: idOf(0xb) }), FIRST), START);
    expect(rules.journal(ALICE, 1, 10).map(({ at }) => Number(at))).toEqual([START + 9, START + 9]);
  });

  test("in the end of a hold", () => {
    const rules = openLedger(memoryStore());
    rules.release(reservationOf(PAYMENT, FIRST), START + 9);
    expect(rules.reserve(reserveOf(PAYMENT, FIRST, 60), START)).toMatchObject({ heldUntil: START + 69 });
  });

  test.each(NEVER)("behind a %s that said never, though the machine's clock was set back and the ledger restarted", (_, say) => {
    const store = memoryStore();
    say(heldLedger(store));
    const rules = reopen(store);
    expect(rules.settle(settleOf(PAYMENT, SECOND), START)).toEqual(EXPIRED);
    expect(rules.reserve(reserveOf(PAYMENT, SECOND), START)).toEqual(EXPIRED);
    expect(rules.status(ALICE, PAYMENT.nonce, PAYMENT.validBefore, START)).toEqual({ status: "expired" });
  });

  test("behind an alarm, so that what it forgot cannot be paid again", () => {
    const store = memoryStore();
    const rules = openLedger(store);
    rules.settle(settleOf(PAYMENT, FIRST), START);
    while (rules.runMaintenance(LATE + 10 ** 6) !== undefined);
    expect(dump(store)["payment"]).toEqual([]);
    expect(reopen(store).settle(settleOf(PAYMENT, SECOND), START)).toEqual(EXPIRED);
  });
});

describe("never is not said", () => {
  test.each(NEVER)("by %s before the time is stored", (_, say) => {
    const store = memoryStore();
    const rules = heldLedger({
      ...store,
      sql(statement, ...bindings) {
        if (statement.startsWith("UPDATE clock SET last")) throw new Error("disk full");
        return store.sql(statement, ...bindings);
      },
    });
    expect(() => say(rules)).toThrow("disk full");
    expect(reopen(store).settle(settleOf(PAYMENT, SECOND), START + VALID)).toMatchObject({ ok: true });
  });
});

test("answers that can change are not worth a write of the clock", () => {
  const store = memoryStore();
  const rules = heldLedger(store);
  rules.status(ALICE, PAYMENT.nonce, PAYMENT.validBefore, START + 5);
  rules.settle(settleOf(PAYMENT, SECOND), START + 6);
  rules.capture(reservationOf(PAYMENT, FIRST), START + 7);
  expect(dump(store)["clock"]).toEqual([{ last: START, final: START }]);
});

describe("a machine's clock that is far ahead", () => {
  const DAY = 24 * 3600;
  const YEAR = 365 * DAY;

  test("is believed for a day, and beyond that if a second clock agrees within a minute", () => {
    const rules = openLedger(memoryStore());
    expect(rules.believes(START - YEAR)).toBe(true);
    expect(rules.believes(START + DAY)).toBe(true);
    expect(rules.believes(START + DAY + 1)).toBe(false);
    for (const [caller, agrees] of [
      [START + YEAR - 61, false],
      [START + YEAR - 60, true],
      [START + YEAR, true],
      [START + YEAR + 60, true],
      [START + YEAR + 61, false],
      [START, false],
    ] as const) {
      expect(rules.believes(START + YEAR, caller)).toBe(agrees);
    }
  });

  test("stays believed after a restart, once an event was dated by it", () => {
    const store = memoryStore();
    openLedger(store).release(reservationOf(PAYMENT, FIRST), START + YEAR);
    expect(dump(store)["clock"]).toEqual([{ last: START + YEAR, final: START }]);
    expect(reopen(store).believes(START + YEAR + DAY)).toBe(true);
  });
});

describe("an operator sets the time", () => {
  test("back to what was last refused or forgotten forever, and no further without taking the risk", () => {
    const store = memoryStore();
    const rules = heldLedger(store);
    rules.runMaintenance(LATE + 10);
    expect(rules.times).toEqual({ now: LATE + 10, final: START });
    rules.status(ALICE, PAYMENT.nonce, PAYMENT.validBefore, LATE + 20);
    rules.runMaintenance(LATE + 30);
    expect(rules.times).toEqual({ now: LATE + 30, final: LATE + 20 });

    expect(rules.setTime(LATE + 19, false)).toBe(false);
    expect(rules.times).toEqual({ now: LATE + 30, final: LATE + 20 });
    expect(rules.setTime(LATE + 20, false)).toBe(true);
    for (const ledger of [rules, reopen(store)]) expect(ledger.times).toEqual({ now: LATE + 20, final: LATE + 20 });

    expect(rules.setTime(START, true)).toBe(true);
    expect(rules.times).toEqual({ now: START, final: START });
    expect(rules.settle(settleOf(PAYMENT, SECOND), START)).toMatchObject({ ok: true });
  });

  test("but not behind an alarm that forgot a payment, which could be paid again", () => {
    const rules = openLedger(memoryStore());
    rules.settle(settleOf(PAYMENT, FIRST), START);
    const forgotten = PAYMENT.validBefore + FORGET_SECONDS + 1;
    rules.runMaintenance(forgotten);
    expect(rules.setTime(forgotten - 1, false)).toBe(false);
  });
});

test("a nonce that is cancelled while the ledger's time is behind is kept as long as one of now", () => {
  const store = memoryStore();
  openLedger(store).cancel(ALICE, PAYMENT.nonce, START, LATE);
  expect(store.sql("SELECT valid_before FROM payment WHERE state = 'cancelled'")).toEqual([
    { valid_before: LATE + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS },
  ]);
});

test("a book whose time is lost is not opened: every payment would be in time", () => {
  const store = memoryStore();
  openLedger(store);
  store.sql("DELETE FROM clock");
  expect(() => reopen(store)).toThrow("the ledger has a clock");
});
