/** The PaymentRequest: an agent asks its owner to pay for one request, and says why. spec/protocol.md §6. */

import * as z from "zod/mini";
import { bytesToHex, publicKeySchema, randomBytes, signatureSchema } from "../crypto/bytes.ts";
import { digestCode } from "../crypto/digest-code.ts";
import { canonicalJson, type Digest, digest } from "../crypto/digest.ts";
import { verifyDigest } from "../crypto/ed25519.ts";
import { ASSET, BATCH_SETTLEMENT, NETWORK, SCHEME, UPTO, isNativeNetwork } from "../lez.ts";
import {
  CLOCK_SKEW_SECONDS,
  MAX_NAME_LENGTH,
  MAX_OFFER_LENGTH,
  MAX_REQUEST_LIFE_SECONDS,
  MAX_SESSION_SECONDS,
  MAX_VALIDITY_SECONDS,
} from "../limits.ts";
import { parseJson } from "../text/json.ts";
import { humanText } from "../text/text.ts";
import { clockDetail, formatTimestamp, parseTimestamp, timestampSchema } from "../time.ts";
import { type PaymentRequirements, paymentRequirementsSchema } from "../x402/x402.ts";
import { accountIdSchema } from "./account.ts";
import { type Amount, amountSchema } from "./amount.ts";
import { boundRequestSchema, bindingScope, type BindingScope, type BoundRequest } from "./binding.ts";
import { supportsExtra } from "./offer.ts";
import { reasonSchema } from "./reason.ts";
import { type SessionTerms, sessionTermsOf } from "./session-terms.ts";
import type { WalletSigner } from "./signer.ts";
import { wholeText } from "./whole-text.ts";

export const paymentRequestBodySchema = z.strictObject({
  version: z.literal("1"),
  id: z.string().check(z.regex(/^pr_[0-9a-z]{16,40}$/, "must look like pr_ and 16 to 40 characters")),
  createdAt: timestampSchema,
  /** The last moment at which the owner can approve. */
  expiresAt: timestampSchema,
  agent: z.strictObject({ publicKey: publicKeySchema, name: z.optional(humanText(MAX_NAME_LENGTH)) }),
  /** The payee as the agent names it. */
  merchant: z.strictObject({ name: humanText(MAX_NAME_LENGTH), url: boundRequestSchema.shape.url }),
  /** The request that will carry the payment. */
  http: boundRequestSchema,
  payment: z.strictObject({
    scheme: z.string().check(z.maxLength(32)),
    network: z.string().check(z.maxLength(64)),
    asset: z.string().check(z.maxLength(64)),
    /** Atomic units. Of scheme `upto`: the most that can be charged. */
    amount: amountSchema,
    payTo: accountIdSchema,
    maxTimeoutSeconds: z.string().check(z.regex(/^[1-9][0-9]{0,5}$/, "must be whole seconds as a decimal string")),
    /** The canonical text of the chosen entry of `accepts`, to be echoed to the byte. */
    offer: z.string().check(z.maxLength(MAX_OFFER_LENGTH)),
    /** Of scheme `batch-settlement`: what the session sets aside, in atomic units, and how long it lasts. */
    session: z.optional(z.strictObject({ deposit: amountSchema, seconds: wholeText(1, MAX_SESSION_SECONDS) })),
  }),
  reason: reasonSchema,
});
export type PaymentRequestBody = z.infer<typeof paymentRequestBodySchema>;

export const paymentRequestSchema = z.extend(paymentRequestBodySchema, { agentSignature: signatureSchema });
export type PaymentRequest = z.infer<typeof paymentRequestSchema>;

export function requestDigest(request: PaymentRequestBody | PaymentRequest): Digest {
  const { agentSignature: _, ...body } = request as PaymentRequest;
  return digest("PaymentRequest", body);
}

/** `7F3K-9QPD`: 40 bits of the digest, for two people (or a person and a log) to compare. Crockford's alphabet. */
export function shortCode(digestHex: Digest): string {
  return digestCode(digestHex, 2);
}

