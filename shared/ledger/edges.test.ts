import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { CLOCK_SKEW_SECONDS, MAX_AMOUNT, MAX_HOLD_SECONDS, MAX_VALIDITY_SECONDS } from "../limits.ts";
import type { Amount } from "../protocol/amount.ts";
import type { LedgerPayment } from "../protocol/ledger-payment.ts";
import {
  ALICE,
  BOB,
  CAROL,
  FIRST,
  give,
  HELD,
  idOf,
  openLedger,
  paymentOf,
  reservationOf,
  reserveOf,
  SECOND,
  settleOf,
  START,
  VALID,
} from "./testing/ledger.ts";

const ledger = () => openLedger(memoryStore());
const refused = (code: string) => ({ ok: false, code });

describe.each([
  ["reserve", (payment: LedgerPayment, at: number) => ledger().reserve(reserveOf(payment, FIRST), at)],
  ["settle", (payment: LedgerPayment, at: number) => ledger().settle(settleOf(payment, FIRST), at)],
  ["check", (payment: LedgerPayment, at: number) => ledger().check(payment, at)],
] as const)("%s", (_, claim) => {
  test("takes a payment in its last second, and not in the next", () => {
    expect(claim(paymentOf({ validBefore: START + 10 }), START + 10)).toMatchObject({ ok: true });
    expect(claim(paymentOf({ validBefore: START + 10 }), START + 11)).toEqual(refused("payment_expired"));
  });

  test("takes a payment as long before validAfter as clocks may differ, and not a second earlier", () => {
    expect(claim(paymentOf({ validAfter: START + CLOCK_SKEW_SECONDS }), START)).toMatchObject({ ok: true });
    expect(claim(paymentOf({ validAfter: START + CLOCK_SKEW_SECONDS + 1 }), START)).toEqual(refused("payment_not_yet_valid"));
  });

  test("takes a payment of the longest validity, give or take the clocks, and not a second more", () => {
    const longest = START + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS;
    expect(claim(paymentOf({ validBefore: longest }), START)).toMatchObject({ ok: true });
    expect(claim(paymentOf({ validBefore: longest + 1 }), START)).toEqual(refused("validity_too_long"));
  });

  test("takes all that the payer has, and not one unit more", () => {
    expect(claim(paymentOf({ value: "250" as Amount }), START)).toMatchObject({ ok: true });
    expect(claim(paymentOf({ value: "251" as Amount }), START)).toEqual(refused("insufficient_funds"));
  });

  test("finds nothing in an account that was never used", () => {
    expect(claim(paymentOf({ payer: CAROL, value: "1" as Amount }), START)).toEqual(refused("insufficient_funds"));
  });
});

