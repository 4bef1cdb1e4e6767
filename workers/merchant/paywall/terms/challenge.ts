/** The challenge: the terms of one request, encoded. Terms that do not depend on a body are cached by what they say. */

import type { Context } from "hono";
import { routePath } from "hono/route";
import { keepNewest } from "../../../../shared/bounded.ts";
import type { Digest } from "../../../../shared/crypto/digest.ts";
import { errorBody } from "../../../../shared/errors.ts";
import { BAZAAR, declareRoute } from "../../../../shared/extensions/bazaar.ts";
import { PAYMENT_IDENTIFIER, paymentIdentifier } from "../../../../shared/extensions/payment-identifier.ts";
import { declareRefunds, REFUND } from "../../../../shared/extensions/refund.ts";
import { ASSET, X402_VERSION } from "../../../../shared/lez.ts";
import { MAX_CACHED_CHALLENGES, MAX_HEADER_BYTES, MIN_DEPOSIT_CALLS } from "../../../../shared/limits.ts";
import type { AccountId } from "../../../../shared/protocol/account.ts";
import type { Amount } from "../../../../shared/protocol/amount.ts";
import { type BoundRequest, bindingOf } from "../../../../shared/protocol/binding.ts";
import { encodeHeader, PAYMENT_ERROR, PAYMENT_REQUIRED, PAYMENT_SIGNATURE } from "../../../../shared/x402/headers.ts";
import type { PaymentRequired, PaymentRequirements } from "../../../../shared/x402/x402.ts";
import { nativeAcceptor } from "../native-acceptor.ts";
import type { Bind, CheckedOptions, CheckedSession, Flow } from "../options.ts";
import type { Challenge, NativeKinds, PaywallEnv } from "../types.ts";
import { keepBytes, readBoundRequest } from "./bound-request.ts";
import { type Quote, type QuotedOffer, quoteOf } from "./quote.ts";

/** What a challenge contains besides the request and the options. */
export interface Seller {
  /** Absent if each offer names its own. */
  payTo: AccountId | undefined;
  /** Absent if the facilitator names none. */
  ledger?: Digest | undefined;
  /** Then a payment identifier is offered. */
  storesAnswers: boolean;
  /** Its facilitator gives payments back. */
  refunds?: boolean;
  /** Of offers that name none. */
  flow: Flow;
  /** The merchant's key for claims, where sessions are sold. */
  receiver?: string | undefined;
  /** What its facilitator offers on the chain itself. */
  natives?: NativeKinds | undefined;
}

export class Challenges {
  readonly #options: CheckedOptions;
  readonly #cache = new Map<string, Challenge>();

  constructor(options: CheckedOptions) {
    this.#options = options;
  }

