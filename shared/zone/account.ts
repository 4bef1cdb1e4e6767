/**
 * Accounts of the Logos Execution Zone itself, as v0.3 derives them. They have the form of the mock ledger's accounts, and are others: the
 * same key has another account there, and no key of one scheme owns an account of the other. Hence a brand of their own.
 */

import { sha256 } from "@noble/hashes/sha2.js";
import type { Brand } from "../brand.ts";
import { base58, concatBytes, fromBase58Account, utf8 } from "../crypto/bytes.ts";

/** 32 bytes in base58. */
export type LezAccountId = Brand<"LezAccountId">;

const PUBLIC_PREFIX = padded("/LEE/v0.3/AccountId/Public/");
/** v0.3 kept the tag of v0.2. */
const PROGRAM_ACCOUNT_PREFIX = padded("/LEE/v0.2/AccountId/PDA/");
const BUILTIN_PREFIX = utf8("/LEE-BuiltinProgram/v1/AccountId");

/** ASCII, with zeros up to 32 bytes. */
function padded(text: string): Uint8Array {
  const bytes = new Uint8Array(32);
  bytes.set(utf8(text));
  return bytes;
}

/** The account of a secp256k1 key. @param publicKey its x-coordinate, 32 bytes */
export function lezAccountOfKey(publicKey: Uint8Array): LezAccountId {
  return lezAccountOfBytes(sha256(concatBytes([PUBLIC_PREFIX, publicKey])));
}

/** An account that belongs to a program. @param seed 32 bytes */
export function accountOfProgram(program: LezAccountId, seed: Uint8Array): LezAccountId {
  return lezAccountOfBytes(sha256(concatBytes([PROGRAM_ACCOUNT_PREFIX, lezAccountBytes(program), seed])));
}

/** The address of a program that every zone has from its genesis. */
export function builtinProgram(name: string): LezAccountId {
  return lezAccountOfBytes(sha256(concatBytes([BUILTIN_PREFIX, utf8(name)])));
}

/** @param bytes 32 of them */
export function lezAccountOfBytes(bytes: Uint8Array): LezAccountId {
  return base58.encode(bytes) as LezAccountId;
}

export function lezAccountBytes(account: LezAccountId): Uint8Array {
  return base58.decode(account);
}

/** True for the one canonical spelling: base58 of exactly 32 bytes. */
export function isLezAccountId(value: unknown): value is LezAccountId {
  return typeof value === "string" && fromBase58Account(value) !== undefined;
}

/** The program of native balances; the shard of an account under it holds the balance, and is absent when that is zero. */
export const NATIVE_PROGRAM = lezAccountOfBytes(new Uint8Array(32));
export const CLOCK_PROGRAM = builtinProgram("clock");
export const FEE_PROGRAM = builtinProgram("fee");
export const BRIDGE_PROGRAM = builtinProgram("bridge");
const STAKE_PROGRAM = builtinProgram("sequencer_stake");

/** The accounts of the clock, updated every 1, 10 and 50 blocks. Their ids are text. */
export const CLOCK_ACCOUNTS: readonly LezAccountId[] = ["0000001", "0000010", "0000050"].map((every) =>
  lezAccountOfBytes(utf8(`/LEZ/ClockProgramAccount/${every}`)),
);

/** Fee state, escrow and inbox. */
export const FEE_ACCOUNTS: readonly LezAccountId[] = ["State/0000000/", "Escrow/000000/", "Inbox/0000000/"].map((name) =>
  accountOfProgram(FEE_PROGRAM, utf8(`/LEZ/v0.3/FeeSeed/${name}`)),
);

/** Holds the supply that was not issued yet. */
export const BRIDGE_ACCOUNT = accountOfProgram(BRIDGE_PROGRAM, utf8("/LEZ/v0.3/BridgeSeed/0000000000/"));

const STAKE_CONFIG_ACCOUNT = accountOfProgram(STAKE_PROGRAM, utf8("/LEZ/v0.3/MinSequencerStake/0000"));

const SYSTEM_ACCOUNTS: ReadonlySet<string> = new Set([...CLOCK_ACCOUNTS, ...FEE_ACCOUNTS, BRIDGE_ACCOUNT, STAKE_CONFIG_ACCOUNT]);

/** Whether the chain keeps this account for itself: a user's transfer to it is reverted, or its money comes back to no one. */
export function isSystemAccount(account: LezAccountId): boolean {
  return SYSTEM_ACCOUNTS.has(account);
}
