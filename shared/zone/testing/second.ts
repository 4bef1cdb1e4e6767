/**
 * A second implementation of what this room computes, for tests to compare: Buffers and `node:crypto`, nothing of the first, written from
 * upstream's specification. It also reads v0.2, which nothing here settles.
 */

import { createHash } from "node:crypto";

export function sha256(...parts: readonly Buffer[]): string {
  return createHash("sha256").update(Buffer.concat(parts)).digest("hex");
}

function prefix(text: string): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.write(text, "ascii");
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

export function u128(value: bigint): Buffer {
  return Buffer.concat([u64(value & 0xffffffffffffffffn), u64(value >> 64n)]);
}

export function accountOfKey(publicKey: string): string {
  return sha256(prefix("/LEE/v0.3/AccountId/Public/"), hex(publicKey));
}

export function accountOfProgram(program: string, seed: string): string {
  return sha256(prefix("/LEE/v0.2/AccountId/PDA/"), hex(program), prefix(seed));
}

export function builtin(name: string): string {
  return sha256(Buffer.from(`/LEE-BuiltinProgram/v1/AccountId${name}`, "ascii"));
}

export function hex(text: string): Buffer {
  return Buffer.from(text, "hex");
}

/** All in hex, numbers in decimal. */
export interface MessageFields {
  program: string;
  selectors: readonly (readonly [account: string, program: string])[];
  nonces: readonly string[];
  instruction: string;
  fee: { payer: string; gasLimit: string; tip: string; maxFee: string } | null;
}

export function messageBytes({ program, selectors, nonces, instruction, fee }: MessageFields): Buffer {
  return Buffer.concat([
    hex(program),
    u32(selectors.length),
    ...selectors.flat().map(hex),
    u32(nonces.length),
    ...nonces.map((nonce) => u128(BigInt(nonce))),
    u32(instruction.length / 2),
    hex(instruction),
    Buffer.from([fee ? 1 : 0]),
    ...(fee ? [hex(fee.payer), u64(BigInt(fee.gasLimit)), u64(BigInt(fee.tip)), u128(BigInt(fee.maxFee))] : []),
  ]);
}

export function messageHash(message: Buffer): string {
  return sha256(prefix("/LEE/v0.3/Message/Public/"), message);
}

/** With its tag. */
export function wire(message: Buffer, witnesses: readonly (readonly [signature: string, publicKey: string])[]): Buffer {
  return Buffer.concat([Buffer.from([0]), message, u32(witnesses.length), ...witnesses.flat().map(hex)]);
}

export function transactionId(wire: Buffer): string {
  return sha256(wire.subarray(1));
}

const BLOCK_HEAD = { id: 0, previous: 8, hash: 40, timestamp: 72, producer: 80, signature: 112, body: 176 };

/** The hash of a block of v0.3 by its fixed places. @param status whether a status byte ends it */
export function blockHash(block: Buffer, status: boolean): string {
  const { id, hash, timestamp, producer, signature, body } = BLOCK_HEAD;
  return sha256(
    prefix("/LEE/v0.3/Message/Block/"),
    block.subarray(id, hash),
    block.subarray(timestamp, producer),
    block.subarray(body, block.length - (status ? 1 : 0)),
    block.subarray(producer, signature),
  );
}

/** The message of a transaction of v0.2: program, accounts, nonces, words of 4 bytes, and no fee. */
export function messageBytesV02(program: string, accounts: readonly string[], nonces: readonly string[], words: readonly number[]): Buffer {
  return Buffer.concat([
    hex(program),
    u32(accounts.length),
    ...accounts.map(hex),
    u32(nonces.length),
    ...nonces.map((nonce) => u128(BigInt(nonce))),
    u32(words.length),
    ...words.map(u32),
  ]);
}
