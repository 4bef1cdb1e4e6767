/**
 * Follows the head of a chain: new blocks, reorganisations, finality, and a reset, which is the end. One poll runs at a time. It believes
 * no block that does not link to the ones it has.
 */

import type { Digest } from "../crypto/digest.ts";
import type { ChainReader } from "./account-read.ts";
import { GENESIS_BLOCK } from "./block.ts";
import { type ChainBlock, HeadChain } from "./head-chain.ts";
import { type LaneQuery, type LaneView, viewOf } from "./lane-view.ts";

/** `reset`: block 1 is another. `contradicted`: a final block is another, and block 1 is not. Both stop it. */
export type FollowerState = "unread" | "following" | "reset" | "contradicted";

/** Blocks that one poll reads upwards. The rest waits for the next. */
export const MAX_BLOCKS_PER_POLL = 256;
/** Blocks below the head among which a final one must be. */
export const MAX_UNFINAL_BLOCKS = 1024;
/** Blocks that are kept, unless a lane asks for older ones. */
export const MAX_KEPT_BLOCKS = 4096;
/** Blocks that one poll looks at again, whether they are final by now. */
export const FINAL_CHECKS_PER_POLL = 16;
/** Blocks whose times say how long one takes; the shortest and the longest time that is believed, in seconds. */
const PACE_BLOCKS = 20n;
const MIN_BLOCK_SECONDS = 5;
const MAX_BLOCK_SECONDS = 120;

export class ChainFollower {
  readonly #reader: ChainReader;
  readonly #genesis: Digest;
  #chain: HeadChain | undefined;
  #stopped: "reset" | "contradicted" | undefined;
  /** The head may have been replaced by another block of the same height. */
  #doubt = false;
  #work: Promise<void> = Promise.resolve();

  /** @param genesis the hash of block 1 */
  constructor(reader: ChainReader, genesis: Digest) {
    this.#reader = reader;
    this.#genesis = genesis;
  }

  get state(): FollowerState {
    return this.#stopped ?? (this.#chain ? "following" : "unread");
  }

  /** When the head was made, in unix seconds, as its producer says. */
  get headAt(): number {
    return Number((this.#chain?.head.timestamp ?? 0n) / 1000n);
  }

  /** Moving average over the last blocks. */
  get blockSeconds(): number {
    const chain = this.#chain;
    if (!chain) return MAX_BLOCK_SECONDS;
    const from = chain.at(chain.head.id - PACE_BLOCKS) ?? chain.floor;
    const blocks = Number(chain.head.id - from.id);
    const seconds = blocks === 0 ? MAX_BLOCK_SECONDS : Number(chain.head.timestamp - from.timestamp) / 1000 / blocks;
    return Math.min(Math.max(seconds, MIN_BLOCK_SECONDS), MAX_BLOCK_SECONDS);
  }

  /** Reads what is new. Rejects if the sequencer does not answer; the next poll goes on. */
  poll(): Promise<void> {
    return this.#inTurn(() => this.#poll());
  }

  /**
   * What the chain says of a payment. Reads older blocks if the query begins below those that are kept.
   * @returns undefined until something was read; and always, once the chain is another
   */
  async view(query: LaneQuery): Promise<LaneView | undefined> {
    await this.#inTurn(() => this.#deepen(query.since)).catch(() => undefined); // then the view is not complete
    const chain = this.#chain;
    if (!chain || this.#stopped) return undefined;
    if (query.fresh && query.fresh.id <= chain.head.id && !chain.has(query.fresh)) this.#doubt = true;
    return viewOf(chain, query, this.blockSeconds);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#work.then(work);
    this.#work = turn.catch(() => undefined);
    return turn;
  }

  async #poll(): Promise<void> {
    if (this.#stopped) return;
    const last = await this.#reader.lastBlockId();
    const chain = this.#chain;
    if (!chain) return this.#start(last);
    const before = chain.head.hash;
    if (last < chain.head.id || this.#doubt) await this.#checkHead(chain, last);
    const until = last - chain.head.id > BigInt(MAX_BLOCKS_PER_POLL) ? chain.head.id + BigInt(MAX_BLOCKS_PER_POLL) : last;
    while (chain.head.id < until && !this.#stopped) {
      const next = await this.#reader.block(chain.head.id + 1n);
      if (!next) break;
      if (!chain.extend(next) && !(await this.#fork(chain, next))) break;
    }
    if (chain.head.hash !== before) await this.#finalize(chain);
    chain.prune(MAX_KEPT_BLOCKS);
  }

  /** From the head down to a final block. */
  async #start(last: bigint): Promise<void> {
    if (!(await this.#hasGenesis())) return;
    const blocks: ChainBlock[] = [];
    let id = last;
    while (blocks.length < MAX_UNFINAL_BLOCKS) {
      const block = await this.#reader.block(id);
      const above = blocks[0];
      if (!block || (above && above.previousHash !== block.hash)) return; // it changed meanwhile
      blocks.unshift(block);
      if (block.final || id === GENESIS_BLOCK) break;
      id--;
    }
    const [floor, ...rest] = blocks;
    if (!floor || !(floor.final || floor.id === GENESIS_BLOCK)) return;
    const chain = new HeadChain(floor);
    if (rest.every((block) => chain.extend(block))) this.#chain = chain;
  }

  /** The head was lower in the last answer, or may be another: it was cut, or replaced, or the answer was old. */
  async #checkHead(chain: HeadChain, last: bigint): Promise<void> {
    const same = await this.#reader.block(chain.head.id);
    if (same?.hash !== chain.head.hash) {
      const head = await this.#reader.block(last < chain.head.id ? last : chain.head.id);
      if (head && chain.has(head)) chain.cut(head.id);
      else if (head) await this.#fork(chain, head);
    }
    this.#doubt = false;
  }

  /** @returns whether the block is the head now */
  async #fork(chain: HeadChain, head: ChainBlock): Promise<boolean> {
    const branch = [head];
    for (let lowest = head; !chain.has({ id: lowest.id - 1n, hash: lowest.previousHash });) {
      if (lowest.id - 1n <= chain.final) {
        if (await this.#hasGenesis()) this.#stopped = "contradicted";
        return false;
      }
      const below = await this.#reader.block(lowest.id - 1n);
      if (!below || below.hash !== lowest.previousHash) return false; // it changes meanwhile
      branch.unshift(below);
      lowest = below;
    }
    chain.cut((branch[0]?.id ?? head.id) - 1n);
    return branch.every((block) => chain.extend(block));
  }

  async #hasGenesis(): Promise<boolean> {
    const first = await this.#reader.block(GENESIS_BLOCK);
    if (first && first.hash !== this.#genesis) this.#stopped = "reset";
    return first?.hash === this.#genesis;
  }

  async #finalize(chain: HeadChain): Promise<void> {
    for (let checks = 0; checks < FINAL_CHECKS_PER_POLL && chain.final < chain.head.id; checks++) {
      const known = chain.at(chain.final + 1n);
      const block = known?.final ? known : await this.#reader.block(chain.final + 1n);
      if (!block?.final || block.hash !== known?.hash) return;
      chain.finalizeNext();
    }
  }

  async #deepen(since: bigint | undefined): Promise<void> {
    const chain = this.#chain;
    if (!chain || since === undefined) return;
    while (chain.floor.id > since) {
      const block = await this.#reader.block(chain.floor.id - 1n);
      if (!block || !chain.deepen(block)) return;
    }
  }
}
