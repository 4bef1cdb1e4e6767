/**
 * The `exact` mechanism on LEZ: is this payload a payment of these requirements, signed by the payer? `upto` differs in its name and in
 * what the amount means, so these are its checks too. Cheap ones come first, each with its own code; spec/scheme_exact_lez.md. The ledger
 * checks nonce and balance.
 */

import type { Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { ASSET, NETWORK, SCHEME, type Scheme, X402_VERSION } from "../lez.ts";
import { CLOCK_SKEW_SECONDS, MAX_VALIDITY_SECONDS } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import { authorizationDigest, type Authorization, transactionOf } from "../protocol/authorization.ts";
import { type ExactPayload, exactPayloadSchema } from "../protocol/exact-payload.ts";
import type { LedgerMandate, LedgerPayment } from "../protocol/ledger-payment.ts";
import { compareOffer, supportsExtra } from "../protocol/offer.ts";
import type { PasskeyRules } from "../protocol/passkey.ts";
import { verifyProof } from "../protocol/proof.ts";
import { type PaymentRefusal, unproved } from "../protocol/refusal.ts";
import { checkShape } from "../text/json.ts";
import { clockDetail } from "../time.ts";
import { paymentPayloadSchema, type PaymentRequirements, paymentRequirementsSchema } from "../x402/x402.ts";
import { checkMandate } from "./mandate-checks.ts";

export type Verification = { ok: true; payment: LedgerPayment; readonly transaction: Digest } | PaymentRefusal;

export interface VerifyContext extends PasskeyRules {
  /** Unix seconds. */
  now: number;
  /** The ledger that would settle. */
  ledger: Digest;
  /**
   * Skips the expiry check, because the caller asks the ledger next. Only the ledger can tell an expired payment from one
   * that settled in time, and the latter must never be called expired.
   */
  expiryIsTheLedgers?: boolean;
}

/**
 * @param payload the PaymentPayload as received, of any shape
 * @param requirements what the merchant asks for, as the merchant sent it
 */
export function verifyExact(payload: unknown, requirements: unknown, context: VerifyContext): Promise<Verification> {
  return verifyPayment(payload, requirements, context, SCHEME);
}

/** @param scheme the only one that payload and requirements may name */
export async function verifyPayment(
  payload: unknown,
  requirements: unknown,
  context: VerifyContext,
  scheme: Scheme,
): Promise<Verification> {
  if (isOtherVersion(payload)) return invalid("invalid_x402_version");
  const envelope = checkShape(payload, paymentPayloadSchema);
  if (!envelope.ok) return invalid(envelope.code, envelope.problem);
  const asked = checkShape(requirements, paymentRequirementsSchema);
  if (!asked.ok) return invalid(asked.code, `paymentRequirements.${asked.problem}`);
  const exact = checkShape(envelope.value.payload, exactPayloadSchema);
  if (!exact.ok) return invalid(exact.code, `payload.${exact.problem}`);

  const { authorization } = exact.value;
  if (authorization.purpose !== undefined) return invalid("invalid_payload", "authorization.purpose: a transfer pays no request");
  const code = checkAuthorization(authorization, envelope.value.accepted, asked.value, context, scheme);
  if (code) return invalid(code, OF_TIME.has(code) ? clockDetail(context.now) : undefined, authorization.from);

  const digest = authorizationDigest(authorization);
  const signed = await checkSigner(exact.value, digest, context);
  if (!signed.ok) return { ...signed, payer: authorization.from };
  return {
    ok: true,
    payment: { ...ledgerPayment(authorization, digest), ...(signed.mandate && { mandate: signed.mandate }) },
    /** Computed on access: a settlement learns it from the ledger. */
    get transaction() {
      return transactionOf(authorization.network, digest);
    },
  };
}

/** The codes of `checkWindow`. A signer whose clock is wrong learns the time of this one. */
export const OF_TIME: ReadonlySet<ErrorCode> = new Set(["payment_not_yet_valid", "payment_expired", "validity_too_long"]);

function invalid(code: ErrorCode, detail?: string, payer?: AccountId): Verification {
  return { ok: false, code, ...(detail && { detail }), ...(payer && { payer }) };
}

/** Checked before the shape: a payload of x402 v1 has another shape too, and its version is the better answer. */
export function isOtherVersion(payload: unknown): boolean {
  if (typeof payload !== "object" || payload === null || !("x402Version" in payload)) return false;
  return typeof payload.x402Version === "number" && payload.x402Version !== X402_VERSION;
}

/**
 * Every check that needs no signature: this authorization pays what is asked, here and now. The facilitator runs it
 * before it verifies a signature, the client before it signs.
 */
export function checkAuthorization(
  authorization: Authorization,
  accepted: PaymentRequirements,
  asked: PaymentRequirements,
  context: VerifyContext,
  scheme: Scheme = SCHEME,
): ErrorCode | undefined {
  return (
    checkTerms(authorization, accepted, asked, context.ledger, scheme) ??
    compareOffer(accepted, asked) ??
    (supportsExtra(asked) ? undefined : "unsupported_extra") ??
    checkWindow(authorization, asked.maxTimeoutSeconds, context)
  );
}

/** The signed, the accepted and the asked terms must be the same, and be for this ledger. */
function checkTerms(
  authorization: Authorization,
  accepted: PaymentRequirements,
  asked: PaymentRequirements,
  ledger: Digest,
  scheme: Scheme,
): ErrorCode | undefined {
  const wanted = { binding: asked.extra?.["binding"] ?? undefined, ledger: asked.extra?.["ledger"] ?? undefined };
  if (differs(scheme, asked.scheme, accepted.scheme, authorization.scheme ?? SCHEME)) return "unsupported_scheme";
  if (differs(NETWORK, asked.network, accepted.network, authorization.network)) return "invalid_network";
  if (differs(ASSET, asked.asset, accepted.asset, authorization.asset)) return "asset_mismatch";
  if (differs(asked.payTo, accepted.payTo, authorization.to) || asked.payTo === authorization.from) return "recipient_mismatch";
  if (differs(asked.amount, accepted.amount, authorization.value)) return "amount_mismatch";
  if (differs(wanted.ledger, authorization.ledger) || (wanted.ledger && differs(ledger, wanted.ledger))) return "ledger_mismatch";
  if (differs(wanted.binding, authorization.binding)) return "binding_mismatch";
  return undefined;
}

function differs(right: unknown, ...stated: unknown[]): boolean {
  return stated.some((value) => value !== right);
}

function checkWindow(
  authorization: Authorization,
  maxTimeoutSeconds: number,
  { now, expiryIsTheLedgers }: VerifyContext,
): ErrorCode | undefined {
  const validAfter = Number(authorization.validAfter);
  const validBefore = Number(authorization.validBefore);
  if (validAfter > now + CLOCK_SKEW_SECONDS) return "payment_not_yet_valid";
  if (validBefore < now && !expiryIsTheLedgers) return "payment_expired";
  const longest = Math.min(maxTimeoutSeconds, MAX_VALIDITY_SECONDS) + CLOCK_SKEW_SECONDS;
  return validBefore - now > longest ? "validity_too_long" : undefined;
}

/**
 * Whether the payer signed the payment or, under a mandate that the payer granted, the key of that mandate's agent.
 * @param digest of the authorization
 */
export async function checkSigner(
  exact: ExactPayload,
  digest: Digest,
  rules: PasskeyRules,
): Promise<{ ok: true; mandate?: LedgerMandate } | PaymentRefusal> {
  const { authorization, mandate } = exact;
  if (authorization.mandate !== undefined) return checkMandate(exact, digest, rules);
  if (mandate !== undefined) return { ok: false, code: "invalid_payload", detail: "payload.mandate: the authorization names none" };
  const proved = await verifyProof(exact, { type: "Authorization", digest, account: authorization.from }, rules);
  return proved.ok ? { ok: true } : unproved(proved, "payload.");
}

function ledgerPayment(authorization: Authorization, digest: Digest): LedgerPayment {
  return {
    payer: authorization.from,
    nonce: authorization.nonce,
    authorizationDigest: digest,
    payee: authorization.to,
    value: authorization.value,
    ...(authorization.scheme && { scheme: authorization.scheme }),
    validAfter: Number(authorization.validAfter),
    validBefore: Number(authorization.validBefore),
    ...(authorization.requestDigest && { requestDigest: authorization.requestDigest }),
  };
}
