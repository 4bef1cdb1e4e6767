/** Public transactions of LEZ v0.3 of any program: their bytes, the hash of their message, their id. */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, utf8 } from "../crypto/bytes.ts";
import type { Digest } from "../crypto/digest.ts";
import { type LezAccountId, lezAccountBytes, lezAccountOfBytes, lezAccountOfKey } from "./account.ts";
import { type ByteReader, ByteWriter, Malformed } from "./borsh.ts";

/** A program's part of an account. */
export interface ShardSelector {
  account: LezAccountId;
  program: LezAccountId;
}

/** What the payer offers for being included, in lepta (10^-9 LGO) and units of gas. */
export interface FeeDeclaration {
  /** Must be one of the signers. */
  payer: LezAccountId;
  /** u64. */
  gasLimit: bigint;
  /** u64. */
  tip: bigint;
  /** u128; the reserve must not exceed it. */
  maxFee: bigint;
}

export interface Witness {
  /** BIP-340, 64 bytes. */
  signature: Uint8Array;
  /** The x-coordinate, 32 bytes. */
  publicKey: Uint8Array;
}

/** What the signers sign. */
export interface Message {
  program: LezAccountId;
  selectors: readonly ShardSelector[];
  /** One for each witness, in their order; u128. */
  nonces: readonly bigint[];
  instruction: Uint8Array;
  /** Absent where nothing is charged: the chain's own transactions. */
  fee?: FeeDeclaration;
}

export interface PublicTransaction extends Message {
  witnesses: readonly Witness[];
}

/** In front of a transaction wherever it is one of several kinds: in a block, and in what `sendTransaction` takes. */
export const PUBLIC_TAG = 0;

/** In front of a message before it is hashed. */
export const MESSAGE_PREFIX = utf8("/LEE/v0.3/Message/Public/\0\0\0\0\0\0\0");

export function encodeMessage(message: Message): Uint8Array<ArrayBuffer> {
  return new ByteWriter()
    .bytes(lezAccountBytes(message.program))
    .list(message.selectors, (writer, { account, program }) => writer.bytes(lezAccountBytes(account)).bytes(lezAccountBytes(program)))
    .list(message.nonces, (writer, nonce) => writer.u128(nonce))
    .byteList(message.instruction)
    .option(message.fee, (writer, { payer, gasLimit, tip, maxFee }) =>
      writer.bytes(lezAccountBytes(payer)).u64(gasLimit).u64(tip).u128(maxFee),
    )
    .done();
}

/** H: what is signed, and the identity of a payment. One message has many transaction ids, one for each signature over it. */
export function messageHash(message: Message): Digest {
  return hashOfMessage(encodeMessage(message));
}

function hashOfMessage(encoded: Uint8Array): Digest {
  return bytesToHex(sha256(concatBytes([MESSAGE_PREFIX, encoded]))) as Digest;
}

/** The transaction with its tag, as it stands in a block and, in base64, in `sendTransaction`. */
export function encodeTransaction(transaction: PublicTransaction): Uint8Array<ArrayBuffer> {
  return new ByteWriter()
    .u8(PUBLIC_TAG)
    .bytes(encodeMessage(transaction))
    .list(transaction.witnesses, (writer, { signature, publicKey }) => writer.bytes(signature).bytes(publicKey))
    .done();
}

/** The handle by which a sequencer finds a transaction: its hash without the tag, signatures included. */
export function transactionId(transaction: PublicTransaction): Digest {
  return bytesToHex(sha256(encodeTransaction(transaction).subarray(1))) as Digest;
}

export interface ReadTransaction {
  transaction: PublicTransaction;
  /** The message hash. */
  h: Digest;
  id: Digest;
}

/**
 * Reads one transaction with its tag. Its keys are not checked to be on the curve.
 * @throws {Malformed} for any other bytes
 */
export function readTransaction(reader: ByteReader): ReadTransaction {
  const tag = reader.u8();
  if (tag !== PUBLIC_TAG) throw new Malformed(`is no public transaction but one of kind ${tag}`);
  const start = reader.offset;
  const message = readMessage(reader);
  const h = hashOfMessage(reader.since(start));
  const witnesses = reader.list(96, () => ({ signature: reader.bytes(64), publicKey: reader.bytes(32) }));
  return { transaction: { ...message, witnesses }, h, id: bytesToHex(sha256(reader.since(start))) as Digest };
}

function readMessage(reader: ByteReader): Message {
  const account = () => lezAccountOfBytes(reader.bytes(32));
  const program = account();
  const selectors = reader.list(64, () => ({ account: account(), program: account() }));
  const nonces = reader.list(16, () => reader.u128());
  const instruction = reader.byteList();
  const fee = reader.option(() => ({ payer: account(), gasLimit: reader.u64(), tip: reader.u64(), maxFee: reader.u128() }));
  return { program, selectors, nonces, instruction, ...(fee && { fee }) };
}

/** The accounts of its witnesses. */
export function signersOf(transaction: PublicTransaction): LezAccountId[] {
  return transaction.witnesses.map(({ publicKey }) => lezAccountOfKey(publicKey));
}