export interface NewRequest {
  agent: { publicKey: string; name?: string | undefined };
  http: BoundRequest;
  offer: PaymentRequirements;
  reason: string;
  /** The payee as the agent names it; absent: the host of the URL. */
  merchantName?: string | undefined;
  /** Seconds in which the owner can approve it. */
  expiresIn: number;
  /** For an offer of `batch-settlement`: the session that is asked for, in atomic units and seconds. */
  session?: { deposit: Amount; seconds: number } | undefined;
}

/**
 * A request with an id of its own, so that it is paid once. `checkPaymentRequest` judges it once it is signed.
 * @param now unix seconds
 */
export function newPaymentRequest(
  { agent, http, offer, reason, merchantName, expiresIn, session }: NewRequest,
  now: number,
): PaymentRequestBody {
  const asked = session && { session: { deposit: session.deposit, seconds: String(session.seconds) } };
  return {
    version: "1",
    id: `pr_${bytesToHex(randomBytes(10))}`,
    createdAt: formatTimestamp(now),
    expiresAt: formatTimestamp(now + expiresIn),
    agent: { publicKey: agent.publicKey, ...(agent.name && { name: agent.name }) },
    merchant: { name: merchantName ?? new URL(http.url).host, url: http.url },
    http,
    payment: { ...(paymentFields(offer) as PaymentRequestBody["payment"]), ...asked },
    reason,
  };
}

/** The agent's signature completes the request. */
export async function signPaymentRequest(body: PaymentRequestBody, agent: WalletSigner): Promise<PaymentRequest> {
  return { ...body, agentSignature: await agent.sign(requestDigest(body)) };
}

/** The payment fields of a request, taken from an offer. */
export function paymentFields(offer: PaymentRequirements) {
  const { scheme, network, asset, amount, payTo, maxTimeoutSeconds } = offer;
  return { scheme, network, asset, amount, payTo, maxTimeoutSeconds: String(maxTimeoutSeconds), offer: canonicalJson(offer) };
}

export type RequestCheck =
  | { ok: true; digest: Digest; offer: PaymentRequirements; scope: BindingScope }
  | { ok: false; code: RequestRefusal; problem: string };

export type RefusedRequest = Extract<RequestCheck, { ok: false }>;

/** `session`: what is asked for, in atomic units and seconds, and the offer's terms. */
export type SessionRequestCheck =
  | (Extract<RequestCheck, { ok: true }> & { session: { deposit: Amount; seconds: number; terms: SessionTerms } })
  | Extract<RequestCheck, { ok: false }>;

export type RequestRefusal =
  | "unsupported_scheme"
  | "invalid_network"
  | "asset_mismatch"
  | "offer_mismatch"
  | "binding_mismatch"
  | "unsupported_extra"
  | "ledger_mismatch"
  | "amount_mismatch"
  | "recipient_mismatch"
  | "origin_mismatch"
  | "request_expired"
  | "request_too_long"
  | "invalid_signature";

/**
 * Checks a request for one payment, offline. An owner's tool trusts only requests that pass: the scalars are the offer's, the binding is
 * recomputed from the request shown, and the agent's signature covers all of it.
 * @param now unix seconds
 */
export async function checkPaymentRequest(request: PaymentRequest, now: number): Promise<RequestCheck> {
  if (request.payment.session) return refusedFor("unsupported_scheme", "it asks for a session, not for one payment");
  return checkRequest(request, now, (offer) => foreignTerm(offer, [SCHEME, UPTO]));
}

/** Whether a request is for the chain itself. */
export function isNativeRequest({ payment }: Pick<PaymentRequest, "payment">): boolean {
  return isNativeNetwork(payment.network);
}

