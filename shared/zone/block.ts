/**
 * Blocks of LEZ v0.3: their bytes, their hash, and the two transactions that end each of them. A block with a privacy-preserving transaction
 * is not read: no recorded one shows the layout of such a transaction.
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, equalBytes, hexToBytes, utf8 } from "../crypto/bytes.ts";
import type { Digest } from "../crypto/digest.ts";
import { CLOCK_ACCOUNTS, CLOCK_PROGRAM, FEE_ACCOUNTS, FEE_PROGRAM, type LezAccountId, NATIVE_PROGRAM } from "./account.ts";
import { type ByteReader, ByteWriter, decodeExactly, Malformed } from "./borsh.ts";
import { encodeTransaction, type PublicTransaction, readTransaction, type ReadTransaction, signersOf } from "./transaction.ts";

/** What the hash of a block commits to. */
export interface BlockContent {
  /** 1 is the genesis. */
  id: bigint;
  previousHash: Digest;
  /** Unix milliseconds, as the producer says. */
  timestamp: bigint;
  /** The x-coordinate of the producer's key, 32 bytes. */
  producer: Uint8Array;
  transactions: readonly PublicTransaction[];
}

/** How far the layer below has confirmed a block, by the byte at its end. It is in no hash: each reader sets it. */
export const BLOCK_STATUSES = ["pending", "safe", "final"] as const;
export type BlockStatus = (typeof BLOCK_STATUSES)[number];

export interface BlockTransaction extends ReadTransaction {
  signers: readonly LezAccountId[];
}

export interface ZoneBlock extends Omit<BlockContent, "transactions"> {
  /** Recomputed, and equal to what the block says. */
  hash: Digest;
  /** BIP-340 by the producer over the hash, 64 bytes. Not verified here. */
  signature: Uint8Array;
  transactions: readonly BlockTransaction[];
  /** Undefined in blocks of a pre-release, which have no such byte. */
  status: BlockStatus | undefined;
}

/** The first block. */
export const GENESIS_BLOCK = 1n;
/** What the genesis names as the block before it. */
export const NO_BLOCK = "00".repeat(32) as Digest;

const BLOCK_PREFIX = utf8("/LEE/v0.3/Message/Block/\0\0\0\0\0\0\0\0");
/** Tag, program and four empty lists, and no fee. */
const MIN_TRANSACTION_BYTES = 1 + 32 + 4 * 4 + 1;

export type DecodedBlock = { ok: true; block: ZoneBlock } | { ok: false; problem: string };

/** Reads a block to its last byte, and refuses one whose hash is not its own. Never throws. */
export function decodeBlock(bytes: Uint8Array): DecodedBlock {
  const decoded = decodeExactly(bytes, readBlock);
  return decoded.ok ? { ok: true, block: decoded.value } : { ok: false, problem: `the block ${decoded.problem}` };
}

function readBlock(reader: ByteReader): ZoneBlock {
  const digest = () => bytesToHex(reader.bytes(32)) as Digest;
  const id = reader.u64();
  const previousHash = digest();
  const hash = digest();
  const timestamp = reader.u64();
  const producer = reader.bytes(32);
  const signature = reader.bytes(64);
  const start = reader.offset;
  const transactions = reader.list(MIN_TRANSACTION_BYTES, readTransaction);
  const body = reader.since(start);
  const status = reader.left === 0 ? undefined : BLOCK_STATUSES[reader.u8()];
  if (status === undefined && reader.offset > start + body.length) throw new Malformed("has a status that is none");
  if (hash !== hashOf({ id, previousHash, timestamp, producer }, body)) throw new Malformed("has another hash than it says");
  return {
    id,
    previousHash,
    hash,
    timestamp,
    producer,
    signature,
    transactions: transactions.map((read) => ({ ...read, signers: signersOf(read.transaction) })),
    status,
  };
}

/** The hash that the producer signs. */
export function blockHash(block: BlockContent): Digest {
  return hashOf(block, encodeBody(block.transactions));
}

