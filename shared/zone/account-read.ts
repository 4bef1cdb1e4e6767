/** Nonce and balance of an account, and the block that they are of. */

import type { LezAccountId } from "./account.ts";
import type { ChainBlock } from "./head-chain.ts";
import type { AccountRead } from "./lane-row.ts";

/** A block that no honest sequencer gives: it is another than was asked for, or its bytes, its hash or its signature are wrong. */
export class BadBlock extends Error {
  override name = "BadBlock";
}

/** What is read of a sequencer. Every call rejects if there is no answer, or none that can be read. */
export interface ChainReader {
  lastBlockId(): Promise<bigint>;
  /** Undefined if there is none yet. @throws {BadBlock} */
  block(id: bigint): Promise<ChainBlock | undefined>;
  /** Both from one head. Lepta. */
  balanceAndNonce(account: LezAccountId): Promise<{ balance: bigint; nonce: bigint }>;
}

const READ_TRIES = 3;

/**
 * One read of both. An answer does not name its head, so the head is the same before and after it; and a block that came and left in between
 * is not hidden by that, so the answer is the same as the one before.
 * @returns undefined if it never was so
 */
export async function readAccount(reader: ChainReader, account: LezAccountId): Promise<AccountRead | undefined> {
  for (let tries = 0; tries < READ_TRIES; tries++) {
    const first = await reader.balanceAndNonce(account);
    const before = await headOf(reader);
    const { balance, nonce } = await reader.balanceAndNonce(account);
    const after = await headOf(reader);
    if (!before || !after || before.hash !== after.hash) continue;
    if (first.balance !== balance || first.nonce !== nonce) continue;
    return { head: { id: after.id, hash: after.hash }, nonce, balance };
  }
  return undefined;
}

/** Undefined if a block is above it: a node that is behind may have named it, and another one say the balance. */
async function headOf(reader: ChainReader): Promise<ChainBlock | undefined> {
  const block = await reader.block(await reader.lastBlockId());
  return block && !(await reader.block(block.id + 1n)) ? block : undefined;
}
