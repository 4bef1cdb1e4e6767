/**
 * Whether a payload opens a session that these requirements ask for, and pays its first request. spec/scheme_batch_settlement_lez.md. The
 * facilitator asks before it sets the money aside; the merchant compares the session again with what the ledger returned.
 */

import { hexToBytes } from "../crypto/bytes.ts";
import { canonicalJson, type Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { checkSessionMandate, type SessionOrder } from "../exact/mandate-checks.ts";
import { isOtherVersion, type VerifyContext } from "../exact/verify.ts";
import { ASSET, BATCH_SETTLEMENT, NETWORK } from "../lez.ts";
import { CLOCK_SKEW_SECONDS, MAX_VALIDITY_SECONDS } from "../limits.ts";
import { accountOfKey, type AccountId } from "../protocol/account.ts";
import { approvalNonce } from "../protocol/authorization.ts";
import type { LedgerSession, LedgerSessionMandate } from "../protocol/ledger-session.ts";
import { compareOffer, supportsExtra } from "../protocol/offer.ts";
import type { PasskeyRules } from "../protocol/passkey.ts";
import { isKeyOfPolicy, type Proof, verifyProof } from "../protocol/proof.ts";
import { type PaymentRefusal, unproved } from "../protocol/refusal.ts";
import { type SessionTerms, sessionTermsOf } from "../protocol/session-terms.ts";
import { type Session, sessionId } from "../protocol/session.ts";
import { isGenuineVoucher, type Voucher } from "../protocol/voucher.ts";
import { checkShape } from "../text/json.ts";
import { clockDetail } from "../time.ts";
import { paymentPayloadSchema, type PaymentRequirements, paymentRequirementsSchema } from "../x402/x402.ts";
import { type DepositPayload, depositPayloadSchema } from "./payload.ts";

export type DepositVerification = { ok: true; session: LedgerSession; deposit: DepositPayload } | PaymentRefusal;

/** What a merchant wants of a session that pays it. */
export interface OwnTerms extends Pick<SessionTerms, "ledger" | "receiver" | "withdrawDelay" | "maxSessionSeconds"> {
  payTo: string;
  /** Its own. The facilitator does not know it. */
  origin?: string;
}

interface Objection {
  code: ErrorCode;
  detail?: string;
}

/** The deposit with the terms around it. */
interface Presented {
  session: Session;
  accepted: PaymentRequirements;
  asked: PaymentRequirements;
  context: VerifyContext;
}

/**
 * @param payload the PaymentPayload as received, of any shape
 * @param requirements what the merchant asks for, as the merchant sent it
 */
export async function verifyDeposit(payload: unknown, requirements: unknown, context: VerifyContext): Promise<DepositVerification> {
  if (isOtherVersion(payload)) return invalid({ code: "invalid_x402_version" });
  const envelope = checkShape(payload, paymentPayloadSchema);
  if (!envelope.ok) return invalid({ code: envelope.code, detail: envelope.problem });
  const asked = checkShape(requirements, paymentRequirementsSchema);
  if (!asked.ok) return invalid({ code: asked.code, detail: `paymentRequirements.${asked.problem}` });
  const shaped = checkShape(envelope.value.payload, depositPayloadSchema);
  if (!shaped.ok) return invalid({ code: shaped.code, detail: `payload.${shaped.problem}` });

  const { value: deposit } = shaped;
  const { channelConfig: session } = deposit;
  const presented = { session, accepted: envelope.value.accepted, asked: asked.value, context };
  const id = sessionId(session);
  const objection =
    objectionToTerms(presented) ??
    objectionToParties(session) ??
    objectionToNonce(session) ??
    objectionToTime(session, context) ??
    objectionToVoucher(deposit.voucher, id, presented);
  if (objection) return invalid(objection, session.from);

  const signed = await checkSessionSigner(deposit, id, context);
  if (!signed.ok) return { ...signed, payer: session.from };
  const genuine = await isGenuineVoucher(deposit, session.signer);
  if (!genuine) return invalid({ code: "invalid_signature", detail: "the session's signer did not sign the voucher" }, session.from);
  return { ok: true, session: ledgerSession(session, id, signed.mandate), deposit };
}

function invalid({ code, detail }: Objection, payer?: AccountId): PaymentRefusal {
  return { ok: false, code, ...(detail && { detail }), ...(payer && { payer }) };
}

/** The signed, the accepted and the asked terms must be the same, and be for this ledger. */
function objectionToTerms({ session, accepted, asked, context }: Presented): Objection | undefined {
  if (differs(BATCH_SETTLEMENT, asked.scheme, accepted.scheme)) return { code: "unsupported_scheme" };
  if (differs(NETWORK, asked.network, accepted.network, session.network)) return { code: "invalid_network" };
  if (differs(ASSET, asked.asset, accepted.asset, session.asset)) return { code: "asset_mismatch" };
  if (differs(asked.payTo, accepted.payTo)) return { code: "recipient_mismatch" };
  if (differs(asked.amount, accepted.amount)) return { code: "amount_mismatch" };
  const changed = compareOffer(accepted, asked);
  if (changed) return { code: changed };
  const terms = supportsExtra(asked) ? sessionTermsOf(asked) : undefined;
  if (!terms) return { code: "unsupported_extra", detail: "the offer does not say how a session is opened" };
  if (terms.ledger !== context.ledger) return { code: "ledger_mismatch" };
  return objectionToSession(session, { ...terms, payTo: asked.payTo });
}

/**
 * Whether a session is one of this merchant's terms. The acceptor asks it of each session that a ledger returned: the ledger does not
 * know what a merchant offers.
 */
export function objectionToSession(session: Session, own: OwnTerms): Objection | undefined {
  const offered = (member: string): Objection => ({
    code: "offer_mismatch",
    detail: `channelConfig.${member}: is not what the offer says`,
  });
  if (session.to !== own.payTo || session.from === session.to) return { code: "recipient_mismatch" };
  if (session.ledger !== own.ledger) return { code: "ledger_mismatch" };
  if (session.receiver !== own.receiver) return offered("receiver");
  if (session.withdrawDelay !== String(own.withdrawDelay)) return offered("withdrawDelay");
  if (Number(session.expiresAt) - Number(session.validAfter) > own.maxSessionSeconds) return offered("expiresAt");
  return own.origin !== undefined && session.origin !== own.origin ? offered("origin") : undefined;
}

/** Three keys with three powers: the payer's spends, the signer's signs vouchers, the receiver's claims. */
function objectionToParties({ from, signer, receiver }: Session): Objection | undefined {
  if (signer === receiver) return ofSigner("is the payee's key for claims");
  return accountOfKey(hexToBytes(signer)) === from ? ofSigner("is the key of the account") : undefined;
}

function ofSigner(problem: string): Objection {
  return { code: "invalid_payload", detail: `payload.channelConfig.signer: ${problem}` };
}

/** Under a mandate the request is required; the mandate's checks say so. */
function objectionToNonce({ from, nonce, requestDigest }: Session): Objection | undefined {
  if (requestDigest === undefined || nonce === approvalNonce(from, requestDigest)) return undefined;
  return { code: "invalid_payload", detail: "payload.channelConfig.nonce: must be that of the request" };
}

function objectionToTime(session: Session, { now, expiryIsTheLedgers }: VerifyContext): Objection | undefined {
  const validBefore = Number(session.validBefore);
  const ofTime = (code: ErrorCode): Objection => ({ code, detail: clockDetail(now) });
  if (Number(session.validAfter) > now + CLOCK_SKEW_SECONDS) return ofTime("payment_not_yet_valid");
  if (validBefore < now && !expiryIsTheLedgers) return ofTime("payment_expired");
  return validBefore - now > MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS ? ofTime("validity_too_long") : undefined;
}

/** The acceptor judges the voucher's lane and serial. Money for a voucher that pays nothing is not set aside. */
function objectionToVoucher(voucher: Voucher, id: Digest, { session, asked }: Presented): Objection | undefined {
  if (voucher.session !== id) return { code: "invalid_payload", detail: "payload.voucher.session: is not this session's id" };
  if (voucher.binding !== (asked.extra?.["binding"] ?? undefined)) return { code: "binding_mismatch" };
  if (BigInt(voucher.maxClaimableAmount) > BigInt(session.deposit)) return { code: "session_exhausted" };
  const covers = BigInt(voucher.maxClaimableAmount) >= BigInt(asked.amount);
  return covers ? undefined : { code: "voucher_out_of_step", detail: "payload.voucher.maxClaimableAmount: is less than the amount" };
}

/** Whether the payer signed the session or, within a mandate of the payer's, its agent did. Of a session of any age. */
export async function checkSessionSigner(
  { channelConfig: session, mandate, ...proof }: { channelConfig: Session; mandate?: unknown } & Proof,
  id: Digest,
  rules: PasskeyRules,
): Promise<{ ok: true; mandate?: LedgerSessionMandate } | PaymentRefusal> {
  if (session.mandate !== undefined) return checkSessionMandate(orderOf(session), id, { ...proof, mandate }, rules);
  if (mandate !== undefined) return { ok: false, code: "invalid_payload", detail: "payload.mandate: the session names none" };
  if (isKeyOfPolicy(session.signer, proof)) return invalid(ofSigner("is a key of the account"), session.from);
  const proved = await verifyProof(proof, { type: "Session", digest: id, account: session.from }, rules);
  return proved.ok ? { ok: true } : unproved(proved, "payload.");
}

/** A session in the words of a payment. Its window is its whole life. */
export function orderOf(session: Session): SessionOrder {
  return { ...session, value: session.deposit, validBefore: session.expiresAt, scheme: BATCH_SETTLEMENT };
}

function ledgerSession(session: Session, id: Digest, mandate: LedgerSessionMandate | undefined): LedgerSession {
  const { from, to, nonce, signer, receiver, deposit, requestDigest } = session;
  return {
    id,
    config: canonicalJson(session),
    payer: from,
    nonce,
    payee: to,
    signer,
    receiver,
    deposit,
    validAfter: Number(session.validAfter),
    validBefore: Number(session.validBefore),
    expiresAt: Number(session.expiresAt),
    withdrawDelay: Number(session.withdrawDelay),
    ...(requestDigest && { requestDigest }),
    ...(mandate && { mandate }),
  };
}

function differs(right: unknown, ...stated: unknown[]): boolean {
  return stated.some((value) => value !== right);
}