function hashOf({ id, previousHash, timestamp, producer }: Omit<BlockContent, "transactions">, body: Uint8Array): Digest {
  const head = new ByteWriter().u64(id).bytes(hexToBytes(previousHash)).u64(timestamp).done();
  return bytesToHex(sha256(concatBytes([BLOCK_PREFIX, head, body, producer]))) as Digest;
}

/** @param signature BIP-340 by the producer over `blockHash(block)` */
export function encodeBlock(block: BlockContent, signature: Uint8Array, status: BlockStatus): Uint8Array<ArrayBuffer> {
  return new ByteWriter()
    .u64(block.id)
    .bytes(hexToBytes(block.previousHash))
    .bytes(hexToBytes(blockHash(block)))
    .u64(block.timestamp)
    .bytes(block.producer)
    .bytes(signature)
    .bytes(encodeBody(block.transactions))
    .u8(BLOCK_STATUSES.indexOf(status))
    .done();
}

function encodeBody(transactions: readonly PublicTransaction[]): Uint8Array {
  return new ByteWriter().list(transactions, (writer, transaction) => writer.bytes(encodeTransaction(transaction))).done();
}

/** The last transaction of a block: its number and time, for programs to read. */
export function clockInvocation(id: bigint, timestamp: bigint): PublicTransaction {
  return {
    program: CLOCK_PROGRAM,
    selectors: CLOCK_ACCOUNTS.map((account) => ({ account, program: CLOCK_PROGRAM })),
    nonces: [],
    instruction: new ByteWriter().u64(timestamp).u64(id).done(),
    witnesses: [],
  };
}

/** What the transactions of a block used and paid. */
export interface FeeSummary {
  gasExec: bigint;
  gasStor: bigint;
  revenueBase: bigint;
  revenueTip: bigint;
  /** To the producer: a part of what the last 50 blocks earned. */
  payout: bigint;
}

/** `Distribute` of the fee program. */
const DISTRIBUTE = 0;
const FEE_INSTRUCTION_BYTES = 65;

/** The last but one transaction of a block. @param producer the account that the producer is paid on */
export function feeInvocation(summary: FeeSummary, producer: LezAccountId): PublicTransaction {
  const [state, ...purses] = FEE_ACCOUNTS;
  const instruction = new ByteWriter()
    .u8(DISTRIBUTE)
    .u64(summary.gasExec)
    .u64(summary.gasStor)
    .u128(summary.revenueBase)
    .u128(summary.revenueTip)
    .u128(summary.payout);
  return {
    program: FEE_PROGRAM,
    selectors: [
      ...(state ? [{ account: state, program: FEE_PROGRAM }] : []),
      ...[...purses, producer].map((account) => ({ account, program: NATIVE_PROGRAM })),
    ],
    nonces: [],
    instruction: instruction.done(),
    witnesses: [],
  };
}

/** What the fee invocation of a block says; undefined if the block does not end with a fee and a clock invocation of v0.3. */
export function feesOf({ id, timestamp, transactions }: ZoneBlock): { summary: FeeSummary; producer: LezAccountId } | undefined {
  const [fee, clock] = transactions.slice(-2).map(({ transaction }) => transaction);
  const producer = fee?.selectors[3]?.account;
  if (!fee || !clock || !producer || !same(clock, clockInvocation(id, timestamp))) return undefined;
  const summary = decodeExactly(fee.instruction, readSummary);
  return summary.ok && same(fee, feeInvocation(summary.value, producer)) ? { summary: summary.value, producer } : undefined;
}

function readSummary(reader: ByteReader): FeeSummary {
  if (reader.left !== FEE_INSTRUCTION_BYTES || reader.u8() !== DISTRIBUTE) throw new Malformed("distributes no fees");
  return {
    gasExec: reader.u64(),
    gasStor: reader.u64(),
    revenueBase: reader.u128(),
    revenueTip: reader.u128(),
    payout: reader.u128(),
  };
}

function same(a: PublicTransaction, b: PublicTransaction): boolean {
  return equalBytes(encodeTransaction(a), encodeTransaction(b));
}
