/**
 * Lets the official client pay within a mandate. That client does not tell its schemes which address it pays for, so the scheme
 * here makes a draft without a signature. The fetch below the client sees the request that carries the draft, makes a payment of
 * it for that very request, and signs.
 */

import type { x402Client } from "@x402/core/client";
import type { DefaultAsset, PaymentPayloadResult, SchemeNetworkClient } from "@x402/core/types";
import * as z from "zod/mini";
import { bodyDigest, type Digest } from "../../crypto/digest.ts";
import { isErrorCode } from "../../errors.ts";
import { type BATCH_SETTLEMENT, NETWORK, SCHEME, type Scheme, UPTO, X402_VERSION } from "../../lez.ts";
import { DEFAULT_TIMEOUT_SECONDS, MAX_HEADER_BYTES, MAX_REQUEST_BODY_BYTES } from "../../limits.ts";
import type { Amount } from "../../protocol/amount.ts";
import { authorizationWithin } from "../../protocol/approval.ts";
import { authorizationDigest } from "../../protocol/authorization.ts";
import type { BoundRequest } from "../../protocol/binding.ts";
import { allows, ANY, mandateDigest, type SignedMandate, signedMandateSchema } from "../../protocol/mandate.ts";
import {
  checkPaymentRequest,
  newPaymentRequest,
  type PaymentRequest,
  paymentRequestBodySchema,
  signPaymentRequest,
} from "../../protocol/payment-request.ts";
import { reasonSchema } from "../../protocol/reason.ts";
import type { WalletSigner } from "../../protocol/signer.ts";
import { checkShape, type Parsed } from "../../text/json.ts";
import { unixNow } from "../../time.ts";
import { readLimited } from "../../x402/body.ts";
import { decodeHeader, encodeHeader, PAYMENT_SIGNATURE } from "../../x402/headers.ts";
import { type PaymentPayload, paymentPayloadSchema, type PaymentRequirements, resourceInfoSchema } from "../../x402/x402.ts";
import { objectionOf } from "../mandate-checks.ts";
import { checkAuthorization, verifyPayment } from "../verify.ts";
import { defaultAssetOf, PaymentRefused } from "./scheme.ts";

/** Who signs within which mandate, and why. */
export interface MandateSigner {
  /** The key that the mandate names. It signs each PaymentRequest with its reason, and each payment. */
  agentKey: WalletSigner;
  mandate: SignedMandate;
  /** Why this is bought, in at least 32 visible characters. The payment carries its digest alone. */
  reason: string | ((http: BoundRequest, offer: PaymentRequirements) => string | Promise<string>);
}

export interface MandateFetchOptions extends MandateSigner {
  /** The client that pays with this fetch. `exact` on LEZ is registered with it, and `upto` if the mandate names it. */
  client: Pick<x402Client, "register">;
  /**
   * Told of each payment before it is sent; if it throws, the payment is not sent. After an answer that got lost, present this
   * payload again: a new call pays again. `request` is what evidence needs of the reason.
   */
  onPayment?: (made: { request: PaymentRequest; payload: PaymentPayload }) => void | Promise<void>;
  /** Unix seconds. */
  clock?: () => number;
}

type Fetch = typeof globalThis.fetch;

/**
 * A fetch for `wrapFetchWithPayment`, beside the same client. It refuses with PaymentRefused what the mandate does not cover, terms
 * of another origin than the one fetched, and an offer that is bound to another request. The ledger counts the limits over several
 * payments. A paid request follows no redirect: the payment is for the origin that was fetched.
 * @throws {TypeError} for options with which nothing can be paid
 * @example
 * const client = new x402Client();
 * const pay = wrapFetchWithPayment(mandateFetch(fetch, { client, agentKey, mandate, reason }), client);
 */
export function mandateFetch(fetch: Fetch, options: MandateFetchOptions): Fetch {
  checkOptions(options);
  const mandate = mandateDigest(options.mandate.mandate);
  options.client.register(NETWORK, new DraftScheme(SCHEME, mandate));
  // The official client takes the first offer that it has a scheme for: it must not choose one that the mandate does not pay.
  if (allows(options.mandate.mandate.schemes, UPTO)) options.client.register(NETWORK, new DraftScheme(UPTO, mandate));
  return async (input, init) => {
    const request = new Request(input, init);
    const draft = draftIn(request, mandate);
    if (!draft) return fetch(request);
    const { payload, request: asked } = await complete(draft, request, options);
    await options.onPayment?.({ request: asked, payload });
    const paid = new Request(request, { redirect: "manual" });
    paid.headers.set(PAYMENT_SIGNATURE, encodeHeader(payload));
    return fetch(paid);
  };
}

/** @throws {TypeError} */
export function checkOptions({ agentKey, mandate: signed, reason }: MandateSigner): void {
  const shape = checkShape(signed, signedMandateSchema);
  if (!shape.ok) throw new TypeError(`mandateFetch: mandate: ${shape.problem}`);
  const { agent, payees, origins } = shape.value.mandate;
  if (agentKey.publicKey !== agent) throw new TypeError(`mandateFetch: agentKey: the mandate is for the key ${agent}`);
  // Any host could name any account, and no merchant is pinned here.
  if (payees[0] === ANY && origins[0] === ANY) throw new TypeError("mandateFetch: mandate: must name payees or origins");
  const words = typeof reason === "string" ? checkShape(reason, reasonSchema) : undefined;
  if (words?.ok === false) throw new TypeError(`mandateFetch: reason: ${words.problem}`);
}

