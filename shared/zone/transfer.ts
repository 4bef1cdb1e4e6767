/**
 * A transfer of the native token that its sender signs and pays the fee of: the one kind of transaction that pays here. This file knows its
 * one shape and refuses every other. It checks no signature.
 */

import type { Digest } from "../crypto/digest.ts";
import { type LezAccountId, NATIVE_PROGRAM } from "./account.ts";
import { type ByteReader, ByteWriter, decodeExactly } from "./borsh.ts";
import {
  encodeTransaction,
  type FeeDeclaration,
  type Message,
  messageHash,
  type PublicTransaction,
  readTransaction,
  type ReadTransaction,
  type Witness,
} from "./transaction.ts";

/** What the owner of `from` signs. */
export interface TransferTerms {
  from: LezAccountId;
  to: LezAccountId;
  /** Lepta, u128. */
  value: bigint;
  nonce: bigint;
  fee: FeeDeclaration;
}

export interface NativeTransfer extends TransferTerms, Witness {}

/** A transfer on the wire, with its tag. */
export const TRANSFER_BYTES = 371;
/** The same in base64. */
export const TRANSFER_TEXT_LENGTH = 496;

/** `Transfer { amount: u128 }` of the native program. */
const TRANSFER_INSTRUCTION = 0;
const INSTRUCTION_BYTES = 17;

export type DecodedTransfer =
  | { ok: true; transfer: NativeTransfer; h: Digest; id: Digest }
  | {
      ok: false;
      /** `instruction`: all of it is a transfer's but what the program is told to do. */
      fault: "shape" | "instruction";
      problem: string;
    };

export function encodeTransfer(transfer: NativeTransfer): Uint8Array<ArrayBuffer> {
  return encodeTransaction(transactionOf(transfer));
}

/** H of a transfer: the 32 bytes that its sender signs. */
export function transferHash(terms: TransferTerms): Digest {
  return messageHash(messageOf(terms));
}

function transactionOf({ signature, publicKey, ...terms }: NativeTransfer): PublicTransaction {
  return { ...messageOf(terms), witnesses: [{ signature, publicKey }] };
}

function messageOf({ from, to, value, nonce, fee }: TransferTerms): Message {
  return {
    program: NATIVE_PROGRAM,
    selectors: [from, to].map((account) => ({ account, program: NATIVE_PROGRAM })),
    nonces: [nonce],
    instruction: new ByteWriter().u8(TRANSFER_INSTRUCTION).u128(value).done(),
    fee,
  };
}

/** Never throws. @param wire with its tag, as in `sendTransaction` */
export function decodeTransfer(wire: Uint8Array): DecodedTransfer {
  const decoded = decodeExactly(wire, readTransaction);
  return decoded.ok ? transferOf(decoded.value) : { ok: false, fault: "shape", problem: `it ${decoded.problem}` };
}

/** The transfer that a transaction of a block is, if it is one. */
export function transferOf({ transaction, h, id }: ReadTransaction): DecodedTransfer {
  const { program, selectors, nonces, instruction, fee, witnesses } = transaction;
  const [from, to] = selectors;
  const [nonce] = nonces;
  const [witness] = witnesses;
  const shape = (problem: string): DecodedTransfer => ({ ok: false, fault: "shape", problem });
  if (program !== NATIVE_PROGRAM) return shape("it calls another program than the native token's");
  if (!from || !to || selectors.length !== 2) return shape(`it names ${selectors.length} accounts, not 2`);
  if (selectors.some((selector) => selector.program !== NATIVE_PROGRAM)) return shape("it names a shard that holds no native balance");
  if (nonce === undefined || nonces.length !== 1) return shape(`it has ${nonces.length} nonces, not 1`);
  if (!witness || witnesses.length !== 1) return shape(`it has ${witnesses.length} witnesses, not 1`);
  if (!fee) return shape("it declares no fee");
  const amount = decodeExactly(instruction, readAmount);
  if (instruction.length !== INSTRUCTION_BYTES) return shape(`its instruction has ${instruction.length} bytes, not ${INSTRUCTION_BYTES}`);
  if (!amount.ok || amount.value === undefined) return { ok: false, fault: "instruction", problem: "its instruction is no transfer" };
  return { ok: true, transfer: { from: from.account, to: to.account, value: amount.value, nonce, fee, ...witness }, h, id };
}

function readAmount(reader: ByteReader): bigint | undefined {
  const instruction = reader.u8();
  const amount = reader.u128();
  return instruction === TRANSFER_INSTRUCTION ? amount : undefined;
}
