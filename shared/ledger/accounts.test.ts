import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { hexToBytes } from "../crypto/bytes.ts";
import { digest } from "../crypto/digest.ts";
import {
  JOURNAL_PAGE,
  JOURNAL_PAGE_TRANSACTIONS,
  MAX_AMOUNT,
  MAX_KNOWN_ACCOUNTS,
  MAX_RESPONSE_BODY_BYTES,
  OUTBOX_BATCH,
} from "../limits.ts";
import { accountOfBytes } from "../protocol/account.ts";
import type { Amount } from "../protocol/amount.ts";
import { Accounts } from "./accounts.ts";
import { continuesChain } from "./journal.ts";
import { InvariantViolation, type LedgerStore } from "./store.ts";
import {
  ALICE,
  BOB,
  CAROL,
  FIRST,
  idOf,
  LEDGER,
  openLedger,
  paymentOf,
  reopen,
  reservationOf,
  reserveOf,
  settleOf,
  START,
  txOf,
} from "./testing/ledger.ts";

const ABOUT = { transaction: idOf(1), at: START };

/** The accounts of a ledger without its rules. */
function accountsOf(supply: bigint) {
  const store = memoryStore();
  const { treasury } = openLedger(store, supply).info();
  return { accounts: new Accounts(store, LEDGER), treasury };
}

/** So many entries of Bob's, each a copy of one batch. They are read, not checked. */
function journalOfBatches(entries: number, transactions: number): LedgerStore {
  const store = memoryStore();
  openLedger(store);
  const credits = Array.from({ length: transactions }, (_, i) => ({
    payee: BOB,
    value: "1" as Amount,
    transaction: idOf(i),
    payer: ALICE,
  }));
  new Accounts(store, LEDGER).creditBatch(BOB, credits, { fromShard: "1", first: "1", last: String(transactions) }, START);
  store.sql(
    `WITH RECURSIVE n (seq) AS (VALUES (2) UNION ALL SELECT seq + 1 FROM n WHERE seq < ?)
     INSERT INTO journal SELECT account, n.seq, kind, counterparty, value, balance_after, authorization_digest, request_digest, tx, batch, at,
       prev_hash, hash, mandate, cause, refund_of, credits, session FROM journal, n WHERE account = ?`,
    entries,
    BOB,
  );
  return store;
}

describe("the journal", () => {
  const payment = paymentOf({ requestDigest: idOf(0xcafe) });

  test("says what moved, why, and what was left, on both sides", () => {
    const rules = openLedger(memoryStore());
    rules.settle(settleOf(payment, FIRST), START + 7);
    const about = { authorizationDigest: payment.authorizationDigest, requestDigest: idOf(0xcafe), transaction: txOf(payment) };
    const both = { value: "100", at: String(START + 7), ...about };
    expect(rules.journal(ALICE, 1, 10)).toEqual([
      {
        account: ALICE,
        seq: "2",
        kind: "debit",
        counterparty: BOB,
        balanceAfter: "150",
        prevHash: expect.any(String),
        hash: expect.any(String),
        ...both,
      },
    ]);
    expect(rules.journal(BOB, 0, 10)).toEqual([
      {
        account: BOB,
        seq: "1",
        kind: "credit",
        counterparty: ALICE,
        balanceAfter: "100",
        prevHash: LEDGER,
        hash: expect.any(String),
        ...both,
      },
    ]);
  });

  test("is a chain that its owner can recompute with nothing but the ledger's id", () => {
    const rules = openLedger(memoryStore());
    for (let i = 0; i < 5; i++) rules.settle(settleOf(paymentOf({ nonce: idOf(i), value: String(i + 1) as Amount }), FIRST), START + i);
    const chain = rules.journal(ALICE, 0, 100);
    expect(chain).toHaveLength(6);
    let prevHash: string = LEDGER;
    for (const { hash, ...body } of chain) {
      expect(body.prevHash).toBe(prevHash);
      expect(hash).toBe(digest("JournalEntry", body));
      prevHash = hash;
    }
    expect(rules.account(ALICE)).toMatchObject({ journalSeq: 6, journalHead: prevHash, balance: chain.at(-1)?.balanceAfter });
  });

  test("has no entry for holds that come and go", () => {
    const rules = openLedger(memoryStore());
    const before = rules.account(ALICE);
    rules.reserve(reserveOf(payment, FIRST), START);
    rules.release(reservationOf(payment, FIRST), START);
    expect(rules.account(ALICE)).toEqual(before);
  });

  test("is read in pages", () => {
    const rules = openLedger(memoryStore());
    for (let i = 0; i < 5; i++) rules.settle(settleOf(paymentOf({ nonce: idOf(i), value: "1" as Amount }), FIRST), START);
    expect(rules.journal(ALICE, 0, 4).map(({ seq }) => seq)).toEqual(["1", "2", "3", "4"]);
    expect(rules.journal(ALICE, 4, 4).map(({ seq }) => seq)).toEqual(["5", "6"]);
    expect(rules.journal(ALICE, 6, 4)).toEqual([]);
    expect(rules.journal(CAROL, 0, 4)).toEqual([]);
  });

  test.each([false, true])("of full batches is read in pages that a reader takes, without a gap and to the end: who paid, %s", (paid) => {
    const store = journalOfBatches(JOURNAL_PAGE, OUTBOX_BATCH);
    const rules = reopen(store);
    const read: string[] = [];
    for (;;) {
      const { entries } = rules.journalPage(BOB, read.length, JOURNAL_PAGE, paid);
      if (entries.length === 0) break;
      // Amounts have up to 39 digits.
      const longest = JSON.stringify(entries).length + 38 * entries.flatMap(({ credits = [] }) => credits).length;
      expect(longest).toBeLessThan(MAX_RESPONSE_BODY_BYTES);
      read.push(...entries.map(({ seq }) => seq));
    }
    expect(read).toEqual(Array.from({ length: JOURNAL_PAGE }, (_, i) => String(i + 1)));
  });

  test("has a page for every entry, however much it lists", () => {
    const rules = reopen(journalOfBatches(2, JOURNAL_PAGE_TRANSACTIONS + 1));
    expect(rules.journalPage(BOB, 0, 10).entries).toMatchObject([{ seq: "1" }]);
    expect(rules.journalPage(BOB, 1, 10).entries).toMatchObject([{ seq: "2" }]);
  });

  test("refuses as a continuation whatever was changed in an entry, or left out before it", () => {
    const rules = openLedger(memoryStore());
    rules.settle(settleOf(payment, FIRST), START);
    const [first, second] = rules.journal(ALICE, 0, 10);
    if (!first || !second) throw new Error("two entries");
    const forged = (changes: Partial<typeof second>) => {
      const { hash: _, ...body } = { ...second, ...changes };
      return { ...body, hash: digest("JournalEntry", body) };
    };
    expect(continuesChain(second, first, LEDGER)).toBe(true);
    expect(continuesChain(forged({}), first, LEDGER)).toBe(true);
    expect(continuesChain(second, undefined, LEDGER)).toBe(false);
    expect(continuesChain(first, undefined, idOf(0))).toBe(false);
    for (const member of Object.keys(second) as (keyof typeof second)[]) {
      expect(continuesChain({ ...second, [member]: "3" }, first, LEDGER), member).toBe(false);
    }
    // Not even with a hash that fits.
    for (const changes of [{ seq: "3" }, { balanceAfter: "151" }, { value: "99" }, { kind: "credit" }, { prevHash: idOf(0) }] as const) {
      expect(continuesChain(forged(changes), first, LEDGER), JSON.stringify(changes)).toBe(false);
    }
  });
});

