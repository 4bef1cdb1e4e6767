/**
 * Proof that an included transfer paid. The chain includes transfers that fail, and has no call that says so; hence nothing is sent whose
 * transfer could fail. Pure functions over account reads and decoded blocks.
 */

import type { LezAccountId } from "./account.ts";
import type { ChainBlock, SeenBlock } from "./head-chain.ts";
import type { AccountRead, BlockRef, Finality, Inclusion, LanePayment } from "./lane-row.ts";

/** `inconclusive`: the money may have moved or not; a person has to look. */
export type Proof = "good" | "reverted" | "inconclusive";

/** Whether the account covers the payment and the most that the chain takes for its inclusion. */
export function covers({ balance }: AccountRead, { value, maxFee }: Pick<LanePayment, "value" | "maxFee">): boolean {
  return balance >= value + maxFee;
}

/**
 * Let one answer of the chain at head h say that the payer's nonce is the payment's, and its balance at least value + maxFee. If the payment
 * is included in a block that descends from h, its transfer was made: while the nonce stands nobody can lower the balance, and what the chain
 * reserves for the inclusion is at most maxFee.
 * @param isOnChain whether the chain that has the inclusion has this block
 */
export function provesPayment(
  read: AccountRead,
  payment: Pick<LanePayment, "nonce" | "value" | "maxFee">,
  { block }: Inclusion,
  isOnChain: (block: BlockRef) => boolean,
): boolean {
  return read.nonce === payment.nonce && covers(read, payment) && read.head.id < block.id && isOnChain(read.head);
}

/**
 * The same read for another chain, if it holds there: the last block that both chains have, unless the account occurs in a block after it
 * that only the read's chain had. What the account had at the read it then had at that block.
 * @param orphaned from the block after `fork` up to the read's head
 */
export function rebaseRead(
  read: AccountRead,
  fork: BlockRef,
  orphaned: readonly SeenBlock[],
  account: LezAccountId,
): AccountRead | undefined {
  return orphaned.some(({ accounts }) => accounts.includes(account)) ? undefined : { ...read, head: fork };
}

/** Balances of payer and payee at one block, in lepta. */
export interface Balances {
  payer: bigint;
  payee: bigint;
}

/**
 * The fallback where no read proves the payment: balances before and after the block, if payer and payee have no other part in it.
 * @param before at the block's parent
 * @param after at the block
 */
export function proofBySubtraction(
  block: ChainBlock,
  { payer, payee, value, maxFee }: Pick<LanePayment, "payer" | "payee" | "value" | "maxFee">,
  before: Balances,
  after: Balances,
): Proof {
  if (occurrences(block, payer) !== 1 || occurrences(block, payee) !== 1) return "inconclusive";
  const gained = after.payee - before.payee;
  const spent = before.payer - after.payer;
  if (gained === value && spent >= value && spent <= value + maxFee) return "good";
  return gained === 0n && spent >= 0n && spent <= maxFee ? "reverted" : "inconclusive";
}

/** Whether an inclusion is deep enough for its receipt. @param final the newest final block's id */
export function isDeep(finality: Finality, { block }: Inclusion, head: BlockRef, final: bigint): boolean {
  if (finality === "final") return block.id <= final;
  return head.id - block.id >= (finality === "head" ? 0n : BigInt(finality.slice("depth:".length)));
}

function occurrences({ transactions }: ChainBlock, account: LezAccountId): number {
  return transactions.filter(({ accounts }) => accounts.includes(account)).length;
}
