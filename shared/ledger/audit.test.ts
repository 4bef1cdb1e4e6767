import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { MAX_MANDATE_SECONDS } from "../limits.ts";
import type { Amount } from "../protocol/amount.ts";
import type { LedgerPayment } from "../protocol/ledger-payment.ts";
import { headOf, OLD, runAllMaintenance } from "./testing/checkpoint.ts";
import {
  ALICE,
  BOB,
  captureOf,
  CAROL,
  dump,
  FIRST,
  give,
  HELD,
  idOf,
  LEDGER,
  openLedger,
  paymentOf,
  reopen,
  reserveOf,
  settleOf,
  START,
  txOf,
} from "./testing/ledger.ts";
import { arrangeMandate, MANDATE } from "./testing/mandate-table.ts";

/** A ledger in which something of everything has happened. */
function busyLedger() {
  const store = memoryStore();
  const rules = openLedger(store);
  rules.settle(settleOf(paymentOf({ nonce: idOf(1), value: "20" as Amount }), FIRST), START);
  rules.settle(settleOf(paymentOf({ nonce: idOf(2), value: "30" as Amount }), FIRST), START);
  rules.reserve(reserveOf(paymentOf({ nonce: idOf(3) }), FIRST), START);
  rules.cancel(ALICE, idOf(4), START);
  return { store, rules };
}

const HELD_SUM = `${ALICE}: held is not the sum of its holds`;
const BOUNDS = `${ALICE}: not 0 <= held <= balance`;
const TOTAL = `${ALICE}: the journal does not add up to the balance`;
const brokenAt = (entry: number) => `${ALICE}: the chain breaks at entry ${entry}`;

const PAID = txOf(paymentOf({ nonce: idOf(1), value: "20" as Amount }));
const noDebit = `${ALICE}: no debit for payment ${PAID}`;
const noPayment = `${ALICE}: no settled payment like debit ${PAID}`;

