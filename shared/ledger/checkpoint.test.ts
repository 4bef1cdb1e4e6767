import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import type { Amount } from "../amount.ts";
import { JOURNAL_RETENTION_SECONDS, PRUNE_BATCH, SWEEP_INTERVAL_SECONDS } from "../limits.ts";
import { continuesChain } from "./journal.ts";
import { ALICE, BOB, dump, FIRST, idOf, LEDGER, openLedger, paymentOf, reopen, START } from "./ledger.fixtures.ts";
import type { LedgerRules } from "./rules.ts";

const OLD = START + JOURNAL_RETENTION_SECONDS + 1;
const AGES = OLD + 10 ** 6;

/** A ledger in which Alice has paid so often. Her chain has one entry more: what she was given. */
function busy(payments: number) {
  const store = memoryStore();
  const rules = openLedger(store, 10_000n);
  for (let i = 0; i < payments; i++) rules.settle(paymentOf({ nonce: idOf(i), value: "1" as Amount }), FIRST, START);
  return { store, rules };
}

const headOf = (rules: LedgerRules, seq: number) => rules.journal(ALICE, seq - 1, 1)[0]?.hash ?? idOf(0);

const busyCheckpoint = (rules: LedgerRules, seq: number, balance: string) => ({
  ledger: LEDGER,
  account: ALICE,
  seq: String(seq),
  head: headOf(rules, seq),
  balance,
  at: String(START + 5),
});

const STOPPED = { ok: false, code: "facilitator_unavailable" };

function tidyAll(rules: LedgerRules, at: number): void {
  for (let i = 0; i < 20; i++) if ((rules.tidy(at) ?? Infinity) > at + 1) return;
  throw new Error("the alarm never comes to an end");
}

describe("a checkpoint", () => {
  test("says what an account had after an entry whose hash its reader knows", () => {
    const { rules } = busy(3);
    const head = headOf(rules, 2);
    const expected = { ledger: LEDGER, account: ALICE, seq: "2", head, balance: "249", at: String(START + 5) };
    expect(rules.checkpoint(ALICE, 2, head, START + 5)).toEqual(expected);
  });

  test("is not made of an entry that is not there, nor for who does not know its hash", () => {
    const { rules, store } = busy(3);
    const before = dump(store);
    for (const [seq, head] of [
      [5, headOf(rules, 4)],
      [2, headOf(rules, 3)],
      [1, idOf(7)],
      [10 ** 14, idOf(7)],
    ] as const) {
      expect(rules.checkpoint(ALICE, seq, head, START)).toBeUndefined();
    }
    expect(dump(store)).toEqual(before);
  });

  test("is not older than its entry, though the clock was set back in between", () => {
    const { rules: early, store } = busy(0);
    const later = START + 10;
    early.settle(paymentOf({ nonce: idOf(1), value: "1" as Amount }), FIRST, later);
    const rules = reopen(store);
    expect(rules.checkpoint(ALICE, 2, headOf(rules, 2), START)).toMatchObject({ at: String(later) });
    expect(rules.attest(ALICE, 2, START)).toMatchObject({ at: String(later) });
    expect(rules.attest(ALICE, 2, later + 1)).toMatchObject({ at: String(later + 1) });
  });

  test("is neither made nor recorded by a shard that has stopped", () => {
    const { rules, store } = busy(3);
    store.sql("INSERT INTO halt (reason, at) VALUES ('set back', 1)");
    const before = dump(store);
    expect(reopen(store).checkpoint(ALICE, 2, headOf(rules, 2), START)).toEqual(STOPPED);
    expect(dump(store)).toEqual(before);
  });
});

describe("a checkpoint that anybody asks for", () => {
  test("says the same of the last entry, or of the one that is named, and lets nothing be pruned", () => {
    const { rules, store } = busy(3);
    const before = dump(store);
    expect(rules.attest(ALICE, 2, START + 5)).toEqual(busyCheckpoint(rules, 2, "249"));
    expect(rules.attest(ALICE, undefined, START + 5)).toEqual(busyCheckpoint(rules, 4, "247"));
    for (const seq of [0, 5, -1, 10 ** 14]) expect(rules.attest(ALICE, seq, START)).toBeUndefined();
    expect(dump(store)).toEqual(before);
    tidyAll(rules, AGES);
    expect(rules.journal(ALICE, 0, 10)).toHaveLength(4);
  });

  test("is not made of what was pruned, nor for an account without a journal", () => {
    const { rules } = busy(3);
    rules.checkpoint(ALICE, 3, headOf(rules, 3), START);
    tidyAll(rules, OLD);
    expect(rules.attest(ALICE, 3, OLD)).toBeUndefined();
    expect(rules.attest(ALICE, 4, OLD)).toMatchObject({ seq: "4" });
    expect(busy(0).rules.attest(BOB, undefined, START)).toBeUndefined();
  });

  test("is not made by a shard that has stopped: what it remembers proves nothing", () => {
    const { store } = busy(3);
    store.sql("INSERT INTO halt (reason, at) VALUES ('set back', 1)");
    expect(reopen(store).attest(ALICE, 2, START)).toEqual(STOPPED);
  });
});

