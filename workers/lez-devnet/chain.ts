/**
 * One chain over one SQLite database: the queue, the blocks, the accounts. Every method runs without an await and writes in one transaction,
 * so a crash leaves the state before it or the state after it.
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, fromBase64, toBase64, utf8 } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { MAX_AMOUNT } from "../../shared/limits.ts";
import { migrate, type MigratedStore } from "../../shared/migrations.ts";
import { integer, row, text } from "../../shared/row.ts";
import { BRIDGE_ACCOUNT, BRIDGE_PROGRAM, CLOCK_PROGRAM, FEE_PROGRAM, type LezAccountId } from "../../shared/zone/account.ts";
import { BLOCK_STATUSES, GENESIS_BLOCK, NO_BLOCK } from "../../shared/zone/block.ts";
import { ByteReader, ByteWriter } from "../../shared/zone/borsh.ts";
import { encodeTransaction, readTransaction, transactionId } from "../../shared/zone/transaction.ts";
import { type Admission, admit } from "./admission.ts";
import { buildBlock, buildGenesis, type Built, type Deposit, type Queued } from "./build-block.ts";
import { CHAIN_SCHEMA } from "./chain-schema.ts";
import { type Account, Accounts, type FeeMarket, NEW_ACCOUNT, OPENING_MARKET } from "./chain-state.ts";
import type { DevnetConfig } from "./config.ts";
import { MAX_BLOCK_TRANSACTIONS, MAX_MEMPOOL_BYTES, MAX_WAITING_DEPOSITS } from "./limits.ts";
import { marketFromText, marketToText } from "./market-text.ts";
import { MEMPOOL_IS_FULL } from "./rpc-error.ts";

const chainRow = row({ generation: integer(), final: integer(), last_timestamp: integer(), next_deposit: integer(), market: text() });
const blockRow = row({ id: integer(), hash: text<Digest>(), bytes: text(), market_before: text() });
const accountRow = row({ nonce: text(), balance: text() });
const namedRow = row({ id: text<LezAccountId>(), nonce: text(), balance: text() });
const queueRow = row({ seq: integer(), wire: text() });
const depositRow = row({ seq: integer(), account: text<LezAccountId>(), amount: text() });
const includedRow = row({ block: integer(), wire: text() });

/** Rows of the queue that are read at once. */
const QUEUE_PAGE = 100;

/** A new block, and what became of the transactions that left the queue. */
export interface Produced {
  id: number;
  hash: Digest;
  taken: Built["taken"];
}

export class Chain {
  readonly #store: MigratedStore;
  readonly #config: DevnetConfig;

  /** @throws {UnsupportedSchema} when newer code wrote the tables */
  constructor(store: MigratedStore, config: DevnetConfig) {
    migrate(store, CHAIN_SCHEMA);
    this.#store = store;
    this.#config = config;
    if (this.#sql("SELECT 1 FROM chain").length === 0) store.transact(() => this.#found(0));
  }

  get head(): number {
    return Number(this.#sql("SELECT max(id) AS head FROM block")[0]?.["head"]);
  }

  get market(): FeeMarket {
    return marketFromText(this.#chain().market);
  }

  /** The hash of block 1, which names the chain. */
  get genesis(): Digest {
    return this.#block(Number(GENESIS_BLOCK)).hash;
  }

  get waiting(): number {
    return Number(this.#sql("SELECT count(*) AS waiting FROM queue")[0]?.["waiting"]);
  }

  account(id: LezAccountId): Account {
    const [known] = this.#sql("SELECT nonce, balance FROM account WHERE id = ?", id).map(accountRow);
    return known ? { nonce: BigInt(known.nonce), balance: BigInt(known.balance) } : NEW_ACCOUNT;
  }

  /** A block in base64. */
  block(id: number): string | undefined {
    return this.#sql("SELECT id, hash, bytes, market_before FROM block WHERE id = ?", id).map(blockRow)[0]?.bytes;
  }

  /** The first inclusion of a transaction, with its bytes in base64. */
  transaction(id: Digest): { block: number; wire: string } | undefined {
    return this.#sql("SELECT block, wire FROM included WHERE id = ?", id).map(includedRow)[0];
  }

  /** @param wire a transaction with its tag. It is queued as it is, whether or not it was queued before */
  send(wire: Uint8Array, mempool = this.#config.mempool): Admission {
    const admission = admit(wire, this.market.base, (account) => this.account(account).balance);
    if (!admission.ok) return admission;
    return this.#enqueue(toBase64(wire), mempool) ? admission : { ok: false, error: MEMPOOL_IS_FULL };
  }

  /** Issues money with the next block. @returns false while too many wait */
  fund(account: LezAccountId, amount: bigint): boolean {
    return this.#store.transact(() => {
      const [waiting] = this.#sql("SELECT count(*) AS waiting FROM deposit WHERE block IS NULL");
      if (Number(waiting?.["waiting"]) >= MAX_WAITING_DEPOSITS) return false;
      const { next_deposit } = this.#chain();
      this.#sql("INSERT INTO deposit (seq, account, amount) VALUES (?, ?, ?)", next_deposit, account, amount.toString());
      this.#sql("UPDATE chain SET next_deposit = ?", next_deposit + 1);
      return true;
    });
  }

  /** Whether money for this account waits for a block. */
  isFunding(account: LezAccountId): boolean {
    return this.#sql("SELECT 1 FROM deposit WHERE block IS NULL AND account = ?", account).length > 0;
  }

  /**
   * Builds the next block.
   * @param now unix milliseconds
   * @param drop leave out as many of the queue's first transactions, without a trace
   */
  produce(now: number, drop = 0): Produced {
    return this.#store.transact(() => {
      this.#sql("DELETE FROM queue WHERE seq IN (SELECT seq FROM queue ORDER BY seq LIMIT ?)", drop);
      const previous = this.#block(this.head);
      const { market, last_timestamp } = this.#chain();
      const timestamp = Math.max(now, last_timestamp + 1);
      const accounts = new Accounts((account) => this.account(account));
      const opening = {
        id: BigInt(previous.id + 1),
        previousHash: previous.hash,
        timestamp: BigInt(timestamp),
        market: marketFromText(market),
        accounts,
      };
      const issued = this.#sql("SELECT seq, account, amount FROM deposit WHERE block IS NULL ORDER BY seq LIMIT ?", MAX_BLOCK_TRANSACTIONS);
      const deposits = issued.map(depositRow);
      const built = buildBlock(
        opening,
        deposits.map((each) => depositOf(each)),
        this.#queue(),
        this.#config.producer,
      );
      for (const { seq } of deposits) this.#sql("UPDATE deposit SET block = ? WHERE seq = ?", previous.id + 1, seq);
      for (const { ref } of built.taken) this.#sql("DELETE FROM queue WHERE seq = ?", ref);
      this.#append(previous.id + 1, built, accounts, market, timestamp);
      this.#finalize(previous.id + 1 - this.#config.finalBlocks);
      return { id: previous.id + 1, hash: built.hash, taken: built.taken };
    });
  }

