/** What the merchant remembers of a payment, read without getting in the way of the request that serves it. */

import { randomDigest } from "../../../../shared/crypto/digest.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import type { DeliveryState, PaidRequest, PaymentFacts } from "../types.ts";

/** In seconds: a lease of the past, which holds nothing. */
export const NO_LEASE = -1;

/** `served`: another request serves the payment. undefined: nothing is remembered, or the memory does not answer. */
export type Recalled = DeliveryState | { state: "served" } | undefined;

export async function recallState(request: PaidRequest, { key }: PaymentFacts): Promise<Recalled> {
  const found = await withTimeout(request.deliveries().resume(key, randomDigest(), NO_LEASE));
  return found && (found.granted ? found.remembered : { state: "served" });
}
