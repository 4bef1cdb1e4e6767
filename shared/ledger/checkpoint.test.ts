import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import type { Amount } from "../protocol/amount.ts";
import type { LedgerRules } from "./rules.ts";
import { busyLedger, headOf, OLD, runAllMaintenance } from "./testing/checkpoint.ts";
import { ALICE, BOB, dump, FIRST, idOf, LEDGER, paymentOf, reopen, settleOf, START } from "./testing/ledger.ts";

const busy = (payments: number) => busyLedger(memoryStore(), payments);
const AGES = OLD + 10 ** 6;

const busyCheckpoint = (rules: LedgerRules, seq: number, balance: string) => ({
  ledger: LEDGER,
  account: ALICE,
  seq: String(seq),
  head: headOf(rules, seq),
  balance,
  at: String(START + 5),
});

const STOPPED = { ok: false, code: "facilitator_unavailable" };

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
    early.settle(settleOf(paymentOf({ nonce: idOf(1), value: "1" as Amount }), FIRST), later);
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
    runAllMaintenance(rules, AGES);
    expect(rules.journal(ALICE, 0, 10)).toHaveLength(4);
  });

  test("is not made of what was pruned, nor for an account without a journal", () => {
    const { rules } = busy(3);
    rules.checkpoint(ALICE, 3, headOf(rules, 3), START);
    runAllMaintenance(rules, OLD);
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
