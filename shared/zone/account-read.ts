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
 * One read of both: an answer does not name its head, so the head must be the same before and after.
 * @returns undefined if it never was
 */
export async function readAccount(reader: ChainReader, account: LezAccountId): Promise<AccountRead | undefined> {
  for (let tries = 0; tries < READ_TRIES; tries++) {
    const before = await headOf(reader);
    const { balance, nonce } = await reader.balanceAndNonce(account);
    const after = await headOf(reader);
    if (!before || !after || before.hash !== after.hash) continue;
    const isHead = !(await reader.block(after.id + 1n)); // a node that is behind may have named it, and another one have said the balance
    if (isHead) return { head: { id: after.id, hash: after.hash }, nonce, balance };
  }
  return undefined;
}

async function headOf(reader: ChainReader): Promise<ChainBlock | undefined> {
  return reader.block(await reader.lastBlockId());
}