describe("audit", () => {
  test("finds a ledger that works to be in order, and sums it up", () => {
    expect(busyLedger().rules.audit()).toEqual({
      ok: true,
      ledger: LEDGER,
      supply: "1000",
      balances: "1000",
      held: "100",
      issued: "0",
      accounts: 3,
      payments: { held: 1, settled: 3, cancelled: 1 },
      sessions: 0,
      journalEntries: 7,
      problems: [],
    });
  });

  test("writes nothing", () => {
    const { store, rules } = busyLedger();
    const before = dump(store);
    rules.audit();
    expect(dump(store)).toEqual(before);
  });

  test("walks chains that are longer than one page", () => {
    const rules = openLedger(memoryStore(), 2000n);
    give(rules, BOB, 700n);
    for (let i = 0; i < 600; i++)
      rules.settle(settleOf(paymentOf({ payer: BOB, payee: CAROL, nonce: idOf(i), value: "1" as Amount }), FIRST), START);
    expect(rules.audit()).toMatchObject({ ok: true, journalEntries: 1205 });
  });

  test.each<[what: string, tamper: string, problems: string[]]>([
    ["money out of thin air", `UPDATE account SET balance = '201' WHERE id = '${ALICE}'`, [TOTAL, "balances are 1001, the supply is 1000"]],
    ["money that vanished", `UPDATE account SET balance = '199' WHERE id = '${ALICE}'`, [TOTAL, "balances are 999, the supply is 1000"]],
    [
      "an account that vanished",
      `DELETE FROM account WHERE id = '${BOB}'`,
      [`${BOB}: a journal without an account`, "balances are 950, the supply is 1000"],
    ],
    [
      "a journal without an account",
      `INSERT INTO journal SELECT '${CAROL}', seq, kind, counterparty, value, balance_after, authorization_digest, request_digest, tx, batch, at,
         prev_hash, hash, mandate, cause, refund_of, credits, session FROM journal WHERE account = '${BOB}'`,
      [`${CAROL}: a journal without an account`],
    ],
    [
      "a settled payment without a payer",
      `UPDATE payment SET payer = '${CAROL}' WHERE tx = '${PAID}'`,
      [noPayment, `${CAROL}: settled payments without an account`],
    ],
    [
      "money on its way out of a ledger that is one shard",
      `INSERT INTO outbox (to_shard, number, payee, value, tx) VALUES (1, 1, '${CAROL}', '5', '${idOf(1)}')`,
      ["credits wait for shard 1, and there is no such other shard"],
    ],
    [
      "money on its way from the shard to itself",
      `INSERT INTO outbox (to_shard, number, payee, value, tx) VALUES (0, 1, '${CAROL}', '5', '${idOf(1)}')`,
      ["credits wait for shard 0, and there is no such other shard"],
    ],
    ["another supply", "UPDATE genesis SET supply = '999'", ["balances are 1000, the supply is 999"]],
    ["more held than there is", `UPDATE account SET held = '201' WHERE id = '${ALICE}'`, [BOUNDS, HELD_SUM]],
    ["less held than nothing", `UPDATE account SET held = '-1' WHERE id = '${ALICE}'`, [BOUNDS, HELD_SUM]],
    ["a hold without its money", `UPDATE account SET held = '99' WHERE id = '${ALICE}'`, [HELD_SUM]],
    ["money held for nothing", "DELETE FROM payment WHERE state = 'held'", [HELD_SUM]],
    ["a hold that changed its value", "UPDATE payment SET value = '101' WHERE state = 'held'", [HELD_SUM]],
    [
      "a hold without an account",
      `UPDATE payment SET payer = '${CAROL}' WHERE state = 'held'`,
      [HELD_SUM, `${CAROL}: holds without an account`],
    ],
    [
      "a journal entry that changed",
      `UPDATE journal SET counterparty = '${CAROL}' WHERE account = '${ALICE}' AND seq = 2`,
      [brokenAt(1), TOTAL],
    ],
    ["a journal entry of another time", `UPDATE journal SET at = at + 1 WHERE account = '${ALICE}' AND seq = 3`, [brokenAt(2), TOTAL]],
    ["a journal entry that vanished", `DELETE FROM journal WHERE account = '${ALICE}' AND seq = 2`, [brokenAt(1), TOTAL]],
    ["a last entry that vanished", `DELETE FROM journal WHERE account = '${ALICE}' AND seq = 3`, [brokenAt(2), TOTAL]],
    ["a journal that vanished", `DELETE FROM journal WHERE account = '${ALICE}'`, [brokenAt(0), TOTAL]],
    ["a payment that vanished after it was paid", `DELETE FROM payment WHERE tx = '${PAID}'`, [noPayment]],
    ["a settled payment of another value", `UPDATE payment SET value = '21' WHERE tx = '${PAID}'`, [noPayment]],
    ["a settled payment to another payee", `UPDATE payment SET payee = '${CAROL}' WHERE tx = '${PAID}'`, [noPayment]],
    [
      "a payment that was called settled and never paid",
      `UPDATE payment SET tx = '${idOf(5)}' WHERE tx = '${PAID}'`,
      [noPayment, noDebit.replace(PAID, idOf(5))],
    ],
    ["a head that changed", `UPDATE account SET journal_head = '${idOf(0)}' WHERE id = '${ALICE}'`, [brokenAt(3)]],
    ["a length that changed", `UPDATE account SET journal_seq = 4 WHERE id = '${ALICE}'`, [brokenAt(3)]],
  ])("names %s", (_, tamper, problems) => {
    const { store } = busyLedger();
    store.sql(tamper);
    const report = reopen(store).audit();
    expect(report).toMatchObject({ ok: false, problems: expect.arrayContaining(problems) });
    expect(report.problems).toHaveLength(problems.length);
  });
});

