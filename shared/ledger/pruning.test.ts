import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { PRUNE_BATCH, RETENTION_SECONDS, SWEEP_INTERVAL_SECONDS } from "../limits.ts";
import type { Amount } from "../protocol/amount.ts";
import { continuesChain } from "./journal.ts";
import type { LedgerStore } from "./store.ts";
import { busyLedger, headOf, OLD, runAllMaintenance } from "./testing/checkpoint.ts";
import { ALICE, BOB, FIRST, idOf, LEDGER, openLedger, paymentOf, reopen, settleOf, START } from "./testing/ledger.ts";

const busy = (payments: number) => busyLedger(memoryStore(), payments);
const AGES = OLD + 10 ** 6;
/** When every payment is forgotten that was made at START, and no journal is old. */
const QUIET = START + 2 * RETENTION_SECONDS;

describe("the journal", () => {
  test("is kept for ever where nothing was exported", () => {
    const { rules } = busy(3);
    runAllMaintenance(rules, AGES);
    expect(rules.journal(ALICE, 0, 10)).toHaveLength(4);
  });

  test("is kept as long as it is young, exported or not", () => {
    const { rules } = busy(3);
    rules.checkpoint(ALICE, 4, headOf(rules, 4), START);
    runAllMaintenance(rules, OLD - 1);
    expect(rules.journal(ALICE, 0, 10)).toHaveLength(4);
  });

  test("keeps a young entry that comes before an older one, and all behind it", () => {
    const { rules: early, store } = busy(0);
    const later = START + 10;
    early.settle(settleOf(paymentOf({ nonce: idOf(1), value: "1" as Amount }), FIRST), later);
    const rules = reopen(store); // the clock of this life is behind that of the last
    rules.settle(settleOf(paymentOf({ nonce: idOf(2), value: "1" as Amount }), FIRST), START);
    expect(rules.journal(ALICE, 0, 10).map(({ at }) => Number(at))).toEqual([START, later, START]);
    rules.checkpoint(ALICE, 3, headOf(rules, 3), START);
    runAllMaintenance(rules, OLD);
    expect(rules.journal(ALICE, 0, 10)).toMatchObject([{ seq: "2" }, { seq: "3" }]);
    expect(rules.audit()).toMatchObject({ ok: true, problems: [] });
    runAllMaintenance(rules, OLD + SWEEP_INTERVAL_SECONDS);
    expect(rules.journal(ALICE, 0, 10)).toEqual([]);
  });

  test("loses what is old and exported, and nothing else; what is left still fits and adds up", () => {
    const { rules, store } = busy(3);
    const whole = rules.journal(ALICE, 0, 10);
    rules.checkpoint(ALICE, 3, headOf(rules, 3), START);
    rules.checkpoint(ALICE, 1, headOf(rules, 1), START); // an earlier one takes nothing back
    runAllMaintenance(rules, OLD);
    const { entries, base } = rules.journalPage(ALICE, 0, 10);
    expect(entries).toEqual(whole.slice(3));
    expect(base).toMatchObject({ seq: "3", hash: whole[2]?.hash, balanceAfter: "248" });
    expect(entries[0] && continuesChain(entries[0], base, LEDGER)).toBe(true);
    expect(rules.journalPage(ALICE, 3, 10).base).toBeUndefined();
    expect(rules.journal(BOB, 0, 10)).toHaveLength(3);
    expect(reopen(store).audit()).toMatchObject({ ok: true, problems: [] });
    rules.settle(settleOf(paymentOf({ nonce: idOf(99), value: "1" as Amount, validAfter: OLD, validBefore: OLD + 9 }), FIRST), OLD);
    expect(rules.audit()).toMatchObject({ ok: true, problems: [] });
  });

  test("may be pruned to the last entry, and goes on from there", () => {
    const { rules } = busy(1);
    rules.checkpoint(ALICE, 2, headOf(rules, 2), START);
    runAllMaintenance(rules, OLD);
    expect(rules.journalPage(ALICE, 0, 10)).toMatchObject({ entries: [], base: { seq: "2", balanceAfter: "249" } });
    expect(rules.audit()).toMatchObject({ ok: true });
  });

  test("is pruned in batches", () => {
    const store = memoryStore();
    const rules = openLedger(store, 10n ** 9n);
    rules.settle(
      settleOf(paymentOf({ payer: rules.info().treasury, payee: ALICE, nonce: idOf(1), value: "5000" as Amount }), FIRST),
      START,
    );
    for (let i = 0; i < PRUNE_BATCH + 10; i++) rules.settle(settleOf(paymentOf({ nonce: idOf(i), value: "1" as Amount }), FIRST), START);
    rules.checkpoint(ALICE, PRUNE_BATCH + 5, headOf(rules, PRUNE_BATCH + 5), START);
    const left = () => Number(store.sql("SELECT count(*) AS n FROM journal WHERE account = ?", ALICE)[0]?.["n"]);
    const all = left();
    expect(rules.runMaintenance(OLD)).toBe(OLD + 1);
    expect(left()).toBe(all - PRUNE_BATCH);
    runAllMaintenance(rules, OLD + 1);
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
      expect(rules.runMaintenance(at)).toBe(next);
      expect(statements).toBeLessThan(PRUNE_BATCH + 20);
      expect(rules.journal(ALICE, 0, 10)).toHaveLength(left);
    }
  });

  test("is looked through once while payments are, however many rounds of theirs that takes", () => {
    const { store } = busy(0);
    const rules = reopen(store);
    for (let i = 0; i < PRUNE_BATCH + 1; i++) store.sql("INSERT INTO checkpoint (account, seq) VALUES (?, 1)", String(1e6 + i));
    for (let i = 0; i < 2 * PRUNE_BATCH; i++) rules.cancel(ALICE, idOf(i), OLD);
    expect([0, 1, 2].map((i) => rules.runMaintenance(OLD + i))).toEqual([OLD + 1, OLD + 2, OLD + 2 + SWEEP_INTERVAL_SECONDS]);
  });

  test("that was changed behind what was pruned is found", () => {
    const { rules, store } = busy(3);
    rules.checkpoint(ALICE, 2, headOf(rules, 2), START);
    runAllMaintenance(rules, OLD);
    store.sql("UPDATE checkpoint SET base_balance = '1' WHERE account = ?", ALICE);
    expect(reopen(store).audit()).toMatchObject({ ok: false });
  });
});

