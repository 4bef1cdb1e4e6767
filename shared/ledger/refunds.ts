/** The refund table: what each payee gave back, and the sum of it for each payment. */

import type { Digest } from "../crypto/digest.ts";
import { MAX_REFUNDS_LISTED, REFUND_RETENTION_SECONDS } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import type { Amount } from "../protocol/amount.ts";
import { integer, nullable, row, type RowOf, text } from "../row.ts";
import type { LedgerStore } from "./store.ts";

const REFUND = {
  payee: text<AccountId>(),
  /** The number of its debit in the payee's journal. */
  seq: integer(),
  id: text<Digest>(),
  refund_digest: text<Digest>(),
  tx: text<Digest>(),
  /** The refunded payment's transaction, and the number of its credit in the payee's journal. */
  refund_of: text<Digest>(),
  entry: integer(),
  payer: text<AccountId>(),
  value: text<Amount>(),
  /** What was refunded of the payment with this refund and those before it. */
  sum: text<Amount>(),
  mandate: nullable(text<Digest>()),
  /** The mandate's period that it counts in. */
  mandate_window: nullable(integer()),
  at: integer(),
  /** JSON: the refund as it was signed. The ledger keeps it for evidence, and never reads it. */
  signed: nullable(text()),
};
export type RefundRow = RowOf<typeof REFUND>;
const refundRow = row(REFUND);

export class Refunds {
  readonly #store: LedgerStore;

  constructor(store: LedgerStore) {
    this.#store = store;
  }

  find(payee: AccountId, id: Digest): RefundRow | undefined {
    return this.#store.sql("SELECT * FROM refund WHERE payee = ? AND id = ?", payee, id).map(refundRow)[0];
  }

  /** Atomic units that were refunded of the payment. Its last refund knows: sums cost no row of their own. */
  sumOf(payee: AccountId, transaction: Digest): bigint {
    return BigInt(this.newestOf(payee, transaction, 1)[0]?.sum ?? 0);
  }

  /** Refunds of the payment, the newest first. */
  newestOf(payee: AccountId, transaction: Digest, limit = MAX_REFUNDS_LISTED): RefundRow[] {
    return this.#store
      .sql("SELECT * FROM refund WHERE payee = ? AND refund_of = ? ORDER BY seq DESC LIMIT ?", payee, transaction, limit)
      .map(refundRow);
  }

  insert(refund: RefundRow): void {
    this.#store.sql(
      `INSERT INTO refund (payee, seq, id, refund_digest, tx, refund_of, entry, payer, value, sum, mandate, mandate_window, at, signed)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      refund.payee,
      refund.seq,
      refund.id,
      refund.refund_digest,
      refund.tx,
      refund.refund_of,
      refund.entry,
      refund.payer,
      refund.value,
      refund.sum,
      refund.mandate,
      refund.mandate_window,
      refund.at,
      refund.signed,
    );
  }

  /** For audits: in the order in which they were made. */
  of(payee: AccountId): RefundRow[] {
    return this.#store.sql("SELECT * FROM refund WHERE payee = ? ORDER BY seq", payee).map(refundRow);
  }
}

/**
 * Deletes old refunds whose own debit is pruned. The credit that they gave back comes before it in the chain: it is gone as well, and
 * nothing more can be refunded of it.
 * @param through the number of the last pruned entry
 */
export function forgetRefunds(store: LedgerStore, payee: AccountId, through: number, now: number): void {
  store.sql("DELETE FROM refund WHERE payee = ? AND seq <= ? AND at < ?", payee, through, now - REFUND_RETENTION_SECONDS);
}