describe("the journal", () => {
  test("is kept for ever where nothing was exported", () => {
    const { rules } = busy(3);
    tidyAll(rules, AGES);
    expect(rules.journal(ALICE, 0, 10)).toHaveLength(4);
  });

  test("is kept as long as it is young, exported or not", () => {
    const { rules } = busy(3);
    rules.checkpoint(ALICE, 4, headOf(rules, 4), START);
    tidyAll(rules, OLD - 1);
    expect(rules.journal(ALICE, 0, 10)).toHaveLength(4);
  });

  test("keeps a young entry that comes before an older one, and all behind it", () => {
    const { rules: early, store } = busy(0);
    const later = START + 10;
    early.settle(paymentOf({ nonce: idOf(1), value: "1" as Amount }), FIRST, later);
    const rules = reopen(store); // the clock of this life is behind that of the last
    rules.settle(paymentOf({ nonce: idOf(2), value: "1" as Amount }), FIRST, START);
    expect(rules.journal(ALICE, 0, 10).map(({ at }) => Number(at))).toEqual([START, later, START]);
    rules.checkpoint(ALICE, 3, headOf(rules, 3), START);
    tidyAll(rules, OLD);
    expect(rules.journal(ALICE, 0, 10)).toMatchObject([{ seq: "2" }, { seq: "3" }]);
    expect(rules.audit()).toMatchObject({ ok: true, problems: [] });
    tidyAll(rules, OLD + 10);
    expect(rules.journal(ALICE, 0, 10)).toEqual([]);
  });

  test("loses what is old and exported, and nothing else; what is left still fits and adds up", () => {
    const { rules, store } = busy(3);
    const whole = rules.journal(ALICE, 0, 10);
    rules.checkpoint(ALICE, 3, headOf(rules, 3), START);
    rules.checkpoint(ALICE, 1, headOf(rules, 1), START); // an earlier one takes nothing back
    tidyAll(rules, OLD);
    const { entries, base } = rules.journalPage(ALICE, 0, 10);
    expect(entries).toEqual(whole.slice(3));
    expect(base).toMatchObject({ seq: "3", hash: whole[2]?.hash, balanceAfter: "248" });
    expect(entries[0] && continuesChain(entries[0], base, LEDGER)).toBe(true);
    expect(rules.journalPage(ALICE, 3, 10).base).toBeUndefined();
    expect(rules.journal(BOB, 0, 10)).toHaveLength(3);
    expect(reopen(store).audit()).toMatchObject({ ok: true, problems: [] });
    rules.settle(paymentOf({ nonce: idOf(99), value: "1" as Amount, validAfter: OLD, validBefore: OLD + 9 }), FIRST, OLD);
    expect(rules.audit()).toMatchObject({ ok: true, problems: [] });
  });

  test("may be pruned to the last entry, and goes on from there", () => {
    const { rules } = busy(1);
    rules.checkpoint(ALICE, 2, headOf(rules, 2), START);
    tidyAll(rules, OLD);
    expect(rules.journalPage(ALICE, 0, 10)).toMatchObject({ entries: [], base: { seq: "2", balanceAfter: "249" } });
    expect(rules.audit()).toMatchObject({ ok: true });
  });

  test("is pruned in batches", () => {
    const store = memoryStore();
    const rules = openLedger(store, 10n ** 9n);
    rules.settle(paymentOf({ payer: rules.info().treasury, payee: ALICE, nonce: idOf(1), value: "5000" as Amount }), FIRST, START);
    for (let i = 0; i < PRUNE_BATCH + 10; i++) rules.settle(paymentOf({ nonce: idOf(i), value: "1" as Amount }), FIRST, START);
    rules.checkpoint(ALICE, PRUNE_BATCH + 5, headOf(rules, PRUNE_BATCH + 5), START);
    const left = () => Number(store.sql("SELECT count(*) AS n FROM journal WHERE account = ?", ALICE)[0]?.["n"]);
    const all = left();
    expect(rules.tidy(OLD)).toBe(OLD + 1);
    expect(left()).toBe(all - PRUNE_BATCH);
    tidyAll(rules, OLD + 1);
    expect(left()).toBe(all - PRUNE_BATCH - 5);
  });

  test("is looked for in so many exported chains at a time, and found behind all that have nothing to prune", () => {
    const { rules: early, store } = busy(1);
    early.checkpoint(ALICE, 2, headOf(early, 2), START);
    const others = 2 * PRUNE_BATCH + 7;
    for (let i = 0; i < others; i++) store.sql("INSERT INTO checkpoint (account, seq) VALUES (?, 1)", String(1e6 + i));
    let statements = 0;
    const rules = reopen({ ...store, sql: (...statement) => (statements++, store.sql(...statement)) });

    for (const [at, next, left] of [
      [OLD, OLD + 1, 2],
      [OLD + 1, OLD + 2, 2],
      [OLD + 2, undefined, 0],
    ] as const) {
      statements = 0;
      expect(rules.tidy(at)).toBe(next);
      expect(statements).toBeLessThan(PRUNE_BATCH + 20);
      expect(rules.journal(ALICE, 0, 10)).toHaveLength(left);
    }
  });

  test("is looked through once while payments are, however many rounds of theirs that takes", () => {
    const { store } = busy(0);
    const rules = reopen(store);
    for (let i = 0; i < PRUNE_BATCH + 1; i++) store.sql("INSERT INTO checkpoint (account, seq) VALUES (?, 1)", String(1e6 + i));
    for (let i = 0; i < 2 * PRUNE_BATCH; i++) rules.cancel(BOB, idOf(i), OLD);
    expect([0, 1, 2, 3].map((i) => rules.tidy(OLD + i))).toEqual([OLD + 1, OLD + 2, OLD + 2 + SWEEP_INTERVAL_SECONDS, OLD + 4]);
  });

  test("that was changed behind what was pruned is found", () => {
    const { rules, store } = busy(3);
    rules.checkpoint(ALICE, 2, headOf(rules, 2), START);
    tidyAll(rules, OLD);
    store.sql("UPDATE checkpoint SET base_balance = '1' WHERE account = ?", ALICE);
    expect(reopen(store).audit()).toMatchObject({ ok: false });
  });
});
