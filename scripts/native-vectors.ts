/** The vector of a payment on the chain itself, spec/vectors/native.json: one that verifies, with every value on the way to it. */

import { bytesToHex, hexToBytes, toBase64 } from "../shared/crypto/bytes.ts";
import { type Digest, digestPreimage } from "../shared/crypto/digest.ts";
import { lezAccountOfKey } from "../shared/zone/account.ts";
import type { NativeRevocation } from "../shared/zone/revocation.ts";
import { publicKeyOf, signSchnorr } from "../shared/zone/schnorr.ts";
import { type NativeStatement, statementDigest } from "../shared/zone/statement.ts";
import { decodeTransfer, encodeTransfer, type TransferTerms, transferHash } from "../shared/zone/transfer.ts";

/** Keys that upstream publishes for tests. */
const BUYER = hexToBytes(`01${"11".repeat(31)}`);
const SELLER = hexToBytes(`01${"22".repeat(31)}`);
const NO_AUX = new Uint8Array(32);
const GENESIS = "6d".repeat(32) as Digest;
const BINDING = "b1".repeat(32) as Digest;

const payer = lezAccountOfKey(publicKeyOf(BUYER));
const payee = lezAccountOfKey(publicKeyOf(SELLER));
const TERMS: TransferTerms = {
  from: payer,
  to: payee,
  value: 10_000n,
  nonce: 7n,
  fee: { payer, gasLimit: 0n, tip: 0n, maxFee: 26_712n },
};

export const NATIVE_STATEMENT: NativeStatement = {
  network: "lez:testnet",
  ledger: GENESIS,
  messageHash: transferHash(TERMS),
  validAfter: "1790000000",
  validBefore: "1790000900",
  binding: BINDING,
};

/** Its payer takes the same payment back. */
export const NATIVE_REVOCATION: NativeRevocation = {
  network: "lez:testnet",
  ledger: GENESIS,
  messageHash: transferHash(TERMS),
  revokedAt: "1790000300",
};

const OFFER = {
  scheme: "exact",
  network: "lez:testnet",
  asset: "native",
  amount: "10000",
  payTo: payee,
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
  },
};

export function nativeVectors() {
  const publicKey = publicKeyOf(BUYER);
  const wire = encodeTransfer({ ...TERMS, signature: signSchnorr(transferHash(TERMS), BUYER, NO_AUX), publicKey });
  const decoded = decodeTransfer(wire);
  if (!decoded.ok) throw new Error(decoded.problem);
  const signature = bytesToHex(signSchnorr(statementDigest(NATIVE_STATEMENT), BUYER, NO_AUX));
  return {
    keys: { payer: bytesToHex(BUYER), payee: bytesToHex(SELLER), auxiliary: bytesToHex(NO_AUX) },
    publicKey: bytesToHex(publicKey),
    payer,
    payee,
    value: TERMS.value.toString(),
    nonce: TERMS.nonce.toString(),
    fee: { payer, gasLimit: "0", tip: "0", maxFee: TERMS.fee.maxFee.toString() },
    message: bytesToHex(wire.subarray(1, 271)),
    messageHash: decoded.h,
    transactionSignature: bytesToHex(decoded.transfer.signature),
    transaction: decoded.id,
    statementPreimageHex: bytesToHex(digestPreimage("NativeStatement", NATIVE_STATEMENT)),
    statementDigest: statementDigest(NATIVE_STATEMENT),
    verifiedAt: NATIVE_STATEMENT.validAfter,
    payload: {
      x402Version: 2,
      accepted: OFFER,
      payload: { signedTx: toBase64(wire), statement: NATIVE_STATEMENT, signature },
    },
  };
}
