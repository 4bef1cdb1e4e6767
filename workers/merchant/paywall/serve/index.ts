/** Serves a payment that fits its offer: in the route's flow, and under the buyer's payment identifier if it has one. */

import { identifierOf, PAYMENT_IDENTIFIER } from "../../../../shared/extensions/payment-identifier.ts";
import { type CheckedOptions, flowOf, idempotencyStoreOf } from "../config.ts";
import { refuseRequest } from "../responses.ts";
import type { IdempotencyClaim, PaidRequest, ServeResult } from "../types.ts";
import { serveAuthorized } from "./authorized.ts";
import { claimIdentifier } from "./identified.ts";
import { serveUpfront } from "./upfront.ts";

export async function serve(request: PaidRequest, options: CheckedOptions): Promise<ServeResult> {
  const { c, presented, challenge } = request;
  const flow = flowOf(c, options) === "upfront" ? serveUpfront : serveAuthorized;
  const sent = identifierOf(presented.payment.extensions);
  if (sent.ok && sent.id === undefined && options.identifier !== "required") return flow(request);
  const store = idempotencyStoreOf(c, options, presented);
  if (!store) return flow(request);
  if (!sent.ok) return refuseRequest({ code: "invalid_payload", detail: `extensions.${PAYMENT_IDENTIFIER}`, challenge, offerAgain: true });
  if (sent.id === undefined) return refuseRequest({ code: "payment_identifier_required", challenge, offerAgain: true });

  const claimed = await claimIdentifier(request, store, sent.id);
  if (!claimed.granted) return claimed.result;
  let result: ServeResult | undefined;
  try {
    result = await flow(request, claimed.claim);
    return result;
  } finally {
    // After a refusal or a failed handler the id is free before its buyer hears of it. A stored or paid answer keeps it.
    if (!keepsClaim(result, claimed.claim)) await claimed.claim.free();
  }
}

/** The answer was delivered, or it is stored and may still be paid for. */
function keepsClaim(result: ServeResult | undefined, claim: IdempotencyClaim): boolean {
  if (result?.answered) return result.delivered;
  return claim.hasAnswer() && (result === undefined || result.code === "settlement_pending");
}
