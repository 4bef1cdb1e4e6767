/**
 * A sequencer of the simulation: a chain, a mempool that nothing survives in, and its own books, which are the truth. It does what v0.3 does:
 * an id says only "queued"; a wrong nonce or a reserve that is not covered is dropped without a trace; a value that is not covered is included,
 * charged and reverted.
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8 } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { LezAccountId } from "../../shared/zone/account.ts";
import type { ChainBlock } from "../../shared/zone/head-chain.ts";
import type { BlockRef } from "../../shared/zone/lane-row.ts";
import type { SendAnswer } from "../../shared/zone/lane-table.ts";
import type { Machine, Network } from "../simulation/network.ts";

/** A signed transfer. Its wire is its name; its signature is always good. */
export interface Transfer {
  h: Digest;
  transaction: Digest;
  wire: string;
  from: LezAccountId;
  to: LezAccountId;
  value: bigint;
  nonce: bigint;
  maxFee: bigint;
}

/**
 * What a sequencer says that is not so, or what something in front of it answers in its place: blocks whose signature is wrong, or that follow no
 * other; a head that is higher or lower; the id of another transaction; and answers that are none: HTML, 20 MiB.
 */
export const LIES = ["bad_block", "unlinked", "high", "low", "foreign_id", "no_answer"] as const;

interface Account {
  nonce: bigint;
  balance: bigint;
}
type Accounts = ReadonlyMap<LezAccountId, Account>;

interface Block extends ChainBlock {
  transfers: readonly Transfer[];
  /** The state after it. */
  accounts: Accounts;
}

/** What became of a message in one block, whether the block stayed or not. */
export interface Inclusion {
  h: Digest;
  moved: boolean;
  block: BlockRef;
  /** The most blocks that were ever on top of it. */
  depth: number;
}

export const BLOCK_MILLIS = 5000;
export const TRANSFER_BYTES = 371n;
/** A block becomes final with so many on top: more than any reorganisation takes away. */
export const FINAL_DEPTH = 8;
const MOST_ORPHANED = 5;
const BLOCK_TRANSFERS = 20;

export class SimulatedSequencer implements Machine {
  readonly name = "sequencer";
  up = true;
  life = 0;
  skew = 0;
  baseFee = 8n;
  full = false;
  lie: (typeof LIES)[number] | undefined;
  /** Seconds by which its blocks' times are wrong. */
  clock = 0;
  /** What it says of every account instead of its books. */
  saysOfAccounts: ((books: Account) => Account) | undefined;
  /** What becomes of messages, by message and block. */
  readonly inclusions = new Map<string, Inclusion>();
  /** Who brought a copy of a message that was queued. */
  readonly queued = new Map<Digest, Set<string>>();
  readonly #network: Network;
  readonly #wires = new Map<string, Transfer>();
  #mempool: Transfer[] = [];
  #chain: Block[];
  #blocks = 0;
  /** The newest final block: it stays so when blocks above it leave. */
  #final = 1n;

  constructor(network: Network, funds: ReadonlyMap<LezAccountId, bigint>) {
    this.#network = network;
    this.#chain = [this.#genesis(funds)];
  }

  /** The signed bytes exist from now on, and everyone who has them can send them. */
  sign(transfer: Omit<Transfer, "wire" | "h" | "transaction">, name: string, aux = ""): Transfer {
    const h = named(`message ${name}`);
    const signed = { ...transfer, h, transaction: named(`transaction ${name} ${aux}`), wire: `wire ${name} ${aux}` };
    this.#wires.set(signed.wire, signed);
    return signed;
  }

  // --- What it answers ---

  lastBlockId(): bigint {
    if (this.lie === "high") return this.#head.id + 3n;
    return this.lie === "low" && this.#head.id > 3n ? this.#head.id - 3n : this.#head.id;
  }

