/** A ledger as version 0.1 left it, of any size: for the time that its migration takes. */

import type { Genesis } from "../shared/ledger/genesis.ts";
import { LedgerRules } from "../shared/ledger/rules.ts";
import type { LedgerStore } from "../shared/ledger/store.ts";
import { ALICE, BOB, give, idOf, LEDGER, paymentOf, reserveOf, settleOf, START } from "../shared/ledger/testing/ledger.ts";
import { GENESIS_SUPPLY } from "../shared/limits.ts";
import type { Amount } from "../shared/protocol/amount.ts";

/** One payment in this many is still held. */
const HELD_SHARE = 100;

/** The statements that take today's schema back to 2. 0.1 wrote the request's digest into `fingerprint`. */
const BACK_TO_2 = [
  "DROP TABLE session",
  "DROP TABLE session_lane",
  "DROP TABLE session_claim",
  "DROP INDEX payment_cancelled",
  "ALTER TABLE payment DROP COLUMN session",
  "ALTER TABLE journal DROP COLUMN session",
  "ALTER TABLE outbox DROP COLUMN session",
  "DROP TABLE refund",
  "ALTER TABLE journal DROP COLUMN cause",
  "ALTER TABLE journal DROP COLUMN refund_of",
  "ALTER TABLE journal DROP COLUMN credits",
  "ALTER TABLE outbox DROP COLUMN payer",
  "ALTER TABLE outbox DROP COLUMN kind",
  "ALTER TABLE outbox DROP COLUMN refund_of",
  "ALTER TABLE payment DROP COLUMN charged",
  "ALTER TABLE payment DROP COLUMN scheme",
  "DROP TABLE origin",
  "DROP TABLE retired",
  "ALTER TABLE payment DROP COLUMN restored",
  "ALTER TABLE journal DROP COLUMN mandate",
  "ALTER TABLE payment DROP COLUMN mandate_window",
  "ALTER TABLE payment DROP COLUMN mandate",
  "DROP TABLE panic",
  "DROP TABLE mandate",
  "DROP TABLE mandate_use",
  "ALTER TABLE account DROP COLUMN accesses_void_through",
  "ALTER TABLE clock DROP COLUMN final",
  "ALTER TABLE payment RENAME COLUMN capture_deadline TO dead_line",
  "ALTER TABLE payment ADD COLUMN fingerprint TEXT",
  "UPDATE payment SET fingerprint = authorization_digest",
  "UPDATE schema_version SET version = 2",
];

/** Fills an empty store with a ledger of schema 2 and this many payments. Returns what it was created with. */
export function growOldLedger(store: LedgerStore, payments: number): Genesis {
  const genesis = { ledger: LEDGER, supply: GENESIS_SUPPLY, at: START };
  store.transact(() => {
    const rules = new LedgerRules(store, genesis);
    give(rules, ALICE, BigInt(payments));
    for (let i = 1; i <= payments; i++) {
      const payment = paymentOf({ payer: ALICE, payee: BOB, nonce: idOf(i), value: "1" as Amount });
      const result =
        i % HELD_SHARE === 0 ? rules.reserve(reserveOf(payment, idOf(i)), START) : rules.settle(settleOf(payment, idOf(i)), START);
      if (!result.ok) throw new Error(`payment ${i}: ${result.code}`);
    }
  });
  for (const statement of BACK_TO_2) store.sql(statement);
  return genesis;
}