describe("audit of charges", () => {
  const upto = (nonce: number) => paymentOf({ nonce: idOf(nonce), scheme: "upto" });
  const [part, nothing] = [upto(5), upto(6)];

  /** One payment of 100 was charged 7, the other nothing. */
  function chargedLedger() {
    const store = memoryStore();
    const rules = openLedger(store);
    rules.settle(settleOf(part, FIRST, "7" as Amount), START);
    rules.reserve(reserveOf(nothing, FIRST), START);
    rules.capture(captureOf(nothing, FIRST, "0"), START);
    return store;
  }

  test("compares the debit with the charge, and expects none for a charge of nothing", () => {
    const store = chargedLedger();
    expect(reopen(store).audit()).toMatchObject({ ok: true, payments: { settled: 3 }, journalEntries: 5 });
    expect(reopen(store).debit(ALICE, txOf(part), START)).toMatchObject({ value: "7", balanceAfter: "243" });
    expect(reopen(store).debit(ALICE, txOf(nothing), START)).toBeUndefined();
  });

  const asSigned = (payment: LedgerPayment) => `${ALICE}: payment ${txOf(payment)} was not charged as it was signed`;
  const likeDebit = `${ALICE}: no settled payment like debit ${txOf(part)}`;
  const debitOf = (payment: LedgerPayment) => `${ALICE}: no debit for payment ${txOf(payment)}`;

  test.each<[what: string, tamper: string, problems: string[]]>([
    ["another charge than was paid", `UPDATE payment SET charged = '8' WHERE tx = '${txOf(part)}'`, [likeDebit]],
    ["a charge that vanished", `UPDATE payment SET charged = NULL WHERE tx = '${txOf(part)}'`, [likeDebit]],
    ["a charge of nothing that was paid", `UPDATE payment SET charged = '0' WHERE tx = '${txOf(part)}'`, [likeDebit]],
    ["a charge that nothing was paid for", `UPDATE payment SET charged = '7' WHERE tx = '${txOf(nothing)}'`, [debitOf(nothing)]],
    ["a charge beyond what was signed", `UPDATE payment SET value = '6' WHERE tx = '${txOf(part)}'`, [asSigned(part)]],
    ["a part that was charged of exact", `UPDATE payment SET scheme = NULL WHERE tx = '${txOf(part)}'`, [asSigned(part)]],
  ])("names %s", (_, tamper, problems) => {
    const store = chargedLedger();
    store.sql(tamper);
    expect(reopen(store).audit()).toMatchObject({ ok: false, problems });
  });
});