/** A draft names the mandate that is to pay. To a merchant it is no payment at all. */
export class DraftScheme implements SchemeNetworkClient {
  readonly scheme: Scheme | typeof BATCH_SETTLEMENT;
  readonly #mandate: Digest;

  constructor(scheme: Scheme | typeof BATCH_SETTLEMENT, mandate: Digest) {
    this.scheme = scheme;
    this.#mandate = mandate;
  }

  findDefaultAsset(asset: string, network: string): DefaultAsset | undefined {
    return defaultAssetOf(asset, network);
  }

  async createPaymentPayload(x402Version: number): Promise<PaymentPayloadResult> {
    if (x402Version !== X402_VERSION) throw new PaymentRefused("invalid_x402_version");
    return { x402Version: X402_VERSION, payload: { draft: this.#mandate } };
  }
}

/** The draft that a request carries; undefined for one without a payment, or with a payment of another scheme or mandate. */
export function draftIn({ headers }: Request, mandate: Digest): PaymentPayload | undefined {
  const header = headers.get(PAYMENT_SIGNATURE);
  if (header === null) return undefined;
  const draftSchema = z.extend(paymentPayloadSchema, { payload: z.strictObject({ draft: z.literal(mandate) }) });
  const draft = decodeHeader(header, draftSchema, header.length);
  return draft.ok ? draft.value : undefined;
}

/** Everything is checked before the agent signs the payment, and its signature before anything is sent. */
async function complete(draft: PaymentPayload, sent: Request, options: MandateFetchOptions) {
  const { agentKey, mandate: signed, clock = unixNow } = options;
  const { accepted } = draft;
  const { ledger } = signed.mandate;
  checkOrigin(draft, sent);
  const now = clock();
  const { request, checked } = await ask(accepted, sent, options, now);

  const authorization = authorizationWithin(signed.mandate, request, checked, now);
  const scheme = accepted.scheme as Scheme; // of a draft, which only the schemes here make
  const code = checkAuthorization(authorization, accepted, accepted, { now, ledger }, scheme);
  if (code) throw new PaymentRefused(code);
  const objection = await objectionOf(authorization, signed);
  if (objection) throw new PaymentRefused(objection.code, objection.detail);
  const withSignature = (signature: string) => ({
    ...draft,
    payload: { authorization, publicKey: agentKey.publicKey, signature, mandate: signed },
  });
  if (encodeHeader(withSignature("0".repeat(128))).length > MAX_HEADER_BYTES) {
    throw new PaymentRefused("payload_too_large", `with this mandate the payment takes more than ${MAX_HEADER_BYTES} bytes`);
  }

  const payload = withSignature(await agentKey.sign(authorizationDigest(authorization)));
  // A signer is other people's code, and may take its time.
  const verified = await verifyPayment(payload, accepted, { now: clock(), ledger }, scheme);
  if (!verified.ok) throw new PaymentRefused(verified.code, verified.detail);
  return { request, payload };
}

/**
 * The agent's signed request for what is sent: its reason is part of what is paid for, and it is paid once.
 * @param session that is asked for, instead of one payment
 */
export async function signRequest(
  offer: PaymentRequirements,
  sent: Request,
  { agentKey, reason }: MandateSigner,
  now: number,
  session?: { deposit: Amount; seconds: number },
): Promise<PaymentRequest> {
  const http = await boundRequestOf(sent);
  const why = typeof reason === "string" ? reason : await reason(http, offer);
  const input = { agent: agentKey, http, offer, reason: why, expiresIn: DEFAULT_TIMEOUT_SECONDS, session };
  return signPaymentRequest(accept(checkShape(newPaymentRequest(input, now), paymentRequestBodySchema)), agentKey);
}

async function ask(offer: PaymentRequirements, sent: Request, options: MandateFetchOptions, now: number) {
  const request = await signRequest(offer, sent, options, now);
  const checked = await checkPaymentRequest(request, now);
  // Of the codes that are no payment's, only `request_too_long` can come up: for the offer's time.
  if (!checked.ok) throw new PaymentRefused(isErrorCode(checked.code) ? checked.code : "validity_too_long", checked.problem);
  return { request, checked };
}

/** The terms must be of the origin that is fetched: a mandate's `origins` mean that one, whatever a 402 says. */
export function checkOrigin({ resource }: PaymentPayload, { url }: Request): void {
  const named = accept(checkShape(resource, resourceInfoSchema)).url;
  const [theirs, fetched] = [URL.parse(named)?.origin, new URL(url).origin];
  if (theirs !== fetched)
    throw new PaymentRefused("mandate_mismatch", `the terms are for ${theirs ?? "no address"}, fetched was ${fetched}`);
}

export async function boundRequestOf(sent: Request): Promise<BoundRequest> {
  const body = await readLimited(sent.clone(), MAX_REQUEST_BODY_BYTES);
  if (!body) throw new PaymentRefused("payload_too_large", `the body of the request has more than ${MAX_REQUEST_BODY_BYTES} bytes`);
  const url = new URL(sent.url);
  url.hash = "";
  return { method: sent.method, url: url.href, ...(body.length > 0 && { bodySha256: bodyDigest(body) }) };
}

function accept<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new PaymentRefused(parsed.code, parsed.problem);
  return parsed.value;
}