  /**
   * Takes the last blocks off the head. Their transactions go to the back of the queue, as far as it has room; money of the bridge waits again.
   * @returns how many left: fewer than asked if the others are final
   */
  orphan(blocks: number): number {
    return this.#store.transact(() => {
      const { head } = this;
      const last = Math.max(head - blocks, this.#chain().final, Number(GENESIS_BLOCK));
      const orphaned = this.#sql("SELECT block, wire FROM included WHERE block > ? ORDER BY block, rowid", last).map(includedRow);
      for (const { wire } of orphaned) if (isUsers(wire)) this.#enqueue(wire, this.#config.mempool);
      for (let id = head; id > last; id--) {
        const { market_before } = this.#block(id);
        for (const before of this.#sql("SELECT id, nonce, balance FROM account_before WHERE block = ?", id).map(namedRow)) {
          this.#sql("UPDATE account SET nonce = ?, balance = ? WHERE id = ?", before.nonce, before.balance, before.id);
        }
        this.#sql("UPDATE chain SET market = ?", market_before);
      }
      this.#sql("DELETE FROM account_before WHERE block > ?", last);
      this.#sql("DELETE FROM included WHERE block > ?", last);
      this.#sql("DELETE FROM block WHERE id > ?", last);
      this.#sql("UPDATE deposit SET block = NULL WHERE block > ?", last);
      return head - last;
    });
  }

  /** What a sequencer forgets when it starts anew. @returns how many transactions were lost */
  restart(): number {
    const { waiting } = this;
    this.#sql("DELETE FROM queue");
    return waiting;
  }

  /** Another chain in place of this one. @returns the hash of its block 1 */
  reset(): Digest {
    return this.#store.transact(() => {
      const { generation } = this.#chain();
      for (const table of ["chain", "block", "included", "account", "account_before", "queue", "deposit"])
        this.#sql(`DELETE FROM ${table}`);
      this.#found(generation + 1);
      return this.genesis;
    });
  }

  /** Sets the prices of the next block, which no chain can do. */
  setBaseFee(base: FeeMarket["base"]): void {
    this.#sql("UPDATE chain SET market = ?", marketToText({ ...this.market, base }));
  }

  /** @param generation in its genesis as the timestamp: after a reset the same configuration is another chain */
  #found(generation: number): void {
    const market = marketToText(OPENING_MARKET);
    this.#sql(
      "INSERT INTO chain (one, generation, final, last_timestamp, next_deposit, market) VALUES (1, ?, 0, ?, 0, ?)",
      generation,
      generation,
      market,
    );
    this.#sql("INSERT INTO account (id, nonce, balance) VALUES (?, '0', ?)", BRIDGE_ACCOUNT, MAX_AMOUNT.toString());
    const accounts = new Accounts((account) => this.account(account));
    const opening = { id: GENESIS_BLOCK, previousHash: NO_BLOCK, timestamp: BigInt(generation), market: OPENING_MARKET, accounts };
    const supply = this.#config.supply.map(({ account, amount }, index) => ({ operation: genesisOperation(index), account, amount }));
    this.#append(Number(GENESIS_BLOCK), buildGenesis(opening, supply, this.#config.producer), accounts, market, generation);
  }

  #append(id: number, built: Omit<Built, "taken">, accounts: Accounts, marketBefore: string, timestamp: number): void {
    this.#sql(
      "INSERT INTO block (id, hash, bytes, market_before) VALUES (?, ?, ?, ?)",
      id,
      built.hash,
      toBase64(built.bytes),
      marketBefore,
    );
    for (const transaction of built.transactions) {
      const wire = toBase64(encodeTransaction(transaction));
      this.#sql("INSERT OR IGNORE INTO included (id, block, wire) VALUES (?, ?, ?)", transactionId(transaction), id, wire);
    }
    for (const [account, { nonce, balance }] of accounts.changes) {
      const before = this.account(account);
      const [had, has] = [before, { nonce, balance }].map((state) => [state.nonce.toString(), state.balance.toString()] as const);
      if (!had || !has) continue;
      this.#sql("INSERT INTO account_before (block, id, nonce, balance) VALUES (?, ?, ?, ?)", id, account, ...had);
      this.#sql("INSERT OR REPLACE INTO account (id, nonce, balance) VALUES (?, ?, ?)", account, ...has);
    }
    this.#sql("UPDATE chain SET market = ?, last_timestamp = ?", marketToText(built.market), timestamp);
  }

  /** Marks the blocks up to this one as final: they cannot be orphaned any more. */
  #finalize(last: number): void {
    const { final } = this.#chain();
    if (last <= final) return;
    for (let id = final + 1; id <= last; id++) {
      this.#sql("UPDATE block SET bytes = ? WHERE id = ?", withStatus(this.#block(id).bytes, "final"), id);
    }
    this.#sql("DELETE FROM account_before WHERE block <= ?", last);
    this.#sql("DELETE FROM deposit WHERE block <= ?", last);
    this.#sql("UPDATE chain SET final = ?", last);
  }

  *#queue(): Iterable<Queued> {
    for (let after = -1; ;) {
      const page = this.#sql("SELECT seq, wire FROM queue WHERE seq > ? ORDER BY seq LIMIT ?", after, QUEUE_PAGE).map(queueRow);
      for (const { seq, wire } of page) yield { ref: seq, transaction: readWire(wire) };
      const last = page.at(-1);
      if (!last) return;
      after = last.seq;
    }
  }

  /** @returns false, and keeps nothing, if the queue has no room */
  #enqueue(wire: string, mempool: number): boolean {
    const [queue] = this.#sql("SELECT count(*) AS waiting, total(bytes) AS bytes FROM queue");
    if (Number(queue?.["waiting"]) >= mempool || Number(queue?.["bytes"]) + wire.length > MAX_MEMPOOL_BYTES) return false;
    this.#sql("INSERT INTO queue (bytes, wire) VALUES (?, ?)", wire.length, wire);
    return true;
  }

  #chain() {
    const [chain] = this.#sql("SELECT generation, final, last_timestamp, next_deposit, market FROM chain").map(chainRow);
    if (!chain) throw new Error("the chain has no row");
    return chain;
  }

  #block(id: number) {
    const [block] = this.#sql("SELECT id, hash, bytes, market_before FROM block WHERE id = ?", id).map(blockRow);
    if (!block) throw new Error(`the chain has no block ${id}`);
    return block;
  }

  #sql(statement: string, ...bindings: (string | number)[]): Record<string, unknown>[] {
    return this.#store.sql(statement, ...bindings);
  }
}

