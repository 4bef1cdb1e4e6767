/**
 * Proof that an included transfer paid. The chain includes transfers that fail, and has no call that says so; hence nothing is sent whose
 * transfer could fail. Pure functions over account reads and decoded blocks.
 */

import type { LezAccountId } from "./account.ts";
import type { SeenBlock } from "./head-chain.ts";
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

/** Whether an inclusion is deep enough for its receipt. @param final the newest final block's id */
export function isDeep(finality: Finality, { block }: Inclusion, head: BlockRef, final: bigint): boolean {
  if (finality === "final") return block.id <= final;
  return head.id - block.id >= (finality === "head" ? 0n : BigInt(finality.slice("depth:".length)));
}
