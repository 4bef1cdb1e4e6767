/** Serves a payment that fits its offer: in the route's flow, and under the buyer's payment identifier if it has one. */

import type { ErrorCode } from "../../../../shared/errors.ts";
import { identifierOf, PAYMENT_IDENTIFIER } from "../../../../shared/extensions/payment-identifier.ts";
import { isNative } from "../../../../shared/lez.ts";
import { isUpfront } from "../../../../shared/protocol/offer.ts";
import { idempotencyStoreOf } from "../config.ts";
import { nativeAcceptor } from "../native-acceptor.ts";
import type { CheckedOptions } from "../options.ts";
import { refuseRequest } from "../responses.ts";
import type { IdempotencyClaim, PaidRequest, ServeResult } from "../types.ts";
import { serveAuthorized } from "./authorized.ts";
import { claimIdentifier } from "./identified.ts";
import { checkPrice } from "./price-check.ts";
import { serveUpfront } from "./upfront.ts";

export async function serve(asked: PaidRequest, options: CheckedOptions): Promise<ServeResult> {
  const { c, presented } = asked;
  const sent = identifierOf(presented.payment.extensions);
  const isPlain = sent.ok && sent.id === undefined && options.identifier !== "required";
  const store = isPlain ? undefined : idempotencyStoreOf(c, options, presented);
  if (store && !sent.ok) return refuseToOffer(asked, "invalid_payload", `extensions.${PAYMENT_IDENTIFIER}`);
  if (store && sent.ok && sent.id === undefined) return refuseToOffer(asked, "payment_identifier_required");

  // On the chain itself the money moves first: until then the merchant cannot tell a payer from a stranger.
  const request = isNative(presented.offer) ? await nativeAcceptor()?.settle(asked) : asked;
  if (!request) return refuseRequest({ code: "unsupported_scheme" });
  if ("answered" in request) return request;
  if (!store || !sent.ok || sent.id === undefined) return serveNew(request);

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