/** Stored bytes were read when they came in. */
function readWire(wire: string) {
  return readTransaction(new ByteReader(bytesOf(wire))).transaction;
}

function bytesOf(base64: string): Uint8Array {
  return fromBase64(base64) ?? new Uint8Array(0);
}

/** The others are made anew for each block. */
function isUsers(wire: string): boolean {
  return ![BRIDGE_PROGRAM, FEE_PROGRAM, CLOCK_PROGRAM].includes(readWire(wire).program);
}

function withStatus(block: string, status: (typeof BLOCK_STATUSES)[number]): string {
  const bytes = bytesOf(block);
  bytes[bytes.length - 1] = BLOCK_STATUSES.indexOf(status);
  return toBase64(bytes);
}

function depositOf({ seq, account, amount }: { seq: number; account: LezAccountId; amount: string }): Deposit {
  const operation = sha256(concatBytes([utf8("lez-devnet/deposit/"), new ByteWriter().u64(BigInt(seq)).done()]));
  return { operation, account, amount: BigInt(amount) };
}

/** As upstream names the deposits of its genesis, by their place in the configuration. */
function genesisOperation(index: number): Uint8Array {
  return concatBytes([utf8("/LEZ/v0.3/GenesisDeposit"), new ByteWriter().u64(BigInt(index)).done()]);
}
