/**
 * What `sendTransaction` refuses at once, in the order of a v0.3 sequencer. It looks at no nonce and at no earlier copy: a transaction that it
 * takes may be dropped when a block is built.
 */

import type { Digest } from "../../shared/crypto/digest.ts";
import { FEE_PROGRAM, type LezAccountId } from "../../shared/zone/account.ts";
import { decodeExactly } from "../../shared/zone/borsh.ts";
import { type BaseFees, reserve } from "../../shared/zone/fees.ts";
import { isCurveKey, verifySchnorr } from "../../shared/zone/schnorr.ts";
import { type PublicTransaction, readTransaction, signersOf } from "../../shared/zone/transaction.ts";
import { MAX_TRANSACTION_BYTES } from "./limits.ts";
import { INCORRECT_FEE, INVALID_SIGNATURE, invalidParams, type RpcError, SEQUENCER_ONLY, tooLarge } from "./rpc-error.ts";
import { feeIsValid } from "./settle.ts";

export type Admission = { ok: true; id: Digest } | { ok: false; error: RpcError };

/**
 * @param wire a transaction with its tag
 * @param base prices of the next block
 * @param balanceOf at the head
 */
export function admit(wire: Uint8Array, base: BaseFees, balanceOf: (account: LezAccountId) => bigint): Admission {
  const decoded = decodeExactly(wire, readTransaction);
  if (!decoded.ok) return refuse(invalidParams(`the transaction ${decoded.problem}`));
  const { transaction, h, id } = decoded.value;
  const { witnesses, program } = transaction;
  // Upstream's keys are points: another x-coordinate is no key, and its transaction does not decode.
  if (!witnesses.every(({ publicKey }) => isCurveKey(publicKey))) return refuse(invalidParams("invalid public key"));
  if (wire.length > MAX_TRANSACTION_BYTES) return refuse(tooLarge(wire.length, MAX_TRANSACTION_BYTES));
  if (new Set(signersOf(transaction)).size !== witnesses.length) return refuse(INVALID_SIGNATURE);
  if (!witnesses.every(({ signature, publicKey }) => verifySchnorr(signature, h, publicKey))) return refuse(INVALID_SIGNATURE);
  if (program === FEE_PROGRAM) return refuse(SEQUENCER_ONLY);
  return payerCovers(transaction, wire.length, base, balanceOf) ? { ok: true, id } : refuse(INCORRECT_FEE);
}

/** The screen of the fee. Upstream has one error for all five causes. */
function payerCovers(transaction: PublicTransaction, bytes: number, base: BaseFees, balanceOf: (account: LezAccountId) => bigint): boolean {
  const { fee } = transaction;
  if (!fee || !feeIsValid(fee, bytes, base) || !signersOf(transaction).includes(fee.payer)) return false;
  return balanceOf(fee.payer) >= reserve(fee, bytes, base);
}

function refuse(error: RpcError): Admission {
  return { ok: false, error };
}