  block(id: bigint): ChainBlock | "bad" | undefined {
    const block = this.#chain[Number(id) - 1];
    if (!block) return undefined;
    if (this.lie === "bad_block") return "bad";
    // The genesis is true: another one is another chain.
    if (this.lie === "unlinked" && id > 1n)
      return { ...block, hash: named(`lie ${id}`), previousHash: named(`elsewhere ${id}`), final: false };
    return { ...block, final: this.#isFinal(block) };
  }

  balanceAndNonce(account: LezAccountId): Account {
    const books = this.account(account);
    return this.saysOfAccounts?.(books) ?? books;
  }

  /** @param sender who brings it */
  send(wire: string, sender: string): SendAnswer {
    const transfer = this.#wires.get(wire);
    if (!transfer) throw new Error(`nobody signed ${wire}`);
    if (this.full) return { kind: "full" };
    const reserve = TRANSFER_BYTES * this.baseFee;
    if (reserve > transfer.maxFee || this.account(transfer.from).balance < reserve) return { kind: "fee" };
    this.#mempool.push(transfer);
    this.queued.set(transfer.h, (this.queued.get(transfer.h) ?? new Set()).add(sender));
    return { kind: "id", transaction: this.lie === "foreign_id" ? named("another transaction") : transfer.transaction };
  }

  // --- Its books ---

  account(account: LezAccountId): Account {
    return this.#head.accounts.get(account) ?? { nonce: 0n, balance: 0n };
  }

  get genesis(): Digest {
    return this.#first.hash;
  }

  /** What the head chain did with a message. */
  outcomeOf(h: Digest): { moved: boolean; final: boolean; depth: number } | undefined {
    const block = this.#chain.find(({ transfers }) => transfers.some((transfer) => transfer.h === h));
    const inclusion = block && this.inclusions.get(`${h} ${block.hash}`);
    return inclusion && { moved: inclusion.moved, final: this.#isFinal(block), depth: Number(this.#head.id - block.id) };
  }

  /** Whether a final block used the nonce. */
  isNonceUsed(account: LezAccountId, nonce: bigint): boolean {
    const final = this.#chain.findLast((block) => this.#isFinal(block));
    return (final?.accounts.get(account)?.nonce ?? 0n) > nonce;
  }

  // --- What happens to it ---

  stop(): void {
    this.#mempool = [];
  }

  start(): void {}

  /** The next block, with what the mempool holds. */
  mine(): void {
    if (!this.up) return;
    const accounts = new Map(this.#head.accounts);
    const transfers: Transfer[] = [];
    const results: boolean[] = [];
    for (const transfer of this.#mempool.splice(0, BLOCK_TRANSFERS)) {
      const moved = execute(accounts, transfer, this.baseFee);
      if (moved === undefined) continue;
      transfers.push(transfer);
      results.push(moved);
    }
    this.#append(transfers, accounts);
    const deep = this.#head.id - BigInt(FINAL_DEPTH);
    if (deep > this.#final) this.#final = deep;
    const { id, hash } = this.#head;
    transfers.forEach(({ h }, index) => {
      this.inclusions.set(`${h} ${hash}`, { h, moved: results[index] ?? false, block: { id, hash }, depth: 0 });
    });
    for (const block of this.#chain.slice(-2 * FINAL_DEPTH)) {
      for (const { h } of block.transfers) {
        const inclusion = this.inclusions.get(`${h} ${block.hash}`);
        if (inclusion) inclusion.depth = Math.max(inclusion.depth, Number(id - block.id));
      }
    }
  }

  /** The last blocks leave the chain. Their transfers go to the back of the queue, or are lost. */
  orphan(count: number): void {
    const { random } = this.#network;
    for (let left = Math.min(count, MOST_ORPHANED); left > 0 && !this.#isFinal(this.#head); left--) {
      const block = this.#chain.pop();
      this.#mempool.push(...(block?.transfers ?? []).filter(() => !random.chance(0.3)));
    }
    if (random.chance(0.5)) this.mine(); // another head of the same height
  }

  dropNext(): void {
    this.#mempool.shift();
  }

  /** What came last is taken first. */
  reorder(): void {
    this.#mempool.reverse();
  }

  reset(funds: ReadonlyMap<LezAccountId, bigint>): void {
    this.#mempool = [];
    this.#chain = [this.#genesis(funds)];
    this.#final = 1n;
    for (let blocks = this.#network.random.between(0, 30); blocks > 0; blocks--) this.mine();
  }

  get #head(): Block {
    return this.#chain.at(-1) ?? this.#first;
  }

  get #first(): Block {
    const [first] = this.#chain;
    if (!first) throw new Error("a chain has a first block");
    return first;
  }

  #isFinal({ id }: BlockRef): boolean {
    return id <= this.#final;
  }

  #genesis(funds: ReadonlyMap<LezAccountId, bigint>): Block {
    const accounts = new Map([...funds].map(([account, balance]) => [account, { nonce: 0n, balance }]));
    return this.#block(1n, named("no block"), [], accounts);
  }

  #append(transfers: Transfer[], accounts: Accounts): void {
    this.#chain.push(this.#block(this.#head.id + 1n, this.#head.hash, transfers, accounts));
  }

  #block(id: bigint, previousHash: Digest, transfers: readonly Transfer[], accounts: Accounts): Block {
    const transactions = transfers.map(({ h, transaction, from, to, nonce }) => ({
      h,
      transaction,
      nonces: [{ account: from, nonce }],
      accounts: [from, to],
    }));
    const hash = named(`block ${++this.#blocks}`);
    return {
      id,
      hash,
      previousHash,
      timestamp: BigInt(this.#network.now + this.clock * 1000),
      final: false,
      transfers,
      transactions,
      accounts,
    };
  }
}

/** @returns whether the money moved; undefined if the transfer is dropped */
function execute(accounts: Map<LezAccountId, Account>, { from, to, value, nonce, maxFee }: Transfer, baseFee: bigint): boolean | undefined {
  const payer = accounts.get(from) ?? { nonce: 0n, balance: 0n };
  const fee = TRANSFER_BYTES * baseFee;
  if (payer.nonce !== nonce || fee > maxFee || payer.balance < fee) return undefined;
  const moved = payer.balance - fee >= value && from !== to;
  accounts.set(from, { nonce: nonce + 1n, balance: payer.balance - fee - (moved ? value : 0n) });
  const payee = accounts.get(to) ?? { nonce: 0n, balance: 0n };
  if (moved) accounts.set(to, { ...payee, balance: payee.balance + value });
  return moved;
}

const digests = new Map<string, Digest>();

/** A digest by its name. */
export function named(name: string): Digest {
  const known = digests.get(name);
  if (known) return known;
  const made = bytesToHex(sha256(utf8(name))) as Digest;
  digests.set(name, made);
  return made;
}
