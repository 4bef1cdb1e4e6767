/**
 * What a merchant must remember of a payment from one request to the next that presents it: that somebody is serving
 * it, that nobody knows how its capture ended, that it was paid and not delivered, that it was delivered.
 * Most payments leave no trace here; the ledger knows enough.
 */
import type { Reservation } from "../../../shared/backend.ts";
import { keepNewest } from "../../../shared/bounded.ts";
import type { Digest } from "../../../shared/digest.ts";
import { MAX_PENDING_SETTLEMENTS } from "../../../shared/limits.ts";
import { unixNow } from "../../../shared/time.ts";
import type { SettleResponse } from "../../../shared/x402.ts";

export type Remembered =
  /** Nobody knows whether the money moved. Asking for this reservation's capture again tells, and pays once. */
  | { state: "pending"; reservation: Reservation }
  /** The money moved, and the handler has not delivered: the same payment may run it again. */
  | { state: "paid"; receipt: SettleResponse }
  /** Over. */
  | { state: "delivered" };

export type Lease = { granted: true; remembered?: Remembered } | { granted: false };

export interface PaymentMemory {
  /**
   * The right to serve this payment, for `seconds`: one holder at a time. The same lease may be taken again.
   * @param lease random, chosen by the caller
   */
  begin(key: Digest, lease: Digest, seconds: number): Promise<Lease>;
  /**
   * Gives the lease back and says what is to be remembered, until `forgetAfter` (unix seconds). Without `remembered` the
   * payment is forgotten. Ignored when somebody else has the lease by now.
   */
  finish(key: Digest, lease: Digest, remembered: Remembered | undefined, forgetAfter: number): Promise<void>;
}

interface Entry {
  lease: Digest;
  leaseUntil: number;
  remembered?: Remembered | undefined;
}

/** Memory in this isolate, bounded: enough for one merchant's own facilitator, lost with the isolate. */
export function isolateMemory(): PaymentMemory {
  const entries = new Map<Digest, Entry>();
  return {
    begin: async (key, lease, seconds) => {
      const entry = entries.get(key);
      if (entry && entry.lease !== lease && entry.leaseUntil >= unixNow()) return { granted: false };
      keepNewest(entries, key, { lease, leaseUntil: unixNow() + seconds, remembered: entry?.remembered }, MAX_PENDING_SETTLEMENTS);
      return { granted: true, ...(entry?.remembered && { remembered: entry.remembered }) };
    },
    finish: async (key, lease, remembered) => {
      const entry = entries.get(key);
      if (entry && entry.lease !== lease && entry.leaseUntil >= unixNow()) return;
      if (remembered) entries.set(key, { lease, leaseUntil: 0, remembered });
      else entries.delete(key);
    },
  };
}
