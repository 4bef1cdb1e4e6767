/** The ledgers in test/vectors/ledger-0.1, for tests in Node and in workerd. Callers give the text of the files. */

import type { Digest } from "../../crypto/digest.ts";
import type { LedgerPayment } from "../../protocol/ledger-payment.ts";
import type { LedgerStore } from "../store.ts";

/** payments.json: Alice's payments, and the ids that claimed them. */
export interface Payments01 {
  /** Unix seconds: the time of the dumps. */
  now: number;
  ids: Record<"live" | "reclaimable" | "expired" | "captured" | "settled", Digest>;
  payments: Record<
    "live" | "reclaimable" | "expired" | "captured" | "settled" | "cancelled" | "batched" | "unacknowledged" | "undelivered",
    LedgerPayment
  >;
}

/** Writes a dump into an empty store. */
export function restore(store: LedgerStore, dump: string): void {
  for (const statement of dump.split(/;\n/)) if (statement !== "") store.sql(statement);
}