describe("a hold", () => {
  const payment = paymentOf();

  test("is live at its end, and lapsed a second later", () => {
    const rules = ledger();
    rules.reserve(reserveOf(payment, FIRST), START);
    expect(rules.reserve(reserveOf(payment, SECOND), START + HELD)).toEqual(refused("payment_in_progress"));
    expect(rules.reserve(reserveOf(payment, SECOND), START + HELD + 1)).toMatchObject({ ok: true });
  });

  test("that was taken over is lost to its first holder", () => {
    const rules = ledger();
    rules.reserve(reserveOf(payment, FIRST), START);
    rules.reserve(reserveOf(payment, SECOND), START + HELD + 1);
    expect(rules.capture(reservationOf(payment, FIRST), START + HELD + 2)).toEqual(refused("reservation_lost"));
    expect(rules.release(reservationOf(payment, FIRST), START + HELD + 2)).toEqual(refused("reservation_lost"));
    expect(rules.account(ALICE)).toMatchObject({ balance: "250", held: "100" });
  });

  test("can be captured in the payment's last second, and not in the next", () => {
    for (const [at, answer] of [
      [START + VALID, { ok: true }],
      [START + VALID + 1, refused("payment_expired")],
    ] as const) {
      const rules = ledger();
      rules.reserve(reserveOf(payment, FIRST), START);
      expect(rules.capture(reservationOf(payment, FIRST), at)).toMatchObject(answer);
    }
  });

  test("outlives its payment: it can be captured up to its own end", () => {
    const short = paymentOf({ validBefore: START + 10 });
    for (const [at, answer] of [
      [START + HELD, { ok: true }],
      [START + HELD + 1, refused("payment_expired")],
    ] as const) {
      const rules = ledger();
      rules.reserve(reserveOf(short, FIRST), START);
      expect(rules.status(ALICE, short.nonce, short.validBefore, START + 11)).toEqual({ status: "reserved" });
      expect(rules.reserve(reserveOf(short, SECOND), START + 11)).toEqual(refused("payment_in_progress"));
      expect(rules.capture(reservationOf(short, FIRST), at)).toMatchObject(answer);
    }
  });

  test("lasts as long as asked, and no longer than allowed", () => {
    for (const [seconds, lasts] of [
      [0, 0],
      [1, 1],
      [MAX_HOLD_SECONDS, MAX_HOLD_SECONDS],
      [MAX_HOLD_SECONDS + 1, MAX_HOLD_SECONDS],
      [Number.MAX_SAFE_INTEGER, MAX_HOLD_SECONDS],
    ] as const) {
      expect(ledger().reserve(reserveOf(payment, FIRST, seconds), START)).toMatchObject({ ok: true, heldUntil: START + lasts });
    }
  });

  test("claims money that no other payment can spend, until it is released", () => {
    const rules = ledger();
    const rest = paymentOf({ nonce: idOf(0xb), value: "150" as Amount });
    const more = paymentOf({ nonce: idOf(0xc), value: "1" as Amount });
    rules.reserve(reserveOf(payment, FIRST), START);
    expect(rules.reserve(reserveOf(rest, FIRST), START)).toMatchObject({ ok: true });
    expect(rules.reserve(reserveOf(more, FIRST), START)).toEqual(refused("insufficient_funds"));
    expect(rules.settle(settleOf(more, FIRST), START)).toEqual(refused("insufficient_funds"));
    rules.release(reservationOf(payment, FIRST), START);
    expect(rules.settle(settleOf(more, FIRST), START)).toMatchObject({ ok: true });
    expect(rules.account(ALICE)).toMatchObject({ balance: "249", held: "150" });
  });

  test("is of one payer's nonce: another payer's is another payment", () => {
    const rules = ledger();
    give(rules, BOB, 100n);
    rules.reserve(reserveOf(payment, FIRST), START);
    const other = paymentOf({ payer: BOB, payee: CAROL });
    expect(other.nonce).toBe(payment.nonce);
    expect(rules.settle(settleOf(other, SECOND), START)).toMatchObject({ ok: true, payer: BOB });
    expect(rules.capture(reservationOf(payment, FIRST), START)).toMatchObject({ ok: true, payer: ALICE });
  });
});

describe("amounts", () => {
  test.each([2n ** 53n + 1n, 2n ** 64n - 1n, 10n ** 38n + 7n, MAX_AMOUNT])("of %d are held, paid and journalled to the unit", (value) => {
    const rules = openLedger(memoryStore(), MAX_AMOUNT);
    const { treasury } = rules.info();
    give(rules, BOB, value - 250n);
    const gift = paymentOf({ payer: ALICE, payee: BOB, value: "250" as Amount });
    rules.settle(settleOf(gift, FIRST), START);
    const all = paymentOf({ payer: BOB, payee: CAROL, value: value.toString() as Amount });
    expect(rules.settle(settleOf({ ...all, value: (value + 1n).toString() as Amount }, FIRST), START)).toEqual(
      refused("insufficient_funds"),
    );

    rules.reserve(reserveOf(all, FIRST), START);
    expect(rules.account(BOB)).toMatchObject({ balance: value.toString(), held: value.toString() });
    rules.capture(reservationOf(all, FIRST), START);
    expect(rules.account(BOB)).toMatchObject({ balance: "0", held: "0" });
    expect(rules.account(CAROL)).toMatchObject({ balance: value.toString() });
    expect(rules.account(treasury)).toMatchObject({ balance: (MAX_AMOUNT - value).toString() });
    expect(rules.journal(CAROL, 0, 10)).toMatchObject([{ value: value.toString(), balanceAfter: value.toString() }]);
    expect(rules.audit()).toMatchObject({ ok: true, balances: MAX_AMOUNT.toString() });
  });
});