describe("audit of mandates", () => {
  const fault = (words: string) => `${ALICE}: mandate ${MANDATE.digest}: ${words}`;

  test.each<[what: string, tamper: string, problems: string[]]>([
    [
      "a total that was passed",
      `UPDATE mandate SET facts = replace(facts, '"total":"200"', '"total":"99"')`,
      [fault("more than its total was spent")],
    ],
    [
      "a period's amount that was passed",
      `UPDATE mandate SET facts = replace(facts, '"amount":"150"', '"amount":"99"')`,
      [fault("more than its period's amount was claimed")],
    ],
    [
      "a period's number of payments that was passed",
      `UPDATE mandate SET facts = replace(facts, '"count":3', '"count":1')`,
      [fault("more payments than its period allows were claimed")],
    ],
    [
      "a claim that is not counted",
      "UPDATE mandate_use SET claimed = '59'",
      [fault("claimed is not the sum of its holds"), fault("its period counts more than was spent")],
    ],
    [
      "a claim that is counted twice",
      "UPDATE mandate_use SET claimed = '120'; UPDATE mandate SET facts = replace(facts, '200', '999')",
      [fault("claimed is not the sum of its holds")],
    ],
    [
      "a payment that is not counted",
      "UPDATE mandate_use SET settled = '0', window_used = '60'",
      [fault("settled is not the sum of its debits"), fault("its period counts less than was claimed in it")],
    ],
    ["a payment that is counted twice", "UPDATE mandate_use SET settled = '80'", [fault("settled is not the sum of its debits")]],
    [
      "a period that was given back too much",
      "UPDATE mandate_use SET window_count = 1",
      [fault("its period counts less than was claimed in it")],
    ],
    [
      "a claim in a period to come",
      "UPDATE payment SET mandate_window = 1 WHERE state = 'held'",
      [fault("a claim counts in a later period")],
    ],
    ["a mandate that vanished", "DELETE FROM mandate", [`${ALICE} ${MANDATE.digest}: holds under a mandate that is not counted`]],
  ])("names %s", (_, tamper, problems) => {
    const store = memoryStore();
    arrangeMandate(openLedger(store), "open");
    expect(reopen(store).audit()).toMatchObject({ ok: true });
    for (const statement of tamper.split("; ")) store.sql(statement);
    expect(reopen(store).audit()).toMatchObject({ ok: false, problems });
  });

  test("names another mandate in a debit, which is hashed into the chain", () => {
    const store = memoryStore();
    arrangeMandate(openLedger(store), "open");
    store.sql("UPDATE journal SET mandate = ? WHERE mandate IS NOT NULL", idOf(1));
    expect(reopen(store).audit()).toMatchObject({ ok: false, problems: expect.arrayContaining([brokenAt(1)]) });
  });

  test("does not miss what was spent under a mandate that was revoked after it was forgotten", () => {
    const rules = openLedger(memoryStore());
    arrangeMandate(rules, "open");
    const later = START + 2 * MAX_MANDATE_SECONDS;
    runAllMaintenance(rules, later);
    rules.revoke({ payer: ALICE, mandate: MANDATE.digest, revokedAt: later }, later);
    expect(rules.mandate(ALICE, MANDATE.digest, later)).toMatchObject({ status: "revoked", settled: "0" });
    expect(rules.audit()).toMatchObject({ ok: true, problems: [] });
  });

  test("compares what is left after debits were pruned and payments forgotten", () => {
    const store = memoryStore();
    const rules = openLedger(store);
    arrangeMandate(rules, "open");
    rules.checkpoint(ALICE, 2, headOf(rules, 2), START);
    runAllMaintenance(rules, OLD);
    expect(rules.journalPage(ALICE, 0, 10)).toMatchObject({ base: { seq: "2" }, entries: [] });
    expect(rules.audit()).toMatchObject({ ok: true, payments: { settled: 0 } });
  });
});

test("a debit names its mandate, and the payee's credit does not", () => {
  const rules = openLedger(memoryStore());
  arrangeMandate(rules, "open");
  expect(rules.journal(ALICE, 1, 1)).toMatchObject([{ kind: "debit", mandate: MANDATE.digest }]);
  expect(rules.journal(BOB, 0, 1)[0]).not.toHaveProperty("mandate");
});

test("audit believes the disk, and not what a running ledger remembers of its accounts", () => {
  const { store, rules } = busyLedger();
  store.sql(`UPDATE account SET journal_seq = 4 WHERE id = '${ALICE}'`);
  expect(rules.audit().problems).toEqual([brokenAt(3)]);
});

test("audit does not miss payments that the ledger has forgotten", () => {
  const { rules } = busyLedger();
  while ((rules.runMaintenance(START + 10 ** 6) ?? Infinity) <= START + 10 ** 6 + 1);
  expect(rules.audit()).toMatchObject({ ok: true, payments: { held: 0, settled: 0, cancelled: 0 }, journalEntries: 7 });
});

test("a book that contradicts itself moves no money: the event throws, and leaves everything as it was", () => {
  const { store } = busyLedger();
  store.sql("UPDATE account SET held = '99' WHERE id = ?", ALICE);
  const rules = reopen(store);
  const before = dump(store);
  const reservation = { payer: ALICE, nonce: idOf(3), reservationId: FIRST };
  for (const event of [
    () => rules.capture(reservation, START),
    () => rules.release(reservation, START),
    () => rules.cancel(ALICE, idOf(3), START + HELD + 1),
    () => rules.runMaintenance(START + 10 ** 6),
  ]) {
    expect(event).toThrow(`0 <= held <= balance of ${ALICE}`);
    expect(dump(store)).toEqual(before);
  }
});
