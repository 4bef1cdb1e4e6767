/** The state of the chain: accounts with nonce and native balance, and the fee market. Atomic units are lepta. */

import type { LezAccountId } from "../../shared/zone/account.ts";
import { type FeeSummary } from "../../shared/zone/block.ts";
import { type BaseFees, EXEC_MARKET, nextBaseFee, STOR_MARKET } from "../../shared/zone/fees.ts";

export interface Account {
  nonce: bigint;
  balance: bigint;
}

/** An account that was never used. */
export const NEW_ACCOUNT: Account = { nonce: 0n, balance: 0n };

/** Accounts as `read` knows them, with changes on top that `changes` lists. */
export class Accounts {
  readonly #read: (account: LezAccountId) => Account;
  readonly #changed = new Map<LezAccountId, Account>();

  constructor(read: (account: LezAccountId) => Account) {
    this.#read = read;
  }

  get(account: LezAccountId): Account {
    return this.#changed.get(account) ?? this.#read(account);
  }

  get changes(): ReadonlyMap<LezAccountId, Account> {
    return this.#changed;
  }

  /** Changes nothing here until `take` brings the changes back. */
  fork(): Accounts {
    return new Accounts((account) => this.get(account));
  }

  take(fork: Accounts): void {
    for (const [account, state] of fork.changes) this.#changed.set(account, state);
  }

  useNonce(account: LezAccountId): void {
    const { nonce, balance } = this.get(account);
    this.#changed.set(account, { nonce: nonce + 1n, balance });
  }

  /** @returns false, and moves nothing, if `from` does not hold as much */
  move(from: LezAccountId, to: LezAccountId, value: bigint): boolean {
    if (!this.#add(from, -value)) return false;
    this.#add(to, value);
    return true;
  }

  #add(account: LezAccountId, value: bigint): boolean {
    const { nonce, balance } = this.get(account);
    if (balance + value < 0n) return false;
    this.#changed.set(account, { nonce, balance: balance + value });
    return true;
  }
}

/** What the fee program keeps. */
export interface FeeMarket {
  /** Prices in the next block. */
  base: BaseFees;
  /** What each of the last 50 blocks earned without tips; block `height` is at `height % 50`. */
  window: readonly bigint[];
  /** What the last payout left over of its division, less than 50. */
  carry: bigint;
  /** The last block. */
  height: bigint;
}

/** Blocks over which a producer's pay is spread. */
const SMOOTHING_WINDOW = 50;

export const OPENING_MARKET: FeeMarket = {
  base: { exec: EXEC_MARKET.min, stor: STOR_MARKET.min },
  window: Array.from({ length: SMOOTHING_WINDOW }, () => 0n),
  carry: 0n,
  height: 0n,
};

/** The market after a block, and what its producer is paid. */
export function closeMarket(market: FeeMarket, block: Omit<FeeSummary, "payout">): { market: FeeMarket; payout: bigint } {
  const height = market.height + 1n;
  const window = market.window.with(Number(height % BigInt(SMOOTHING_WINDOW)), block.revenueBase);
  const earned = window.reduce((sum, revenue) => sum + revenue, market.carry);
  const base = {
    exec: nextBaseFee(market.base.exec, block.gasExec, EXEC_MARKET),
    stor: nextBaseFee(market.base.stor, block.gasStor, STOR_MARKET),
  };
  return { market: { base, window, carry: earned % BigInt(SMOOTHING_WINDOW), height }, payout: earned / BigInt(SMOOTHING_WINDOW) };
}
