/** The offers that a session remembers: a call of the same route is paid at once, without asking for terms. */

import { PAYMENT_IDENTIFIER } from "../../shared/extensions/payment-identifier.ts";
import { bindingOf } from "../../shared/protocol/binding.ts";
import { sessionTermsOf } from "../../shared/protocol/session-terms.ts";
import type { PaymentRequired, PaymentRequirements } from "../../shared/x402/x402.ts";
import { boundRequest } from "../merchant/curl-request.ts";
import { coverage } from "../merchant/terms.ts";
import { sumsOf, withOffer } from "../records/session-lanes.ts";
import { changeKnownSession, type KeptSession, type KnownOffer } from "../records/sessions.ts";
import type { Context } from "../runtime/context.ts";
import type { HttpRequest } from "../runtime/exchange.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { routeOf } from "./session-exchange.ts";

/** What a call of this request would cost by the offer that is known, in a session that has room for it. */
export function knownPrice(session: KeptSession, http: HttpRequest): PaymentRequirements | undefined {
  const offer = knownOffer(session, http);
  return offer && sumsOf(session).left >= BigInt(offer.amount) ? offer : undefined;
}

/** The offer of an earlier 402 of this route, bound to this request. */
export function knownOffer({ offers }: KeptSession, http: HttpRequest): PaymentRequirements | undefined {
  const known = offers.find(({ method, route }) => method === http.method && route === routeOf(http.url));
  if (!known || known.scope === "none") return known?.offer;
  const { method, url, bodySha256 } = boundRequest(http);
  const bound = { method, url: known.scope.startsWith("route") ? routeOf(url) : url };
  const binding = bindingOf(known.scope.endsWith("body") && bodySha256 ? { ...bound, bodySha256 } : bound, known.offer);
  return { ...known.offer, extra: { ...known.offer.extra, binding } };
}

/** An offer as it is remembered. One that is bound to another request is refused. */
export function offerToKnow(
  http: HttpRequest,
  offer: PaymentRequirements,
  required: Pick<PaymentRequired, "extensions"> | undefined,
): Outcome<KnownOffer> {
  const scope = coverage(http, offer);
  if (!scope.ok) return scope;
  // What a correction says beside the offer is of its moment.
  const { binding: _, channelState: __, voucherState: ___, lane: ____, ...extra } = offer.extra ?? {};
  const keeps = required?.extensions?.[PAYMENT_IDENTIFIER];
  return succeed({
    method: http.method,
    route: routeOf(http.url),
    offer: { ...offer, extra },
    scope: scope.data,
    ...(typeof keeps === "object" && keeps !== null && { keeps: keeps as Record<string, unknown> }),
  });
}

/** Remembers an offer for later calls of its route. */
export async function learn(
  context: Context,
  { http, session }: { http: HttpRequest; session: KeptSession },
  offer: PaymentRequirements,
  required: PaymentRequired | undefined,
): Promise<Outcome<undefined>> {
  const known = offerToKnow(http, offer, required);
  return known.ok ? changeKnownSession(context, session.id, (record) => withOffer(record, known.data)) : known;
}

export function isOfSession(offer: PaymentRequirements, { signed: { channelConfig: session } }: KeptSession): boolean {
  const terms = sessionTermsOf(offer);
  return offer.payTo === session.to && terms?.ledger === session.ledger && terms.receiver === session.receiver;
}
