/** Serves a payment that fits its offer: in the route's flow, and under the buyer's payment identifier if it has one. */

import type { ErrorCode } from "../../../../shared/errors.ts";
import { identifierOf, PAYMENT_IDENTIFIER } from "../../../../shared/extensions/payment-identifier.ts";
import { isUpfront } from "../../../../shared/protocol/offer.ts";
import { idempotencyStoreOf } from "../config.ts";
import type { CheckedOptions } from "../options.ts";
import { refuseRequest } from "../responses.ts";
import type { IdempotencyClaim, PaidRequest, ServeResult } from "../types.ts";
import { serveAuthorized } from "./authorized.ts";
import { claimIdentifier } from "./identified.ts";
import { checkPrice } from "./price-check.ts";
import { serveUpfront } from "./upfront.ts";

export async function serve(request: PaidRequest, options: CheckedOptions): Promise<ServeResult> {
  const { c, presented } = request;
  const sent = identifierOf(presented.payment.extensions);
  if (sent.ok && sent.id === undefined && options.identifier !== "required") return serveNew(request);
  const store = idempotencyStoreOf(c, options, presented);
  if (!store) return serveNew(request);
  if (!sent.ok) return refuseToOffer(request, "invalid_payload", `extensions.${PAYMENT_IDENTIFIER}`);
  if (sent.id === undefined) return refuseToOffer(request, "payment_identifier_required");

  const claimed = await claimIdentifier(request, store, sent.id);
  if (!claimed.granted) return claimed.result;
  let result: ServeResult | undefined;
  try {
    result = await serveNew(request, claimed.claim);
    return result;
  } finally {
    // After a refusal or a failed handler the id is free before its buyer hears of it. A stored or paid answer keeps it.
    if (!keepsClaim(result, claimed.claim)) await claimed.claim.free();
  }
}

/** Serves a payment that is not known under an identifier. */
async function serveNew(request: PaidRequest, claim?: IdempotencyClaim): Promise<ServeResult> {
  if (request.price) {
    const checked = await checkPrice(request, request.price, claim);
    return checked.ok ? serveNew(checked.request, claim) : checked.result;
  }
  return isUpfront(request.presented.offer) ? serveUpfront(request, claim) : serveAuthorized(request, claim);
}

/** Refuses with the terms of now. */
async function refuseToOffer({ challenge, price }: PaidRequest, code: ErrorCode, detail?: string): Promise<ServeResult> {
  const now = price ? await price.terms() : { challenge };
  return refuseRequest("code" in now ? now : { code, detail, challenge: now.challenge, offerAgain: true });
}

/** The answer was delivered, or it is stored and may still be paid for. */
function keepsClaim(result: ServeResult | undefined, claim: IdempotencyClaim): boolean {
  if (result?.answered) return result.delivered;
  return claim.hasAnswer() && (result === undefined || result.code === "settlement_pending");
}
