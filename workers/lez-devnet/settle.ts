/**
 * What a block makes of one transaction, by the rules of LEZ v0.3: dropped without a trace, included without its effects, or carried out.
 * Only the native token's transfer runs here; signatures were verified at admission.
 */

import { BRIDGE_ACCOUNT, FEE_ACCOUNTS, isSystemAccount, type LezAccountId, NATIVE_PROGRAM } from "../../shared/zone/account.ts";
import { decodeExactly } from "../../shared/zone/borsh.ts";
import { type BaseFees, charge, MAX_GAS_EXEC, MAX_GAS_STOR, reserve } from "../../shared/zone/fees.ts";
import { type FeeDeclaration, type PublicTransaction, signersOf } from "../../shared/zone/transaction.ts";
import type { Accounts } from "./chain-state.ts";

/** Why a transaction leaves no trace: its nonce stays free. */
export type Dropped = "fee" | "reserve" | "malformed" | "nonce" | "unknown_program" | "system_account";

export type Settled =
  | { kind: "dropped"; why: Dropped }
  /** In the block, charged, and its nonces are used. `reverted`: it moved no money. */
  | { kind: "included"; reverted: boolean; revenueBase: bigint; revenueTip: bigint };

const [, , FEE_INBOX = NATIVE_PROGRAM] = FEE_ACCOUNTS;

/**
 * Settles against the prices that the block opened with.
 * @param bytes of the transaction with its tag
 * @param accounts is changed if the transaction is included, and only then
 */
export function settle(transaction: PublicTransaction, bytes: number, base: BaseFees, accounts: Accounts): Settled {
  const { program, selectors, nonces, fee } = transaction;
  const dropped = (why: Dropped): Settled => ({ kind: "dropped", why });
  const signers = signersOf(transaction);
  if (!fee || !feeIsValid(fee, bytes, base) || !signers.includes(fee.payer)) return dropped("fee");

  const scratch = accounts.fork();
  const reserved = reserve(fee, bytes, base);
  if (!scratch.move(fee.payer, FEE_INBOX, reserved)) return dropped("reserve");
  if (nonces.length !== signers.length || hasTwice(signers)) return dropped("malformed");
  if (signers.some((signer, i) => scratch.get(signer).nonce !== nonces[i])) return dropped("nonce");
  if (selectors.length === 0) return dropped("malformed");
  if (program !== NATIVE_PROGRAM) return dropped("unknown_program");

  const action = scratch.fork();
  const moved = transfer(transaction, signers, action);
  // A block that changes one is refused by every other node, so no producer includes such a transaction.
  if (moved && [...action.changes.keys()].some((account) => isSystemAccount(account) && account !== BRIDGE_ACCOUNT)) {
    return dropped("system_account");
  }
  if (moved) scratch.take(action);
  for (const signer of signers) scratch.useNonce(signer);

  // Native transfers are protocol code: they use no cycles.
  const charged = charge(fee, bytes, 0n, base);
  scratch.move(FEE_INBOX, fee.payer, reserved - charged);
  accounts.take(scratch);
  return { kind: "included", reverted: !moved, revenueBase: charged - fee.tip, revenueTip: fee.tip };
}

/** What can be said of a declared fee before the payer's balance is known. */
export function feeIsValid(fee: FeeDeclaration, bytes: number, base: BaseFees): boolean {
  return bytes <= Number(MAX_GAS_STOR) && fee.gasLimit <= MAX_GAS_EXEC && reserve(fee, bytes, base) <= fee.maxFee;
}

/**
 * `Transfer` of the native program, to another account. @returns false if it fails: shape, authorisation or balance. That one account named twice
 * fails here, and is charged, is how upstream's specification is read; nothing recorded shows it.
 */
function transfer({ selectors, instruction }: PublicTransaction, signers: readonly LezAccountId[], accounts: Accounts): boolean {
  const [from, to] = selectors;
  if (!from || !to || selectors.length !== 2 || selectors.some(({ program }) => program !== NATIVE_PROGRAM)) return false;
  if (from.account === to.account || !signers.includes(from.account)) return false;
  const amount = decodeExactly(instruction, (reader) => (reader.u8() === TRANSFER ? reader.u128() : undefined));
  return amount.ok && amount.value !== undefined && accounts.move(from.account, to.account, amount.value);
}

const TRANSFER = 0;

function hasTwice(items: readonly string[]): boolean {
  return new Set(items).size !== items.length;
}
