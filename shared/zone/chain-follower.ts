/**
 * Follows the head of a chain: new blocks, reorganisations, finality, and a reset, which is the end. One poll runs at a time. It believes
 * no block that does not link to the ones it has, and after three bad blocks in a row it vouches for nothing that is new.
 */

import type { Digest } from "../crypto/digest.ts";
import { BadBlock, type ChainReader } from "./account-read.ts";
import { GENESIS_BLOCK } from "./block.ts";
import { type ChainBlock, HeadChain, type SeenBlock } from "./head-chain.ts";
import type { BlockRef } from "./lane-row.ts";
import { type LaneQuery, type LaneView, viewOf } from "./lane-view.ts";

/**
 * `distrusted`: the last blocks that the sequencer gave were bad, until it gives a good one. `reset`: block 1 is another. `contradicted`: a
 * final block is another, and block 1 is not. The last two stop it.
 */
export type FollowerState = "unread" | "following" | "distrusted" | "reset" | "contradicted";

/** What an operator has to hear of. `bad_block`: one was not applied. */
export type ChainAlert = "bad_block" | "distrusted" | "reset" | "contradicted";

/**
 * What a follower must find again after a restart. Without it a payment whose proof was read at a block that left the chain stays unproven, and
 * a final block that was replaced goes unnoticed.
 */
export interface FollowerMemory {
  /** The newest final block. */
  final: BlockRef;
  seen: readonly SeenBlock[];
}

export interface FollowerPorts {
  /** What `keep` was given last, in an earlier life. */
  memory?: FollowerMemory | undefined;
  /** Stores it durably, in place of what was there. Runs whenever the head is another, before any view from the new head. */
  keep?(memory: FollowerMemory): void;
  report?(alert: ChainAlert, problem: string): void;
}

/** So many bad blocks one after the other, and no payment is taken or sent. */
export const MAX_BAD_BLOCKS = 3;

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
/** A head that is older than so many blocks take is no head. */
const MAX_HEAD_BLOCKS = 10;

/** Whether the chain goes on. A producer's clock is its own: one that runs ahead hides for as long that the chain stands still. @param now unix seconds */
export function isHeadYoung(headAt: number, blockSeconds: number, now: number): boolean {
  return now - headAt <= MAX_HEAD_BLOCKS * blockSeconds;
}

export class ChainFollower {
  readonly #reader: ChainReader;
  readonly #genesis: Digest;
  readonly #ports: FollowerPorts;
  #chain: HeadChain | undefined;
  /** Since the last good one. */
  #badBlocks = 0;
  #stopped: "reset" | "contradicted" | undefined;
  /** The head may have been replaced by another block of the same height. */
  #doubt = false;
  #work: Promise<void> = Promise.resolve();

  /** @param genesis the hash of block 1 */
  constructor(reader: ChainReader, genesis: Digest, ports: FollowerPorts = {}) {
    this.#reader = reader;
    this.#genesis = genesis;
    this.#ports = ports;
  }