describe("an account", () => {
  test("that was never used is empty, and its chain begins at the ledger's id", () => {
    const { accounts } = accountsOf(1000n);
    expect(accounts.read(CAROL)).toEqual({ account: CAROL, balance: "0", held: "0", journalSeq: 0, journalHead: LEDGER });
  });

  test("that was written lately is not read again; one that was not is, in the end", () => {
    const store = memoryStore();
    openLedger(store);
    let reads = 0;
    const counting: LedgerStore = { ...store, sql: (statement, ...bindings) => (reads++, store.sql(statement, ...bindings)) };
    const accounts = new Accounts(counting, LEDGER);
    const readOthers = (from: number, to: number) => {
      for (let i = from; i < to; i++) accounts.read(accountOfBytes(hexToBytes(idOf(i))));
    };
    accounts.read(ALICE);
    readOthers(0, MAX_KNOWN_ACCOUNTS / 2);
    accounts.hold(accounts.read(ALICE), 1n);
    readOthers(MAX_KNOWN_ACCOUNTS, 2 * MAX_KNOWN_ACCOUNTS - 1);
    reads = 0;
    expect(accounts.read(ALICE)).toMatchObject({ held: "1" });
    expect(reads).toBe(0);
    readOthers(0, 1);
    expect(reads).toBe(1);
  });

  test("refuses to be overdrawn, overheld, or to give back what was not held", () => {
    const { accounts } = accountsOf(1000n);
    expect(() => accounts.transfer(accounts.read(ALICE), BOB, "251" as Amount, ABOUT)).toThrow(InvariantViolation);
    expect(() => accounts.hold(accounts.read(ALICE), 251n)).toThrow(InvariantViolation);
    expect(() => accounts.hold(accounts.read(ALICE), -1n)).toThrow(InvariantViolation);
    expect(() => accounts.hold(accounts.read(CAROL), 1n)).toThrow(InvariantViolation);
    accounts.hold(accounts.read(ALICE), 200n);
    expect(() => accounts.transfer(accounts.read(ALICE), BOB, "51" as Amount, ABOUT)).toThrow(InvariantViolation);
    accounts.transfer(accounts.read(ALICE), BOB, "50" as Amount, ABOUT);
  });

  test("refuses to pay itself, and to pay nothing", () => {
    const { accounts } = accountsOf(1000n);
    expect(() => accounts.transfer(accounts.read(ALICE), ALICE, "1" as Amount, ABOUT)).toThrow(InvariantViolation);
    expect(() => accounts.transfer(accounts.read(ALICE), BOB, "0" as Amount, ABOUT)).toThrow(InvariantViolation);
  });

  test("never holds more than a u128", () => {
    const { accounts, treasury } = accountsOf(MAX_AMOUNT);
    expect(() => accounts.mint(treasury, 251n, ABOUT)).toThrow(InvariantViolation);
    accounts.mint(treasury, 250n, ABOUT);
    expect(accounts.read(treasury).balance).toBe(MAX_AMOUNT.toString());
  });
});
