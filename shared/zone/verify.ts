/**
 * The mechanism `exact` on the chain itself: is this payload a payment of these requirements, signed by the payer? Rows 1 to 12 of the
 * table in spec/scheme_exact_lez_native.md, in its order: they need no chain and no memory. The payer's lane and the chain check the rest.
 */

import { keepNewest } from "../bounded.ts";
import { bytesToHex, fromBase64, hexToBytes, toBase64 } from "../crypto/bytes.ts";
import { type Digest, digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { ASSET, type NativeNetwork, SCHEME, X402_VERSION } from "../lez.ts";
import {
  CLOCK_SKEW_SECONDS,
  MAX_FACILITATOR_BODY_BYTES,
  MAX_NATIVE_GAS_LIMIT,
  MAX_REMEMBERED_SIGNATURES,
  MAX_VALIDITY_SECONDS,
} from "../limits.ts";
import { isAmount } from "../protocol/amount.ts";
import { compareOffer } from "../protocol/offer.ts";
import { checkShape } from "../text/json.ts";
import { clockDetail } from "../time.ts";
import { paymentPayloadSchema, type PaymentRequirements, paymentRequirementsSchema } from "../x402/x402.ts";
import { isSystemAccount, type LezAccountId, lezAccountOfKey } from "./account.ts";
import type { LanePayment } from "./lane-row.ts";
import { isCurveKey, verifySchnorr } from "./schnorr.ts";
import { type NativePayload, nativePayloadSchema, type NativeStatement, statementDigest } from "./statement.ts";
import { type NativeOffer, type NativeTerms, nativeTermsOf } from "./terms.ts";
import { decodeTransfer, type NativeTransfer, TRANSFER_BYTES, TRANSFER_TEXT_LENGTH } from "./transfer.ts";

export interface NativeVerifyContext extends NativeOffer {
  /** Unix seconds. */
  now: number;
  /** The network of this mechanism. */
  network: NativeNetwork;
  /** The hash of block 1. */
  ledger: Digest;
  /** Skips the expiry check: only the payer's lane can tell an expired payment from one that was sent in time. */
  expiryIsTheLanes?: boolean;
}

/** A payment that needs nothing more than the lane and the chain. `fingerprint` is the digest of its statement or, without one, of the offer. */
export interface NativePayment extends LanePayment {
  requestDigest?: Digest;
}

export interface NativeRefusal {
  ok: false;
  code: ErrorCode;
  detail?: string;
  /** If the payload names one. */
  payer?: LezAccountId;
}

export type NativeVerification = { ok: true; payment: NativePayment } | NativeRefusal;

/**
 * Never throws. Row 1's size is checked where the bytes arrive.
 * @param payload the PaymentPayload as received, of any shape
 * @param requirements what the merchant asks for, as the merchant sent it
 */
export function verifyNative(payload: unknown, requirements: unknown, context: NativeVerifyContext): NativeVerification {
  // 1: the envelope, whose version is the better answer where its shape is another one's.
  if (isOtherVersion(payload)) return refused("invalid_x402_version");
  const envelope = checkShape(payload, paymentPayloadSchema);
  if (!envelope.ok) return refused(envelope.code, envelope.problem);
  const shape = checkShape(requirements, paymentRequirementsSchema);
  if (!shape.ok) return refused(shape.code, `paymentRequirements.${shape.problem}`);
  const [asked, { accepted }] = [shape.value, envelope.value];

  // 2 to 4: the offer.
  if (asked.scheme !== SCHEME || accepted.scheme !== SCHEME) return refused("unsupported_scheme");
  if (asked.network !== context.network || accepted.network !== context.network) return refused("invalid_network");
  if (asked.asset !== ASSET || accepted.asset !== ASSET) return refused("asset_mismatch");
  const terms = nativeTermsOf(asked.extra ?? {}, isAmount(asked.amount) ? BigInt(asked.amount) : 0n, context);
  if (!terms) return refused("unsupported_extra");
  if (asked.extra?.["ledger"] !== context.ledger) return refused("ledger_mismatch");
  const difference = compareOffer(accepted, asked);
  if (difference) return refused(difference);

  // 5 and 6: the transaction.
  if ("authorization" in envelope.value.payload) return refused("invalid_payload", NO_AUTHORIZATION);
  const native = checkShape(envelope.value.payload, nativePayloadSchema);
  if (!native.ok) return refused(native.code, `payload.${native.problem}`);
  const wire = wireOf(native.value.signedTx);
  if (typeof wire === "string") return refused("invalid_payload", `payload.signedTx: ${wire}`);
  const decoded = decodeTransfer(wire);
  if (!decoded.ok) {
    // 7, of which the amount is the other half.
    return refused(decoded.fault === "instruction" ? "amount_mismatch" : "invalid_payload", notATransfer(decoded.problem));
  }
  const { transfer, h, id } = decoded;
  const offerRefusal = checkTransfer(transfer, asked, terms) ?? checkStatement(native.value, h, asked, terms, context);
  if (offerRefusal) return { ...offerRefusal, payer: transfer.from };
  const signatureRefusal = checkSigner(transfer, h, native.value);
  if (signatureRefusal) return { ...signatureRefusal, payer: transfer.from };

  const { statement } = native.value;
  return {
    ok: true,
    payment: {
      h,
      transaction: id,
      wire: native.value.signedTx,
      payer: transfer.from,
      payee: transfer.to,
      value: transfer.value,
      nonce: transfer.nonce,
      maxFee: transfer.fee.maxFee,
      fingerprint: statement ? statementDigest(statement) : offerDigest(asked, terms, context),
      finality: terms.finality,
      validBefore: statement ? Number(statement.validBefore) : context.now + longestValidity(asked),
      ...(statement?.requestDigest && { requestDigest: statement.requestDigest }),
    },
  };
}

const NO_AUTHORIZATION =
  "an Authorization pays nothing here, whatever its proof: the chain takes a transfer that one of its own keys signed, and no passkey or policy has such a key";

function refused(code: ErrorCode, detail?: string): NativeRefusal {
  return { ok: false, code, ...(detail !== undefined && { detail }) };
}

function isOtherVersion(payload: unknown): boolean {
  if (typeof payload !== "object" || payload === null || !("x402Version" in payload)) return false;
  return typeof payload.x402Version === "number" && payload.x402Version !== X402_VERSION;
}

/** 5: the bytes of the one text that stands for them, or what is wrong with it. */
function wireOf(signedTx: string): Uint8Array | string {
  if (signedTx.length > MAX_FACILITATOR_BODY_BYTES) return `must have ${TRANSFER_TEXT_LENGTH} characters`;
  const wire = fromBase64(signedTx);
  if (!wire || toBase64(wire) !== signedTx) return "must be standard padded base64";
  if (wire.length === TRANSFER_BYTES) return wire;
  // Of another size it is no transfer, and its decoder knows best why.
  const decoded = decodeTransfer(wire);
  return notATransfer(decoded.ok ? `it has ${wire.length} bytes` : decoded.problem);
}

function notATransfer(problem: string): string {
  return `not a native transfer of v0.3: ${problem}`;
}

/** 7 to 9: amount, recipient, fee. */
function checkTransfer(
  { from, to, value, fee }: NativeTransfer,
  asked: PaymentRequirements,
  terms: NativeTerms,
): NativeRefusal | undefined {
  if (value < 1n || value.toString() !== asked.amount) return refused("amount_mismatch");
  if (to !== asked.payTo || to === from) return refused("recipient_mismatch");
  if (isSystemAccount(to)) return refused("recipient_mismatch", "payTo is an account of the chain itself");
  if (fee.payer !== from) return refused("fee_rejected", "the payer of the fee is not the payer");
  if (fee.gasLimit > MAX_NATIVE_GAS_LIMIT) return refused("fee_rejected", `gas_limit is above ${MAX_NATIVE_GAS_LIMIT}`);
  if (fee.tip !== 0n) return refused("fee_rejected", "tip must be 0");
  return fee.maxFee > terms.maxFee ? refused("fee_rejected", `max_fee is above ${terms.maxFee}`) : undefined;
}

/** 10: the statement. */
function checkStatement(
  { statement, signature }: NativePayload,
  h: Digest,
  asked: PaymentRequirements,
  terms: NativeTerms,
  context: NativeVerifyContext,
): NativeRefusal | undefined {
  if ((statement === undefined) !== (signature === undefined)) {
    return refused("invalid_payload", "payload.statement and payload.signature: one of them is missing");
  }
  if (!statement) return terms.statement === "required" ? refused("binding_mismatch", "the offer requires a statement") : undefined;
  if (statement.messageHash !== h) return refused("binding_mismatch", "the statement is about another transaction");
  if (statement.network !== context.network || statement.ledger !== context.ledger) return refused("ledger_mismatch");
  if (statement.binding !== terms.binding) return refused("binding_mismatch");
  const code = checkWindow(statement, asked, context);
  return code && refused(code, clockDetail(context.now));
}

function checkWindow(statement: NativeStatement, asked: PaymentRequirements, context: NativeVerifyContext): ErrorCode | undefined {
  const { now, expiryIsTheLanes } = context;
  const validBefore = Number(statement.validBefore);
  if (Number(statement.validAfter) > now + CLOCK_SKEW_SECONDS) return "payment_not_yet_valid";
  if (validBefore < now && !expiryIsTheLanes) return "payment_expired";
  return validBefore - now > longestValidity(asked) + CLOCK_SKEW_SECONDS ? "validity_too_long" : undefined;
}

function longestValidity({ maxTimeoutSeconds }: PaymentRequirements): number {
  return Math.floor(Math.min(maxTimeoutSeconds, MAX_VALIDITY_SECONDS));
}

/** 11 and 12: the account is the key's, and the key signed both. */
function checkSigner(transfer: NativeTransfer, h: Digest, { statement, signature }: NativePayload): NativeRefusal | undefined {
  const { publicKey } = transfer;
  if (transfer.from !== lezAccountOfKey(publicKey))
    return refused("invalid_signature", "the transaction is signed by another account's key");
  if (!isCurveKey(publicKey)) return refused("invalid_signature", "the key is no point of the curve");
  if (!verifiedBefore(transfer.signature, h, publicKey)) return refused("invalid_signature", "payload.signedTx");
  if (!statement || !signature) return undefined;
  const isSigned = verifiedBefore(hexToBytes(signature), statementDigest(statement), publicKey);
  return isSigned ? undefined : refused("invalid_signature", "payload.signature");
}

/** Signatures that verified, by signature, hash and key: /settle follows /verify within a moment. */
const good = new Map<string, true>();

function verifiedBefore(signature: Uint8Array, hash: Digest, publicKey: Uint8Array): boolean {
  const all = `${bytesToHex(signature)} ${hash} ${bytesToHex(publicKey)}`;
  if (good.has(all)) return true;
  if (!verifySchnorr(signature, hash, publicKey)) return false;
  keepNewest(good, all, true, MAX_REMEMBERED_SIGNATURES);
  return true;
}

/** What a payment without a statement buys: the request that the offer is bound to, or else whatever is sold under these terms. */
function offerDigest({ amount, payTo }: PaymentRequirements, { binding }: NativeTerms, { network, ledger }: NativeVerifyContext): Digest {
  return digest("NativeStatement", { network, ledger, amount, payTo, binding });
}
