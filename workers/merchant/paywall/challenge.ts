/** The challenge: the terms of one request, encoded. Terms that do not depend on a body are encoded once and kept. */
import { type BoundRequest, bindingOf } from "../../../shared/binding.ts";
import type { AccountId } from "../../../shared/account.ts";
import type { Digest } from "../../../shared/digest.ts";
import { PAYMENT_IDENTIFIER, paymentIdentifier } from "../../../shared/extensions/payment-identifier.ts";
import { encodeHeader } from "../../../shared/headers.ts";
import { ASSET, NETWORK, SCHEME, X402_VERSION } from "../../../shared/lez.ts";
import { MAX_CACHED_CHALLENGES, MAX_HEADER_BYTES } from "../../../shared/limits.ts";
import type { PaymentRequired, PaymentRequirements } from "../../../shared/x402.ts";
import type { KnownLedger } from "./ledger-terms.ts";
import type { CheckedOptions } from "./options.ts";

export interface Challenge {
  /** What the merchant asks for this very request. */
  offer: PaymentRequirements;
  /** What a payment for this request is bound to. */
  fingerprint: Digest;
  required: PaymentRequired;
  /** The extensions that a client must echo; a signed offer is not one of them, since it changes with time. */
  advertised: PaymentRequired["extensions"];
  /** `required` with error `payment_required`, as PAYMENT-REQUIRED carries it. */
  header: string;
}

export class Challenges {
  readonly #options: CheckedOptions;
  readonly #cache = new Map<string, Challenge>();

  constructor(options: CheckedOptions) {
    this.#options = options;
  }

  for(request: BoundRequest, payTo: AccountId, { ledger }: KnownLedger, keepsAnswers: boolean): Challenge {
    if (request.bodySha256) return this.#make(request, payTo, ledger, keepsAnswers);
    const key = `${ledger ?? ""} ${payTo} ${keepsAnswers} ${request.method} ${request.url}`;
    const known = this.#cache.get(key);
    if (known) return known;
    const challenge = this.#make(request, payTo, ledger, keepsAnswers);
    const oldest = this.#cache.keys().next().value;
    if (this.#cache.size >= MAX_CACHED_CHALLENGES && oldest !== undefined) this.#cache.delete(oldest);
    this.#cache.set(key, challenge);
    return challenge;
  }

  #make(request: BoundRequest, payTo: AccountId, ledger: Digest | undefined, keepsAnswers: boolean): Challenge {
    const { amount, description, mimeType, maxTimeoutSeconds, flow, extensions } = this.#options;
    const terms = { scheme: SCHEME, network: NETWORK, amount, asset: ASSET, payTo };
    const binding = bindingOf(request, terms);
    const extra = { binding, ...(ledger && { ledger }), ...(flow === "upfront" && { paymentFlow: flow }) };
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
    return { offer, fingerprint: binding, required, advertised: required.extensions, header: encodeHeader(required) };
  }
}

/** @throws {TypeError} when no client would take the header, whatever the request */
export function checkChallengeSize(options: CheckedOptions): void {
  const stand = "1".repeat(44) as AccountId;
  const sample = new Challenges(options).for(
    { method: "GET", url: "https://example.com/" },
    stand,
    { ledger: "0".repeat(64) as Digest },
    true,
  );
  if (sample.header.length > MAX_HEADER_BYTES / 2)
    throw new TypeError("paywall: description and extensions make PAYMENT-REQUIRED too large");
}