/** The same of a request for a session: what is signed for one is another object, with another screen. @param now unix seconds */
export async function checkSessionRequest(request: PaymentRequest, now: number): Promise<SessionRequestCheck> {
  const { session, amount } = request.payment;
  if (!session) return refusedFor("unsupported_scheme", "it asks for one payment, not for a session");
  const checked = await checkRequest(request, now, (offer) => foreignTerm(offer, [BATCH_SETTLEMENT]));
  if (!checked.ok) return checked;
  const terms = sessionTermsOf(checked.offer);
  if (!terms) return refusedFor("unsupported_extra", "the offer says not how a session is opened");
  const { deposit } = session;
  const seconds = Number(session.seconds);
  if (BigInt(deposit) < BigInt(amount)) return refusedFor("offer_mismatch", "payment.session.deposit does not cover one request");
  if (seconds > terms.maxSessionSeconds)
    return refusedFor("offer_mismatch", `payment.session.seconds: the offer allows ${terms.maxSessionSeconds}`);
  return { ...checked, session: { deposit, seconds, terms } };
}

/** @param foreign why the offer cannot be paid at all */
export async function checkRequest(
  request: PaymentRequest,
  now: number,
  foreign: (offer: PaymentRequirements) => RefusedRequest | undefined,
): Promise<RequestCheck> {
  const parsed = parseJson(request.payment.offer, MAX_OFFER_LENGTH, paymentRequirementsSchema);
  if (!parsed.ok) return refusedFor("offer_mismatch", `payment.offer: ${parsed.problem}`);
  const offer = parsed.value;
  const stated = paymentFields(offer);
  const differing = Object.entries(stated).find(([key, value]) => request.payment[key as keyof typeof stated] !== value);
  if (differing) return refusedFor("offer_mismatch", `payment.${differing[0]} is not what the offer says`);
  const other = foreign(offer);
  if (other) return other;
  if (new URL(request.merchant.url).origin !== new URL(request.http.url).origin) {
    return refusedFor("origin_mismatch", `${new URL(request.http.url).origin} is not where ${new URL(request.merchant.url).origin} lives`);
  }
  const scope = bindingScope(request.http, offer);
  if (!scope) return refusedFor("binding_mismatch", "the offer's binding is for another request than the one shown");

  const created = parseTimestamp(request.createdAt) ?? 0;
  const expires = parseTimestamp(request.expiresAt) ?? 0;
  if (expires < now) return refusedFor("request_expired", `expired at ${request.expiresAt}; ${clockDetail(now)}`);
  if (created > now + CLOCK_SKEW_SECONDS) {
    return refusedFor("request_too_long", `clock skew: it was made at ${request.createdAt}, which is in the future; ${clockDetail(now)}`);
  }
  const tooLong = expires - created > MAX_REQUEST_LIFE_SECONDS || expires <= created;
  if (tooLong) return refusedFor("request_too_long", `a request lives at most ${MAX_REQUEST_LIFE_SECONDS} seconds`);
  if (Number(request.payment.maxTimeoutSeconds) > MAX_VALIDITY_SECONDS)
    return refusedFor("request_too_long", `maxTimeoutSeconds above ${MAX_VALIDITY_SECONDS}`);

  const digestHex = requestDigest(request);
  if (!(await verifyDigest(request.agentSignature, digestHex, request.agent.publicKey))) {
    return refusedFor("invalid_signature", "the agent's signature does not fit: the request was changed after it was made");
  }
  return { ok: true, digest: digestHex, offer, scope };
}

/** An owner's key of the mock signs for its schemes, network and asset only: the screen describes nothing else. */
function foreignTerm(offer: PaymentRequirements, schemes: readonly string[]): RefusedRequest | undefined {
  const no = (code: RequestRefusal) => refusedFor(code, "the offer is not of a scheme, network and asset that can be paid here");
  if (isNativeNetwork(offer.network))
    return refusedFor(
      "invalid_network",
      `it is paid on ${offer.network}, the chain itself: only a key of the chain signs that, at a terminal`,
    );
  if (!schemes.includes(offer.scheme)) return no("unsupported_scheme");
  if (offer.network !== NETWORK) return no("invalid_network");
  if (offer.asset !== ASSET) return no("asset_mismatch");
  if (supportsExtra(offer)) return undefined;
  return refusedFor(
    "unsupported_extra",
    "the offer asks for splits, for an unknown payment flow or transfer method, or names a unit without its price",
  );
}

export function refusedFor(code: RequestRefusal, problem: string): RefusedRequest {
  return { ok: false, code, problem };
}