describe("the alarm", () => {
  test("rings for a journal when its oldest exported entry comes of age, and not before, on an idle ledger too", () => {
    const { rules } = busy(3);
    rules.checkpoint(ALICE, 3, headOf(rules, 3), START);
    expect(runAllMaintenance(rules, QUIET)).toBe(OLD);
    expect(rules.runMaintenance(OLD - 1)).toBe(OLD);
    expect(rules.journal(ALICE, 0, 10)).toHaveLength(4);
    expect(rules.runMaintenance(OLD)).toBeUndefined();
    expect(rules.journal(ALICE, 0, 10)).toMatchObject([{ seq: "4" }]);
  });

  test("rings again for what was young when the rest was dropped", () => {
    const { rules } = busy(1);
    const later = SWEEP_INTERVAL_SECONDS + 5;
    rules.settle(settleOf(paymentOf({ nonce: idOf(7), value: "1" as Amount, validBefore: START + 2 * later }), FIRST), START + later);
    rules.checkpoint(ALICE, 3, headOf(rules, 3), START + later);
    runAllMaintenance(rules, QUIET);
    expect(rules.runMaintenance(OLD)).toBe(OLD + later);
    expect(rules.runMaintenance(OLD + later)).toBeUndefined();
    expect(rules.journal(ALICE, 0, 10)).toEqual([]);
  });

  test("does not go round more than once an hour, though entries come of age every minute", () => {
    const { rules } = busy(1);
    for (let i = 1; i <= 10; i++) rules.settle(settleOf(paymentOf({ nonce: idOf(i), value: "1" as Amount }), FIRST), START + 60 * i);
    rules.checkpoint(ALICE, 12, headOf(rules, 12), START + 600);
    runAllMaintenance(rules, QUIET);
    expect(rules.runMaintenance(OLD)).toBe(OLD + SWEEP_INTERVAL_SECONDS);
    expect(rules.runMaintenance(OLD + 300)).toBe(OLD + SWEEP_INTERVAL_SECONDS);
    expect(rules.journal(ALICE, 0, 20)).toHaveLength(10);
    expect(rules.runMaintenance(OLD + SWEEP_INTERVAL_SECONDS)).toBeUndefined();
    expect(rules.journal(ALICE, 0, 20)).toEqual([]);
  });

  test("does not ring for what was not exported", () => {
    const { rules } = busy(3);
    expect(runAllMaintenance(rules, QUIET)).toBeUndefined();
    expect(rules.needsMaintenance()).toBe(false);
  });

  test("is owed to a journal that was exported, until that is pruned", () => {
    const { rules, store } = busy(3);
    rules.checkpoint(ALICE, 3, headOf(rules, 3), START);
    runAllMaintenance(rules, QUIET);
    expect(reopen(store).needsMaintenance()).toBe(true);
    runAllMaintenance(rules, OLD);
    expect(reopen(store).needsMaintenance()).toBe(false);
  });

  test("rings for what was exported while it was going round, or after it had nothing to do", () => {
    const { rules, store } = busy(3);
    for (let i = 0; i <= PRUNE_BATCH; i++) store.sql("INSERT INTO checkpoint (account, seq) VALUES (?, 1)", `zz${1e6 + i}`);
    expect(rules.runMaintenance(AGES)).toBe(AGES + 1); // has passed Alice
    rules.checkpoint(ALICE, 3, headOf(rules, 3), AGES);
    const next = AGES + SWEEP_INTERVAL_SECONDS;
    expect(runAllMaintenance(rules, AGES)).toBe(next);
    expect(runAllMaintenance(rules, next)).toBeUndefined();
    expect(rules.journal(ALICE, 0, 10)).toMatchObject([{ seq: "4" }]);
    rules.checkpoint(ALICE, 4, headOf(rules, 4), next);
    expect(runAllMaintenance(rules, next + SWEEP_INTERVAL_SECONDS)).toBeUndefined();
    expect(rules.journal(ALICE, 0, 10)).toEqual([]);
  });

  test("looks again at what it could not drop", () => {
    const { rules: early, store } = busy(3);
    early.checkpoint(ALICE, 4, headOf(early, 4), START);
    let full = true;
    const failing: LedgerStore = {
      ...store,
      sql(statement, ...bindings) {
        if (full && statement.startsWith("UPDATE clock")) throw new Error("disk full");
        return store.sql(statement, ...bindings);
      },
    };
    const rules = reopen(failing);
    expect(() => rules.runMaintenance(OLD)).toThrow("disk full");
    full = false;
    runAllMaintenance(rules, OLD);
    expect(rules.journal(ALICE, 0, 10)).toEqual([]);
  });
});
