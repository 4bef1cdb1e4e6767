/** What the ledger knows of an account's books: since when accesses count, and where one payment's entry is. */

import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { MAX_ENTRIES_SEARCHED } from "../limits.ts";
import { ALICE, BOB, CAROL, idOf, openLedger, paymentOf, reopen, settleOf, START, txOf } from "./testing/ledger.ts";

describe("accesses", () => {
  test("are void up to a second that moves on and never back, also after a restart and a payment", () => {
    const store = memoryStore();
    const ledger = openLedger(store);
    expect(ledger.accessesVoidThrough(ALICE)).toBe(0);
    expect(ledger.voidAccesses(ALICE, START + 5, START)).toEqual({ ok: true, through: START + 5 });
    expect(ledger.voidAccesses(ALICE, START, START)).toEqual({ ok: true, through: START + 5 });
    expect(ledger.settle(settleOf(paymentOf(), idOf(1)), START)).toMatchObject({ ok: true });
    expect(reopen(store).accessesVoidThrough(ALICE)).toBe(START + 5);
    expect(ledger.accessesVoidThrough(BOB)).toBe(0);
    expect(ledger.audit().problems).toEqual([]);
  });

  test("of an account without money store nothing", () => {
    const store = memoryStore();
    const ledger = openLedger(store);
    const before = store.sql("SELECT * FROM account");
    expect(ledger.voidAccesses(CAROL, START, START)).toEqual({ ok: false, code: "insufficient_funds" });
    expect(store.sql("SELECT * FROM account")).toEqual(before);
  });
});

describe("one payment's entry", () => {
  const pay = (nonce: number, value = "1") => paymentOf({ nonce: idOf(nonce), value: value as never });

  test("is its payer's debit, wherever it is in the chain", () => {
    const ledger = openLedger(memoryStore());
    const payments = Array.from({ length: 40 }, (_, i) => pay(i + 1));
    payments.forEach((payment, i) => expect(ledger.settle(settleOf(payment, idOf(i + 1)), START + i)).toMatchObject({ ok: true }));
    payments.forEach((payment, i) =>
      expect(ledger.debit(ALICE, txOf(payment), START + i)).toMatchObject({
        kind: "debit",
        seq: String(i + 2),
        transaction: txOf(payment),
      }),
    );
    expect(ledger.debit(ALICE, txOf(pay(99)), START)).toBeUndefined();
    expect(ledger.debit(BOB, txOf(payments[0] ?? pay(1)), START)).toBeUndefined(); // a credit there
    expect(ledger.debit(CAROL, txOf(pay(1)), START)).toBeUndefined();
  });

  test("is found where the clock was set back, and pruned entries are not", () => {
    const store = memoryStore();
    const ledger = openLedger(store);
    ledger.settle(settleOf(pay(1), idOf(1)), START);
    store.sql("UPDATE journal SET at = at + 86400 WHERE account = ?", ALICE);
    const after = pay(2);
    ledger.settle(settleOf(after, idOf(2)), START);
    expect(ledger.debit(ALICE, txOf(after), START + 10)).toMatchObject({ seq: "3" });
    store.sql("DELETE FROM journal WHERE account = ? AND seq = 2", ALICE);
    expect(ledger.debit(ALICE, txOf(pay(1)), START)).toBeUndefined();
    expect(ledger.debit(ALICE, txOf(after), START)).toMatchObject({ seq: "3" });
  });

  test("costs a bounded look, however long the chain", () => {
    const store = memoryStore();
    const ledger = openLedger(store);
    const first = pay(1);
    ledger.settle(settleOf(first, idOf(1)), START);
    const copies = 3 * MAX_ENTRIES_SEARCHED;
    store.sql(
      `WITH RECURSIVE n(seq) AS (SELECT 3 UNION ALL SELECT seq + 1 FROM n WHERE seq < ${copies})
       INSERT INTO journal SELECT account, n.seq, 'debit', counterparty, value, balance_after, NULL, NULL, 'tx' || n.seq, NULL, ${START}, prev_hash, hash,
         NULL, NULL, NULL, NULL, NULL
       FROM journal, n WHERE account = ? AND journal.seq = 2`,
      ALICE,
    );
    store.sql("UPDATE account SET journal_seq = ? WHERE id = ?", copies, ALICE);
    const long = reopen(store);
    const entry = (seq: number, from = START) => long.debit(ALICE, `tx${seq}` as never, from)?.seq;
    expect(long.debit(ALICE, txOf(first), START)).toMatchObject({ seq: "2" });
    expect([entry(MAX_ENTRIES_SEARCHED), entry(copies)]).toEqual([String(MAX_ENTRIES_SEARCHED), String(copies)]);
    // Neither near the payment's time nor among the newest.
    expect(entry(MAX_ENTRIES_SEARCHED + 1)).toBeUndefined();
  });
});