  get state(): FollowerState {
    if (this.#stopped) return this.#stopped;
    if (this.#badBlocks >= MAX_BAD_BLOCKS) return "distrusted";
    return this.#chain ? "following" : "unread";
  }

  /** When the head was made, in unix seconds, as its producer says. */
  get headAt(): number {
    return Number((this.#chain?.head.timestamp ?? 0n) / 1000n);
  }

  /** Moving average over the last blocks. */
  get blockSeconds(): number {
    const chain = this.#chain;
    if (!chain) return MAX_BLOCK_SECONDS;
    const first = chain.at(chain.head.id - PACE_BLOCKS) ?? chain.floor;
    // The time of block 1 is no one's: the chain may have been started much later.
    const from = first.id === GENESIS_BLOCK ? (chain.at(GENESIS_BLOCK + 1n) ?? first) : first;
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
    const view = viewOf(chain, query, this.blockSeconds);
    return { ...view, isFresh: view.isFresh && this.state === "following" };
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
    try {
      await this.#climb(chain, last);
      if (chain.head.hash !== before) await this.#finalize(chain);
    } finally {
      if (chain.head.hash !== before) {
        chain.prune(MAX_KEPT_BLOCKS);
        this.#keep(chain);
      }
    }
  }

  async #climb(chain: HeadChain, last: bigint): Promise<void> {
    if (last < chain.head.id || this.#doubt) await this.#checkHead(chain, last);
    const until = last - chain.head.id > BigInt(MAX_BLOCKS_PER_POLL) ? chain.head.id + BigInt(MAX_BLOCKS_PER_POLL) : last;
    while (chain.head.id < until && !this.#stopped) {
      const next = await this.#read(chain.head.id + 1n);
      if (!next) break;
      if (chain.extend(next)) this.#badBlocks = 0;
      else if (!(await this.#fork(chain, next))) break;
    }
  }

  /** From the head down to a final block. */
  async #start(last: bigint): Promise<void> {
    const blocks: ChainBlock[] = [];
    let id = last;
    while (blocks.length < MAX_UNFINAL_BLOCKS) {
      const block = await this.#read(id);
      const above = blocks[0];
      if (!block || (above && above.previousHash !== block.hash)) return; // it changed meanwhile
      blocks.unshift(block);
      if (block.final || id === GENESIS_BLOCK) break;
      id--;
    }
    const [floor, ...rest] = blocks;
    if (!floor || !(floor.final || floor.id === GENESIS_BLOCK)) return;
    const chain = new HeadChain(floor);
    if (!rest.every((block) => chain.extend(block))) return;
    if (!(await this.#hasGenesis())) return; // after the blocks: a reset between them would show another chain's
    const { memory } = this.#ports;
    if (memory) await this.#checkFinal(chain, memory.final);
    chain.remember(memory?.seen ?? []);
    this.#chain = chain;
    this.#badBlocks = 0;
    this.#keep(chain);
  }

  /**
   * Whether the block that was final before the restart is there. If it is not, an operator hears of it, and the chain is followed as it is: every
   * payment knows its own blocks by their hashes.
   */
  async #checkFinal(chain: HeadChain, final: BlockRef): Promise<void> {
    const block = chain.at(final.id) ?? (await this.#read(final.id));
    if (block?.hash !== final.hash) this.#ports.report?.("contradicted", `block ${final.id} was final, and is another`);
  }

  /** The head was lower in the last answer, or may be another: it was cut, or replaced, or the answer was old. */
  async #checkHead(chain: HeadChain, last: bigint): Promise<void> {
    if (last < chain.floor.id) return void (await this.#hasGenesis()); // final blocks are not cut: the answer is old, or the chain another
    const same = await this.#read(chain.head.id);
    if (same?.hash !== chain.head.hash) {
      const head = await this.#read(last < chain.head.id ? last : chain.head.id);
      if (head && chain.has(head)) chain.cut(head.id);
      else if (head) await this.#fork(chain, head);
    }
    this.#doubt = false;
  }

  /** @returns whether the block is the head now */
  async #fork(chain: HeadChain, head: ChainBlock): Promise<boolean> {
    const branch = [head];
    for (let lowest = head; !chain.has({ id: lowest.id - 1n, hash: lowest.previousHash });) {
      const below = await this.#read(lowest.id - 1n);
      if (!below) return false; // it changes meanwhile
      if (below.hash !== lowest.previousHash) {
        this.#distrust(`block ${lowest.id} does not follow the block below it`); // or the chain changed between two reads
        return false;
      }
      if (below.id <= chain.final) {
        if (await this.#hasGenesis()) this.#stop("contradicted", `block ${below.id} was final, and is another`);
        return false;
      }
      branch.unshift(below);
      lowest = below;
    }
    chain.cut((branch[0]?.id ?? head.id) - 1n);
    if (!branch.every((block) => chain.extend(block))) return false;
    this.#badBlocks = 0;
    return true;
  }

  async #hasGenesis(): Promise<boolean> {
    const first = await this.#read(GENESIS_BLOCK);
    if (first && first.hash !== this.#genesis) this.#stop("reset", `block 1 is ${first.hash}`);
    return first?.hash === this.#genesis;
  }

  /** Rejects with what the reader rejects with. */
  async #read(id: bigint): Promise<ChainBlock | undefined> {
    try {
      return await this.#reader.block(id);
    } catch (error) {
      if (error instanceof BadBlock) this.#distrust(error.message);
      throw error;
    }
  }

  #distrust(problem: string): void {
    this.#badBlocks++;
    this.#ports.report?.("bad_block", problem);
    if (this.#badBlocks === MAX_BAD_BLOCKS) this.#ports.report?.("distrusted", problem);
  }

  #stop(state: "reset" | "contradicted", problem: string): void {
    this.#stopped = state;
    this.#ports.report?.(state, problem);
  }

  #keep(chain: HeadChain): void {
    const { id, hash } = chain.at(chain.final) ?? chain.floor;
    this.#ports.keep?.({ final: { id, hash }, seen: chain.seen() });
  }

  async #finalize(chain: HeadChain): Promise<void> {
    for (let checks = 0; checks < FINAL_CHECKS_PER_POLL && chain.final < chain.head.id; checks++) {
      const known = chain.at(chain.final + 1n);
      const block = known?.final ? known : await this.#read(chain.final + 1n);
      if (!block?.final || block.hash !== known?.hash) return;
      chain.finalizeNext();
    }
  }

  async #deepen(since: bigint | undefined): Promise<void> {
    const chain = this.#chain;
    if (!chain || since === undefined) return;
    while (chain.floor.id > since) {
      const block = await this.#read(chain.floor.id - 1n);
      if (!block || !chain.deepen(block)) return;
    }
  }
}
