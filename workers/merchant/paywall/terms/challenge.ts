/** The challenge: the terms of one request, encoded. Terms that do not depend on a body are cached. */

import type { Context } from "hono";
import { keepNewest } from "../../../../shared/bounded.ts";
import type { Digest } from "../../../../shared/crypto/digest.ts";
import { errorBody } from "../../../../shared/errors.ts";
import { PAYMENT_IDENTIFIER, paymentIdentifier } from "../../../../shared/extensions/payment-identifier.ts";
import { ASSET, NETWORK, SCHEME, X402_VERSION } from "../../../../shared/lez.ts";
import { MAX_CACHED_CHALLENGES, MAX_HEADER_BYTES } from "../../../../shared/limits.ts";
import type { AccountId } from "../../../../shared/protocol/account.ts";
import { type BoundRequest, bindingOf } from "../../../../shared/protocol/binding.ts";
import { encodeHeader, PAYMENT_ERROR, PAYMENT_REQUIRED, PAYMENT_SIGNATURE } from "../../../../shared/x402/headers.ts";
import type { PaymentRequired, PaymentRequirements } from "../../../../shared/x402/x402.ts";
import type { Bind, CheckedOptions } from "../config.ts";
import type { Challenge, PaywallEnv } from "../types.ts";
import { readBoundRequest } from "./bound-request.ts";

/** What a challenge contains besides the request and the options. */
export interface Seller {
  payTo: AccountId;
  /** Absent if the facilitator names none. */
  ledger?: Digest | undefined;
  /** Then a payment identifier is offered. */
  storesAnswers: boolean;
  flow: "authorization" | "upfront";
}

export class Challenges {
  readonly #options: CheckedOptions;
  readonly #cache = new Map<string, Challenge>();

  constructor(options: CheckedOptions) {
    this.#options = options;
  }

  /** The challenge for a request; undefined if its body is too large to be priced. */
  async of(c: Context<PaywallEnv>, seller: Seller): Promise<Challenge | undefined> {
    const { method, url, raw } = c.req;
    const bind = this.#options.bind ?? defaultBind(method);
    // A body that the price covers is part of the terms, which then cannot be cached by URL.
    const coversBody = bind === "body" && raw.body !== null;
    const key = `${method} ${url} ${c.env.PUBLIC_ORIGIN} ${seller.payTo} ${seller.ledger} ${seller.storesAnswers} ${seller.flow}`;
    const known = coversBody ? undefined : this.#cache.get(key);
    if (known) return known;
    const request = await readBoundRequest(c, bind);
    if (!request) return undefined;
    const challenge = this.for(request, seller);
    if (!coversBody) keepNewest(this.#cache, key, challenge, MAX_CACHED_CHALLENGES);
    return challenge;
  }

  for(request: BoundRequest, { payTo, ledger, storesAnswers, flow }: Seller): Challenge {
    const { amount, description, mimeType, maxTimeoutSeconds, extensions } = this.#options;
    const terms = { scheme: SCHEME, network: NETWORK, amount, asset: ASSET, payTo };
    const extra = { binding: bindingOf(request, terms), ...(ledger && { ledger }), ...(flow === "upfront" && { paymentFlow: flow }) };
    const offer: PaymentRequirements = { ...terms, maxTimeoutSeconds, extra };
    const resource = { url: request.url, ...(description && { description }), ...(mimeType && { mimeType }) };
    const identifier = storesAnswers && { [PAYMENT_IDENTIFIER]: paymentIdentifier(this.#options.identifier === "required") };
    const offered = (identifier || extensions) && { ...identifier, ...extensions };
    const required: PaymentRequired = {
      x402Version: X402_VERSION,
      error: "payment_required",
      resource,
      accepts: [offer],
      ...(offered && { extensions: offered }),
    };
    return { request, offer, advertised: required.extensions, ...encodeTerms(required) };
  }
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
  const sample = new Challenges(options).for(
    { method: "GET", url: "https://example.com/" },
    { payTo: "1".repeat(44) as AccountId, ledger: "0".repeat(64) as Digest, storesAnswers: true, flow: "upfront" },
  );
  if (sample.header.length > MAX_HEADER_BYTES / 2)
    throw new TypeError("paywall: description and extensions make PAYMENT-REQUIRED too large");
}
