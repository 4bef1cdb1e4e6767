/**
 * The chain as its sequencer shows it, from a final block up to the head: which block has a message, which message used a nonce, and what
 * left the chain. In memory and without I/O; chain-follower.ts feeds it.
 */

import type { Digest } from "../crypto/digest.ts";
import { isSystemAccount, type LezAccountId } from "./account.ts";
import { GENESIS_BLOCK, type ZoneBlock } from "./block.ts";
import type { BlockRef, Inclusion, Usage } from "./lane-row.ts";

export interface ChainTransaction {
  /** The message hash. */
  h: Digest;
  /** The transaction's id. */
  transaction: Digest;
  /** What its signatures used. */
  nonces: readonly { account: LezAccountId; nonce: bigint }[];
  /** All that it names. */
  accounts: readonly LezAccountId[];
}

/** What is kept of a block. */
export interface ChainBlock extends BlockRef {
  previousHash: Digest;
  /** Unix milliseconds, as the producer says. */
  timestamp: bigint;
  /** The layer below has confirmed it. */
  final: boolean;
  transactions: readonly ChainTransaction[];
}

/** What is remembered of a block that left the chain, or may leave it: enough to say whether an earlier read of an account still holds. */
export interface SeenBlock extends BlockRef {
  previousHash: Digest;
  /** All that its transactions name, but for the chain's own accounts. */
  accounts: readonly LezAccountId[];
}

/** Blocks that left the chain, as many as are remembered. */
export const MAX_ORPHANS = 256;
/** Blocks above the newest final one, as many as outlive a restart. */
const MAX_SEEN = 256;

export function chainBlockOf({ id, hash, previousHash, timestamp, status, transactions }: ZoneBlock): ChainBlock {
  return {
    id,
    hash,
    previousHash,
    timestamp,
    final: status === "final" || id === GENESIS_BLOCK,
    transactions: transactions.map(({ h, id, signers, transaction: { nonces, selectors, fee } }) => ({
      h,
      transaction: id,
      nonces: signers.flatMap((account, index) => {
        const nonce = nonces[index];
        return nonce === undefined ? [] : [{ account, nonce }];
      }),
      accounts: [...new Set([...selectors.map(({ account }) => account), ...signers, ...(fee ? [fee.payer] : [])])],
    })),
  };
}

export class HeadChain {
  /** One after the other, from the floor. */
  readonly #blocks: ChainBlock[];
  readonly #included = new Map<Digest, Inclusion>();
  readonly #used = new Map<string, Usage>();
  readonly #orphans = new Map<Digest, SeenBlock>();
  #final: bigint;

  /** @param floor a final block, or the genesis */
  constructor(floor: ChainBlock) {
    this.#blocks = [floor];
    this.#final = floor.id;
    this.#index(floor);
  }

  get floor(): ChainBlock {
    return this.#block(0);
  }

  get head(): ChainBlock {
    return this.#block(this.#blocks.length - 1);
  }

  /** The id of the newest block that is known to be final. */
  get final(): bigint {
    return this.#final;
  }

  /** Undefined outside floor … head. */
  at(id: bigint): ChainBlock | undefined {
    return id < this.floor.id ? undefined : this.#blocks[Number(id - this.floor.id)];
  }

  has({ id, hash }: BlockRef): boolean {
    return this.at(id)?.hash === hash;
  }

  inclusionOf(h: Digest): Inclusion | undefined {
    return this.#included.get(h);
  }

  usageOf(account: LezAccountId, nonce: bigint): Usage | undefined {
    return this.#used.get(nonceKey(account, nonce));
  }

  /** @returns false if it does not follow the head */
  extend(block: ChainBlock): boolean {
    if (block.id !== this.head.id + 1n || block.previousHash !== this.head.hash) return false;
    this.#blocks.push(block);
    this.#orphans.delete(block.hash);
    this.#index(block);
    return true;
  }

  /** Adds the block below the floor. @returns false if it is not the one */
  deepen(block: ChainBlock): boolean {
    if (block.id !== this.floor.id - 1n || block.hash !== this.floor.previousHash) return false;
    this.#blocks.unshift(block);
    this.#orphans.delete(block.hash);
    this.#index(block);
    return true;
  }

  /** Blocks that were seen before a restart, and may have left the chain meanwhile. */
  remember(blocks: readonly SeenBlock[]): void {
    for (const block of blocks) if (!this.has(block)) this.#orphan(block);
  }

  /** What a restart must not forget, oldest first. */
  seen(): SeenBlock[] {
    const unsure = this.#blocks.slice(Number(this.#final - this.floor.id) + 1).slice(-MAX_SEEN);
    return [...this.#orphans.values(), ...unsure.map(seenOf)];
  }

  /** Takes the blocks above `id` off the chain. Final ones stay. */
  cut(id: bigint): void {
    while (this.head.id > id && this.head.id > this.#final) {
      const block = this.#blocks.pop();
      if (!block) return;
      for (const { h, nonces } of block.transactions) {
        this.#included.delete(h);
        for (const { account, nonce } of nonces) this.#used.delete(nonceKey(account, nonce));
      }
      this.#orphan(seenOf(block));
    }
  }

  /** The next block after those that are known to be final is final too. */
  finalizeNext(): void {
    if (this.#final < this.head.id) this.#final++;
  }

  /** Forgets the oldest blocks until `count` are left. Those that are not final stay. */
  prune(count: number): void {
    while (this.#blocks.length > count && this.floor.id < this.#final) {
      const block = this.#blocks.shift();
      for (const { h, nonces } of block?.transactions ?? []) {
        this.#included.delete(h);
        for (const { account, nonce } of nonces) this.#used.delete(nonceKey(account, nonce));
      }
    }
  }

  /**
   * Where a block that left the chain forked from it, and the blocks from there up to it.
   * @returns undefined if one of them was forgotten or never seen
   */
  forkOf({ id, hash }: BlockRef): { fork: BlockRef; orphaned: SeenBlock[] } | undefined {
    const orphaned: SeenBlock[] = [];
    let fork: BlockRef = { id, hash };
    while (!this.has(fork)) {
      const block = this.#orphans.get(fork.hash);
      if (!block) return undefined;
      orphaned.unshift(block);
      fork = { id: block.id - 1n, hash: block.previousHash };
    }
    return { fork, orphaned };
  }

  #orphan(block: SeenBlock): void {
    this.#orphans.set(block.hash, block);
    const [oldest] = this.#orphans.keys();
    if (this.#orphans.size > MAX_ORPHANS && oldest !== undefined) this.#orphans.delete(oldest);
  }

  #index({ id, hash, transactions }: ChainBlock): void {
    const block = { id, hash };
    for (const { h, transaction, nonces } of transactions) {
      this.#included.set(h, { block, transaction });
      for (const { account, nonce } of nonces) this.#used.set(nonceKey(account, nonce), { h, block, transaction });
    }
  }

  #block(index: number): ChainBlock {
    const block = this.#blocks[index];
    if (!block) throw new Error("a chain has a block"); // #blocks is never empty
    return block;
  }
}

export function seenOf({ id, hash, previousHash, transactions }: ChainBlock): SeenBlock {
  const accounts = new Set(transactions.flatMap(({ accounts }) => accounts).filter((account) => !isSystemAccount(account)));
  return { id, hash, previousHash, accounts: [...accounts] };
}

function nonceKey(account: LezAccountId, nonce: bigint): string {
  return `${account} ${nonce}`;
}
