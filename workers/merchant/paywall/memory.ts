/**
 * What a merchant must remember of a payment from one request to the next that presents it: that somebody is serving
 * it, that nobody knows how its capture ended, that it was paid and not delivered, that it was delivered.
 * Most payments leave no trace here; the ledger knows enough.
 */
import type { Reservation } from "../../../shared/settlement/backend.ts";
import { keepNewest } from "../../../shared/bounded.ts";
import type { Digest } from "../../../shared/crypto/digest.ts";
import { MAX_PENDING_SETTLEMENTS } from "../../../shared/limits.ts";
import type { SettleResponse } from "../../../shared/x402/x402.ts";
import { type Entry, Leases } from "./leases.ts";

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
   * @param meanwhile what is to be known should the holder never come back; what is known already stays
   */
  begin(key: Digest, lease: Digest, seconds: number, meanwhile?: Remembered): Promise<Lease>;
  /**
   * The same, but only where something is owed: the payment is `pending` or `paid`. Else nothing changes and there is no lease to
   * end, so that whoever only looks cannot be in the way of who serves it.
   */
  resume(key: Digest, lease: Digest, seconds: number): Promise<Lease>;
  /**
   * Gives the lease back and says what is to be remembered, until `forgetAfter` (unix seconds). Without `remembered` the
   * payment is forgotten. Ignored when somebody else has the lease by now, or had it since and delivered; and nobody forgets what
   * somebody else has left.
   */
  finish(key: Digest, lease: Digest, remembered: Remembered | undefined, forgetAfter: number): Promise<void>;
}

/** Memory in this isolate, bounded: enough for one merchant's own facilitator, lost with the isolate. */
export function isolateMemory(): PaymentMemory {
  const entries = new Map<Digest, Entry>();
  const leases = new Leases({
    get: (key) => entries.get(key),
    set: (key, entry) => keepNewest(entries, key, entry, MAX_PENDING_SETTLEMENTS),
    delete: (key) => entries.delete(key),
  });
  return {
    begin: async (...args) => leases.begin(...args),
    resume: async (...args) => leases.resume(...args),
    finish: async (...args) => leases.finish(...args),
  };
}
