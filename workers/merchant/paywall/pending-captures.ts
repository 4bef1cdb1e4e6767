/**
 * Payments whose capture got no answer. Their buyer was told `settlement_pending` and holds a payment that may be
 * spent; when it is presented again, this isolate remembers which hold to ask about. Bounded; forgotten means that the
 * ledger's own answer counts.
 */
import type { Reservation } from "../../../shared/backend.ts";
import { canonicalJson } from "../../../shared/digest.ts";
import { MAX_PENDING_SETTLEMENTS } from "../../../shared/limits.ts";
import type { PaymentPayload } from "../../../shared/x402.ts";

export interface PendingCapture {
  reservation: Reservation;
  /** The settlement it leads to. */
  transaction: string;
}

const pending = new Map<string, PendingCapture>();

export function rememberCapture(payment: PaymentPayload, capture: PendingCapture): void {
  const oldest = pending.keys().next().value;
  if (pending.size >= MAX_PENDING_SETTLEMENTS && oldest !== undefined) pending.delete(oldest);
  pending.set(keyOf(payment), capture);
}

/** Takes the memory away, so that of several copies of a payment only one goes on with it. */
export function takeCapture(payment: PaymentPayload): PendingCapture | undefined {
  if (pending.size === 0) return undefined;
  const key = keyOf(payment);
  const capture = pending.get(key);
  pending.delete(key);
  return capture;
}

/** The signed part, signature included: who cannot present the payment cannot pick up where it stopped. */
function keyOf(payment: PaymentPayload): string {
  return canonicalJson(payment.payload);
}
