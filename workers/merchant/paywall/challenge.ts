/** The challenge: the terms of one request, encoded. Terms that do not depend on a body are encoded once and kept. */
import type { Context } from "hono";
import { type BoundRequest, bindingOf } from "../../../shared/protocol/binding.ts";
import { keepNewest } from "../../../shared/bounded.ts";
import type { AccountId } from "../../../shared/protocol/account.ts";
import type { Digest } from "../../../shared/crypto/digest.ts";
import { errorBody } from "../../../shared/errors.ts";
import { PAYMENT_IDENTIFIER, paymentIdentifier } from "../../../shared/extensions/payment-identifier.ts";
import { encodeHeader, PAYMENT_ERROR, PAYMENT_REQUIRED } from "../../../shared/x402/headers.ts";
import { ASSET, NETWORK, SCHEME, X402_VERSION } from "../../../shared/lez.ts";
import { MAX_CACHED_CHALLENGES, MAX_HEADER_BYTES } from "../../../shared/limits.ts";
import type { PaymentRequired, PaymentRequirements } from "../../../shared/x402/x402.ts";
import { boundRequest } from "./bound-request.ts";
import type { Bind, CheckedOptions, PaywallEnv } from "./options.ts";

export interface Challenge {
  /** The request that it prices. */
  request: BoundRequest;
  /** What the merchant asks for this very request. */
  offer: PaymentRequirements;
  required: PaymentRequired;
  /** The extensions that a client must echo; a signed offer is not one of them, since it changes with time. */
  advertised: PaymentRequired["extensions"];
  /** `required` with error `payment_required`, as PAYMENT-REQUIRED carries it. */
  header: string;
  /** The 402 of a request without a payment. */
  headers: Headers;
  body: string;
}

/** What a challenge says that is not in the request: the same for every request, as long as seller and ledger are. */
export interface Seller {
  payTo: AccountId;
  /** Absent where the facilitator names none. */
  ledger?: Digest | undefined;
  /** Whether a payment identifier is offered. */
  keepsAnswers: boolean;
}

export class Challenges {
  readonly #options: CheckedOptions;
  readonly #cache = new Map<string, Challenge>();

  constructor(options: CheckedOptions) {
    this.#options = options;
  }

  /** The challenge for a request as it came; undefined when its body is larger than a merchant reads to price it. */
  async of(c: Context<PaywallEnv>, seller: Seller): Promise<Challenge | undefined> {
    const { method, url, raw } = c.req;
    const bind = this.#options.bind ?? defaultBind(method);
    // The address says it all, unless what is sold depends on what is sent.
    const bodyCounts = bind === "body" && raw.body !== null;
    const key = `${method} ${url} ${c.env.PUBLIC_ORIGIN} ${seller.payTo} ${seller.ledger} ${seller.keepsAnswers}`;
    const known = bodyCounts ? undefined : this.#cache.get(key);
    if (known) return known;
    const request = await boundRequest(c, bind);
    if (!request) return undefined;
    const challenge = this.for(request, seller);
    if (!bodyCounts) keepNewest(this.#cache, key, challenge, MAX_CACHED_CHALLENGES);
    return challenge;
  }

  for(request: BoundRequest, { payTo, ledger, keepsAnswers }: Seller): Challenge {
    const { amount, description, mimeType, maxTimeoutSeconds, flow, extensions } = this.#options;
    const terms = { scheme: SCHEME, network: NETWORK, amount, asset: ASSET, payTo };
    const extra = { binding: bindingOf(request, terms), ...(ledger && { ledger }), ...(flow === "upfront" && { paymentFlow: flow }) };
    const offer: PaymentRequirements = { ...terms, maxTimeoutSeconds, extra };
    const resource = { url: request.url, ...(description && { description }), ...(mimeType && { mimeType }) };
    const identifier = keepsAnswers && { [PAYMENT_IDENTIFIER]: paymentIdentifier(this.#options.identifier === "required") };
    const offered = (identifier || extensions) && { ...identifier, ...extensions };
    const required: PaymentRequired = {
      x402Version: X402_VERSION,
      error: "payment_required",
      resource,
      accepts: [offer],
      ...(offered && { extensions: offered }),
    };
    return { request, offer, advertised: required.extensions, ...encoded(required) };
  }
}

/** Terms with their encodings. */
export function encoded(required: PaymentRequired): Pick<Challenge, "required" | "header" | "headers" | "body"> {
  const header = encodeHeader(required);
  const headers = new Headers({
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    [PAYMENT_ERROR]: "payment_required",
    [PAYMENT_REQUIRED]: header,
  });
  return { required, header, headers, body: JSON.stringify({ ...required, ...errorBody("payment_required") }) };
}

function defaultBind(method: string): Bind {
  return method === "GET" || method === "HEAD" ? "query" : "body";
}

/** @throws {TypeError} when no client would take the header, whatever the request */
export function checkChallengeSize(options: CheckedOptions): void {
  const sample = new Challenges(options).for(
    { method: "GET", url: "https://example.com/" },
    { payTo: "1".repeat(44) as AccountId, ledger: "0".repeat(64) as Digest, keepsAnswers: true },
  );
  if (sample.header.length > MAX_HEADER_BYTES / 2)
    throw new TypeError("paywall: description and extensions make PAYMENT-REQUIRED too large");
}
