/** For tests of checkpoints and of pruning: a ledger with a journal, and an alarm that rings until it has done its work. */

import type { Digest } from "../../crypto/digest.ts";
import { JOURNAL_RETENTION_SECONDS } from "../../limits.ts";
import type { Amount } from "../../protocol/amount.ts";
import type { LedgerRules } from "../rules.ts";
import type { LedgerStore } from "../store.ts";
import { ALICE, FIRST, idOf, openLedger, paymentOf, settleOf, START } from "./ledger.ts";

/** The first second in which what was entered at START is old. */
export const OLD = START + JOURNAL_RETENTION_SECONDS + 1;

/** A ledger in which Alice has paid so often. Her chain has one entry more: what she was given. */
export function busyLedger(store: LedgerStore, payments: number) {
  const rules = openLedger(store, 10_000n);
  for (let i = 0; i < payments; i++) rules.settle(settleOf(paymentOf({ nonce: idOf(i), value: "1" as Amount }), FIRST), START);
  return { store, rules };
}

/** The hash of Alice's entry. */
export function headOf(rules: LedgerRules, seq: number): Digest {
  return rules.journal(ALICE, seq - 1, 1)[0]?.hash ?? idOf(0);
}

/** Lets the alarm ring until nothing is due. @returns when it rings next */
export function runAllMaintenance(rules: LedgerRules, at: number): number | undefined {
  for (let i = 0; i < 20; i++) {
    const next = rules.runMaintenance(at);
    if ((next ?? Infinity) > at + 1) return next;
  }
  throw new Error("the alarm never comes to an end");
}