  /**
   * The challenge for a request; undefined if its body is too large to be priced.
   * @param quote in place of what the seller's functions would return
   * @throws {ConfigurationError} when one of them fails
   */
  async of(c: Context<PaywallEnv>, seller: Seller, quote?: Quote): Promise<Challenge | undefined> {
    const { method, url, raw } = c.req;
    const bind = this.#options.bind ?? defaultBind(method);
    // A body that the price covers is part of the terms, which then cannot be cached by URL.
    const coversBody = bind === "body" && raw.body !== null;
    const terms = this.#options.isByRequest ? await this.#quote(c, coversBody, quote) : undefined;
    if (terms === "too_large") return undefined;
    // Terms that a payment claims are not cached: any caller could fill the cache with them.
    const isCached = !coversBody && !quote;
    const said = terms ? JSON.stringify(terms) : "";
    const key = `${method} ${url} ${c.env.PUBLIC_ORIGIN} ${seller.payTo} ${seller.ledger} ${seller.storesAnswers} ${seller.refunds} ${seller.flow} ${seller.receiver} ${seller.natives?.said} ${said}`;
    const known = isCached ? this.#cache.get(key) : undefined;
    if (known) return known;
    const request = await readBoundRequest(c, bind);
    if (!request) return undefined;
    const challenge = this.for(request, seller, terms, templateOf(c));
    if (isCached) keepNewest(this.#cache, key, challenge, MAX_CACHED_CHALLENGES);
    return challenge;
  }

  async #quote(c: Context<PaywallEnv>, coversBody: boolean, quote: Quote | undefined): Promise<Quote | "too_large"> {
    if (quote) return quote;
    // A price may depend on the body. Keep its bytes, so that they can be bound and the handler can read them.
    if (coversBody && !(await keepBytes(c))) return "too_large";
    return quoteOf(c, this.#options);
  }

  /**
   * @param quote needed if a function has a say in the terms
   * @param template the route's path, if it has parameters
   */
  for(
    request: BoundRequest,
    { payTo, ledger, storesAnswers, refunds = false, flow, receiver, natives }: Seller,
    quote?: Quote,
    template?: string,
  ): Challenge {
    const { mimeType, extensions, identifier: requires, discoverable, refundRequests: promised } = this.#options;
    const { description } = quote ?? this.#options;
    const entries = this.#options.offers.flatMap((offer, index) => {
      const own = quote?.offers[index] ?? (offer as QuotedOffer);
      const { scheme, network, native, unit, unitPrice, session, place } = offer;
      const terms = { scheme, network, amount: own.amount, asset: ASSET, payTo: own.payTo ?? payTo ?? "" };
      const isUpfront = !session && (offer.flow ?? flow) === "upfront";
      const extra = native
        ? natives && nativeAcceptor()?.extraOf(network, native, natives, own.amount)
        : {
            ...(ledger && { ledger }),
            ...(isUpfront && { paymentFlow: "upfront" }),
            ...(unit && { unit, unitPrice }),
            ...(session && sessionTerms(session, own.amount, receiver)),
          };
      if (!extra) return [];
      const binding = bindingOf(request, terms);
      const offered: PaymentRequirements = { ...terms, maxTimeoutSeconds: offer.maxTimeoutSeconds, extra: { binding, ...extra } };
      return [{ offered, place, description: own.description }];
    });
    const offers = entries.map(({ offered }) => offered);
    const accepts = entries.map(({ offered, description }) =>
      description ? { ...offered, extra: { ...offered.extra, description } } : offered,
    );
    const { serviceName, tags } = discoverable ?? {};
    const words = { ...(description && { description }), ...(mimeType && { mimeType }), ...(serviceName && { serviceName }) };
    const resource = { url: request.url, ...words, ...(tags && { tags }) };
    const identifier = storesAnswers && { [PAYMENT_IDENTIFIER]: paymentIdentifier(requires === "required") };
    const listed = discoverable && { [BAZAAR]: declareRoute(request.method, discoverable, template) };
    const refund = refunds && promised && { [REFUND]: declareRefunds(promised.endpoint, promised.policyUrl) };
    const offered = (identifier || extensions || listed || refund) && { ...identifier, ...listed, ...refund, ...extensions };
    const required = {
      x402Version: X402_VERSION,
      error: "payment_required",
      resource,
      accepts,
      ...(offered && { extensions: offered }),
    } as PaymentRequired;
    const places = entries.map(({ place }) => place);
    return { request, offers, places, advertised: required.extensions, ...encodeTerms(required) };
  }
}

function sessionTerms(
  { withdrawDelay, minDeposit: hint, maxSeconds: maxSessionSeconds, metered }: CheckedSession,
  amount: Amount,
  receiverAuthorizer: string | undefined,
) {
  const minDeposit = hint ?? String(MIN_DEPOSIT_CALLS * BigInt(amount));
  return { receiverAuthorizer, withdrawDelay, minDeposit, maxSessionSeconds, ...(metered && { metered }) };
}

/** The path of the route by the names of its parameters; undefined if it has none. */
function templateOf(c: Context): string | undefined {
  // Middleware may stand on a wider path than the handler behind it.
  const [path = ""] = [routePath(c), routePath(c, -1)].toSorted((a, b) => Number(a.includes("*")) - Number(b.includes("*")));
  if (!/[:*]/.test(path)) return undefined;
  const parts = path.split("/").map((part, index) => (part === "*" ? `:var${index}` : part.replace(/^(:\w+)(\{.*\})?\??$/, "$1")));
  return encodeURI(parts.join("/"));
}

export function encodeTerms(required: PaymentRequired): Pick<Challenge, "required" | "header" | "headers" | "body"> {
  const header = encodeHeader(required);
  const headers = new Headers({
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    Vary: PAYMENT_SIGNATURE,
    [PAYMENT_ERROR]: "payment_required",
    [PAYMENT_REQUIRED]: header,
  });
  return { required, header, headers, body: JSON.stringify({ ...required, ...errorBody("payment_required") }) };
}

function defaultBind(method: string): Bind {
  return method === "GET" || method === "HEAD" ? "query" : "body";
}

/** @throws {TypeError} when the header would be too large for any client, even for the shortest request */
export function checkChallengeSize(options: CheckedOptions): void {
  const shortest = { amount: "1" as Amount, payTo: undefined, description: undefined };
  const sample = new Challenges(options).for(
    { method: "GET", url: "https://example.com/" },
    {
      payTo: "1".repeat(44) as AccountId,
      ledger: "0".repeat(64) as Digest,
      storesAnswers: true,
      refunds: true,
      flow: "upfront",
      receiver: "0".repeat(64),
    },
    options.isByRequest ? { description: undefined, offers: options.offers.map(() => shortest) } : undefined,
  );
  if (sample.header.length > MAX_HEADER_BYTES / 2)
    throw new TypeError("paywall: descriptions, offers and extensions make PAYMENT-REQUIRED too large");
}
