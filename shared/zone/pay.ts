/**
 * Makes a payment on the chain itself: the transfer, the statement that says what it buys, and the x402 payload. Pure. The draft is what an
 * owner reads; the signer signs that draft and nothing else. spec/scheme_exact_lez_native.md.
 */

import { bytesToHex, toBase64 } from "../crypto/bytes.ts";
import type { Digest } from "../crypto/digest.ts";
import { type NativeNetwork, X402_VERSION } from "../lez.ts";
import { MAX_NATIVE_GAS_LIMIT, MAX_VALIDITY_SECONDS } from "../limits.ts";
import type { PaymentPayload, PaymentRequirements } from "../x402/x402.ts";
import { type LezAccountId, lezAccountOfKey } from "./account.ts";
import type { Finality } from "./lane-row.ts";
import { type OfferRefusal, readNativeOffer } from "./offer.ts";
import { publicKeyOf, signSchnorr } from "./schnorr.ts";
import { type NativeStatement, statementDigest } from "./statement.ts";
import { decodeTransfer, encodeTransfer, type TransferTerms, transferHash } from "./transfer.ts";

/** Everything that decides a payment's bytes, but for the key and the signatures' randomness. */
export interface PaymentTerms {
  /** The entry of `accepts` that was chosen, as the merchant sent it. */
  offer: PaymentRequirements;
  /** The PaymentRequest whose reason the owner read; absent if there is none. */
  requestDigest?: Digest | undefined;
  /** The account that pays. */
  from: LezAccountId;
  /** The account's next, or a later one: the chain takes them one by one. u128. */
  nonce: bigint;
  /** The most that may be charged for the transfer, in lepta. At most what the offer allows. */
  maxFee: bigint;
  /** Units of gas for computing; a transfer uses none. */
  gasLimit?: bigint | undefined;
  /** Unix seconds. */
  now: number;
  /** Seconds that the statement is valid, if fewer than the offer allows. */
  expiresIn?: number | undefined;
}

/** What will be signed, whole. */
export interface PaymentDraft {
  network: NativeNetwork;
  transfer: TransferTerms;
  /** H, which the first signature is over. */
  h: Digest;
  statement: NativeStatement;
  finality: Finality;
  accepted: PaymentRequirements;
}

export type DraftRefusal = OfferRefusal | "fee_rejected";

export type Drafted = { ok: true; draft: PaymentDraft } | { ok: false; code: DraftRefusal; problem: string };

/** Lays out a payment of this offer, or says by what the offer cannot be paid. Never throws. */
export function draftPayment({ offer, requestDigest, from, nonce, maxFee, gasLimit = 0n, now, expiresIn }: PaymentTerms): Drafted {
  const read = readNativeOffer(offer);
  if (!read.ok) return read;
  const { network, ledger, terms, payee, value } = read;
  if (payee === from) return refused("recipient_mismatch", "payTo is the payer's own account");
  if (maxFee > terms.maxFee)
    return refused("fee_rejected", `the fee is ${maxFee} lepta at today's prices, and the offer allows ${terms.maxFee}`);
  if (gasLimit > MAX_NATIVE_GAS_LIMIT) return refused("fee_rejected", `gas_limit is above ${MAX_NATIVE_GAS_LIMIT}`);

  const transfer = { from, to: payee, value, nonce, fee: { payer: from, gasLimit, tip: 0n, maxFee } };
  const h = transferHash(transfer);
  const offered = Math.floor(Math.min(offer.maxTimeoutSeconds, MAX_VALIDITY_SECONDS));
  const statement: NativeStatement = {
    network,
    ledger,
    messageHash: h,
    validAfter: String(now),
    validBefore: String(now + Math.min(expiresIn ?? offered, offered)),
    ...(terms.binding && { binding: terms.binding }),
    ...(requestDigest && { requestDigest }),
  };
  return { ok: true, draft: { network, transfer, h, statement, finality: terms.finality, accepted: offer } };
}

function refused(code: DraftRefusal, problem: string): Drafted {
  return { ok: false, code, problem };
}

/** A payment that is signed and not sent. */
export interface SignedNativePayment {
  /** Base64, as `sendTransaction` takes it. */
  signedTx: string;
  statement: NativeStatement;
  /** Hex, over the statement's digest. */
  signature: string;
  /** By which a sequencer finds the transaction. */
  transaction: Digest;
  payload: PaymentPayload;
}

/**
 * Signs the draft, twice.
 * @param secretKey of the draft's payer, 32 bytes
 * @param aux 32 bytes; random where absent
 * @throws {TypeError} if it is another account's key
 */
export function signDraft(
  { transfer, h, statement, accepted }: PaymentDraft,
  secretKey: Uint8Array,
  { url, aux }: { url?: string | undefined; aux?: Uint8Array } = {},
): SignedNativePayment {
  const signedTx = signTransfer(transfer, secretKey, aux);
  const decoded = decodeTransfer(signedTx);
  if (!decoded.ok || decoded.h !== h) throw new TypeError("what was signed is not what was drafted");
  const native = {
    signedTx: toBase64(signedTx),
    statement,
    signature: bytesToHex(signSchnorr(statementDigest(statement), secretKey, aux)),
  };
  const payload: PaymentPayload = { x402Version: X402_VERSION, ...(url !== undefined && { resource: { url } }), accepted, payload: native };
  return { ...native, transaction: decoded.id, payload };
}

/**
 * A transfer as `sendTransaction` takes it, signed.
 * @throws {TypeError} if it is another account's key
 */
export function signTransfer(terms: TransferTerms, secretKey: Uint8Array, aux?: Uint8Array): Uint8Array<ArrayBuffer> {
  const publicKey = publicKeyOf(secretKey);
  if (lezAccountOfKey(publicKey) !== terms.from) throw new TypeError("the key is another account's");
  return encodeTransfer({ ...terms, signature: signSchnorr(transferHash(terms), secretKey, aux), publicKey });
}
