/** Test money: payments by the treasury, with the grant's id as their nonce. A grant pays once, even if it is repeated much later. */

import { type Digest, digest } from "../crypto/digest.ts";
import { NETWORK } from "../lez.ts";
import { FAUCET_CAP_PER_ACCOUNT, FAUCET_WINDOW_SECONDS } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import type { Amount } from "../protocol/amount.ts";
import { transactionOf } from "../protocol/authorization.ts";
import { refusal } from "../protocol/refusal.ts";
import { row, text } from "../row.ts";
import type { FundResult } from "../settlement/backend.ts";
import { type Accounts, available } from "./accounts.ts";
import type { Exchange } from "./exchange.ts";
import type { Payments } from "./payments.ts";
import type { LedgerStore } from "./store.ts";

const windowRow = row({ granted: text() });
const grantRow = row({ authorization_digest: text<Digest>() });

export class Faucet {
  readonly #store: LedgerStore;
  readonly #treasury: AccountId;
  readonly #accounts: Accounts;
  readonly #exchange: Exchange;
  readonly #payments: Payments;

  constructor(store: LedgerStore, treasury: AccountId, accounts: Accounts, exchange: Exchange, payments: Payments) {
    this.#store = store;
    this.#treasury = treasury;
    this.#accounts = accounts;
    this.#exchange = exchange;
    this.#payments = payments;
  }

  fund(account: AccountId, value: Amount, grantId: Digest, now: number): FundResult {
    const treasury = this.#treasury;
    const authorizationDigest = digest("Authorization", { from: treasury, to: account, value, nonce: grantId });
    const paid = this.#paid(grantId);
    if (paid !== undefined && paid !== authorizationDigest) return refusal("nonce_replayed");
    if (paid === undefined) {
      if (account === treasury) return refusal("recipient_mismatch");
      if (this.#payments.find(treasury, grantId)) return refusal("nonce_replayed");
      if (this.#granted(account, now) + BigInt(value) > FAUCET_CAP_PER_ACCOUNT) return refusal("rate_limited");
      const payer = this.#accounts.read(treasury);
      if (available(payer) < BigInt(value)) return refusal("faucet_empty");
      if (this.#exchange.isFull(account)) return refusal("overloaded");
      const grant = { payer: treasury, nonce: grantId, authorizationDigest, payee: account, value, validAfter: now, validBefore: now };
      this.#exchange.pay(this.#payments.insertSettled(grant, grantId), payer, now);
      this.#record(account, BigInt(value), now);
      this.#remember(grantId, authorizationDigest);
    }
    const { balance } = this.#accounts.read(account);
    return { ok: true, transaction: transactionOf(NETWORK, authorizationDigest), account, balance };
  }

  /** Atomic units granted in the account's present window. A window begins with the first grant after the last window's end. */
  #granted(account: AccountId, now: number): bigint {
    const [row] = this.#store.sql("SELECT granted FROM faucet WHERE account = ? AND since > ?", account, now - FAUCET_WINDOW_SECONDS);
    return row ? BigInt(windowRow(row).granted) : 0n;
  }

  #record(account: AccountId, value: bigint, now: number): void {
    const before = this.#granted(account, now);
    const total = (before + value).toString();
    if (before > 0n) this.#store.sql("UPDATE faucet SET granted = ? WHERE account = ?", total, account);
    else this.#store.sql("INSERT OR REPLACE INTO faucet (account, granted, since) VALUES (?, ?, ?)", account, total, now);
  }

  /** The authorization that the grant's id paid; undefined if it has paid none. */
  #paid(id: Digest): Digest | undefined {
    const [row] = this.#store.sql("SELECT authorization_digest FROM faucet_grant WHERE id = ?", id);
    return row && grantRow(row).authorization_digest;
  }

  #remember(id: Digest, authorizationDigest: Digest): void {
    this.#store.sql("INSERT INTO faucet_grant (id, authorization_digest) VALUES (?, ?)", id, authorizationDigest);
  }
}
