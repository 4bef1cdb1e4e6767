/** A payment on the chain itself that verifies, and what it is verified against. Every part can be another one. */

import { bytesToHex, hexToBytes, toBase64 } from "../../crypto/bytes.ts";
import type { Digest } from "../../crypto/digest.ts";
import { lezAccountOfKey } from "../account.ts";
import { publicKeyOf, signSchnorr } from "../schnorr.ts";
import { type NativeStatement, statementDigest } from "../statement.ts";
import { encodeTransfer, type NativeTransfer, type TransferTerms, transferHash } from "../transfer.ts";
import type { NativeVerifyContext } from "../verify.ts";

/** Keys that upstream publishes for tests. */
export const BUYER_KEY = hexToBytes("0111111111111111111111111111111111111111111111111111111111111111");
export const SELLER_KEY = hexToBytes("0122222222222222222222222222222222222222222222222222222222222222");
export const BUYER = lezAccountOfKey(publicKeyOf(BUYER_KEY));
export const SELLER = lezAccountOfKey(publicKeyOf(SELLER_KEY));

export const NOW = 1_790_000_000;
export const GENESIS = "6d".repeat(32) as Digest;
export const BINDING = "b1".repeat(32) as Digest;

export const CONTEXT: NativeVerifyContext = {
  now: NOW,
  network: "lez:testnet",
  ledger: GENESIS,
  maxFee: 1_000_000n,
  finalities: ["head", "depth:2", "final"],
};

export const OFFER = {
  scheme: "exact",
  network: "lez:testnet",
  asset: "native",
  amount: "10000",
  payTo: SELLER as string,
  maxTimeoutSeconds: 900,
  extra: {
    assetTransferMethod: "transaction",
    paymentFlow: "upfront",
    ledger: GENESIS,
    dialect: "v0.3",
    maxFee: "100000",
    finality: "head",
    statement: "required",
    binding: BINDING,
  } as Record<string, unknown>,
};

export const TERMS: TransferTerms = {
  from: BUYER,
  to: SELLER,
  value: 10_000n,
  nonce: 7n,
  fee: { payer: BUYER, gasLimit: 0n, tip: 0n, maxFee: 26_712n },
};

export const NO_AUX = new Uint8Array(32);

/** The transfer, signed without randomness unless `aux` is given. */
export function signTransfer(terms: TransferTerms = TERMS, key = BUYER_KEY, aux = NO_AUX): NativeTransfer {
  return { ...terms, signature: signSchnorr(transferHash(terms), key, aux), publicKey: publicKeyOf(key) };
}

export function statementOf(terms: TransferTerms = TERMS): NativeStatement {
  return {
    network: "lez:testnet",
    ledger: GENESIS,
    messageHash: transferHash(terms),
    validAfter: String(NOW),
    validBefore: String(NOW + 900),
    binding: BINDING,
  };
}

export function signStatement(statement: NativeStatement, key = BUYER_KEY): string {
  return bytesToHex(signSchnorr(statementDigest(statement), key, NO_AUX));
}

/** `PaymentPayload.payload`. */
export interface Inner {
  signedTx: string;
  statement?: NativeStatement;
  signature?: string;
}

export function innerOf(transfer: NativeTransfer, statement = statementOf(transfer), key = BUYER_KEY): Inner {
  return { signedTx: toBase64(encodeTransfer(transfer)), statement, signature: signStatement(statement, key) };
}

/** The PaymentPayload. */
export function payloadOf(payload: object, accepted: object = OFFER) {
  return { x402Version: 2, accepted, payload };
}
