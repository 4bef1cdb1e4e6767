/**
 * Money from the treasury: grants of test money to every caller, and what the operator pays out. Both are payments by the treasury with
 * the grant's id as their nonce. A grant pays once, even if it is repeated much later. The digest of what the operator paid out has a type
 * of its own, `Funding`, and its sum is kept in the treasury's own row.
 */

import { type Digest, digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
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

type Grant = { account: AccountId; value: Amount; grantId: Digest };

const SET_GRANTED = "INSERT OR REPLACE INTO faucet (account, granted, since) VALUES (?, ?, ?)";

/** Atomic units that the operator has paid out. No account is granted anything under the treasury's name, so the row is free for it. */
export function issuedBy(store: LedgerStore, treasury: AccountId): bigint {
  const [row] = store.sql("SELECT granted FROM faucet WHERE account = ?", treasury);
  return row ? BigInt(windowRow(row).granted) : 0n;
}

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
    const obstacle = this.#granted(account, now) + BigInt(value) > FAUCET_CAP_PER_ACCOUNT ? "rate_limited" : undefined;
    return this.#payOut("Authorization", { account, value, grantId }, now, obstacle, () => this.#record(account, BigInt(value), now));
  }

  /** @param cap the most that the operator may pay out in all, in atomic units */
  issue(account: AccountId, value: Amount, grantId: Digest, cap: bigint, now: number): FundResult {
    const issued = issuedBy(this.#store, this.#treasury) + BigInt(value);
    const obstacle = issued > cap ? "insufficient_funds" : undefined;
    const record = () => this.#store.sql(SET_GRANTED, this.#treasury, issued.toString(), now);
    return this.#payOut("Funding", { account, value, grantId }, now, obstacle, record);
  }

  /** @param obstacle why this kind of grant is refused, unless it was paid before */
  #payOut(
    type: "Authorization" | "Funding",
    { account, value, grantId }: Grant,
    now: number,
    obstacle: ErrorCode | undefined,
    record: () => void,
  ): FundResult {
    const treasury = this.#treasury;
    const authorizationDigest = digest(type, { from: treasury, to: account, value, nonce: grantId });
    const paid = this.#paid(grantId);
    if (paid !== undefined && paid !== authorizationDigest) return refusal("nonce_replayed");
    if (paid === undefined) {
      if (account === treasury) return refusal("recipient_mismatch");
      if (this.#payments.find(treasury, grantId)) return refusal("nonce_replayed");
      if (obstacle) return refusal(obstacle);
      const payer = this.#accounts.read(treasury);
      if (available(payer) < BigInt(value)) return refusal("faucet_empty");
      if (this.#exchange.isFull(account)) return refusal("overloaded");
      const grant = { payer: treasury, nonce: grantId, authorizationDigest, payee: account, value, validAfter: now, validBefore: now };
      this.#exchange.pay(this.#payments.insertSettled(grant, grantId, null), value, payer, now);
      record();
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
    else this.#store.sql(SET_GRANTED, account, total, now);
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
