/**
 * What a merchant has to know of a payment on the chain itself, at the fixed places of its 371 bytes. It verifies nothing: a facilitator
 * refuses every text that is no transfer.
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, fromBase64 } from "../crypto/bytes.ts";
import type { Digest } from "../crypto/digest.ts";
import { type LezAccountId, lezAccountOfBytes } from "./account.ts";
import { ByteReader } from "./borsh.ts";
import { MESSAGE_PREFIX } from "./transaction.ts";
import { TRANSFER_BYTES, TRANSFER_TEXT_LENGTH } from "./transfer.ts";

const PLACES = { message: 1, from: 37, to: 101, nonce: 169, value: 190, witnesses: 271 };

export interface PeekedTransfer {
  payer: LezAccountId;
  payee: LezAccountId;
  /** Lepta. */
  value: bigint;
  nonce: bigint;
  /** The message hash. */
  h: Digest;
  /** The transaction id, which another signature of the same message changes. */
  id: Digest;
}

/** @returns undefined for what cannot be a transfer by its length. @param signedTx base64, as `sendTransaction` takes it */
export function peekTransfer(signedTx: unknown): PeekedTransfer | undefined {
  const wire = typeof signedTx === "string" && signedTx.length === TRANSFER_TEXT_LENGTH ? fromBase64(signedTx) : undefined;
  if (wire?.length !== TRANSFER_BYTES) return undefined;
  const account = (at: number) => lezAccountOfBytes(wire.subarray(at, at + 32));
  const number = (at: number) => new ByteReader(wire.subarray(at)).u128();
  const message = wire.subarray(PLACES.message, PLACES.witnesses);
  return {
    payer: account(PLACES.from),
    payee: account(PLACES.to),
    value: number(PLACES.value),
    nonce: number(PLACES.nonce),
    h: bytesToHex(sha256(concatBytes([MESSAGE_PREFIX, message]))) as Digest,
    id: bytesToHex(sha256(wire.subarray(PLACES.message))) as Digest,
  };
}
