/**
 * A second ledger, naive and in memory, written from the state table alone. It knows no SQL, no journal and no alarms that
 * are late: rows in a map, and the money that is held is whatever the held rows add up to. Of several shards each has one.
 */

import type { Digest } from "../../crypto/digest.ts";
import type { ErrorCode } from "../../errors.ts";
import type { AccountId } from "../../protocol/account.ts";
import type { Amount } from "../../protocol/amount.ts";
import type { LedgerPayment } from "../../protocol/ledger-payment.ts";
import { START, txOf } from "./ledger.ts";

const SKEW = 30;
const LONGEST = 12 * 3600;
const RETENTION = 24 * 3600;
const HOUR = 3600;
const DAY = 24 * HOUR;
const LONGEST_HOLD = 300;
const FAUCET_CAP = 100_000_000n;

type Claim = { payment: LedgerPayment; id: Digest };
type Grant = { account: AccountId; value: Amount; id: Digest };
export type ModelEvent = { at: number } & (
  | (Claim & { event: "reserve"; seconds: number })
  | (Claim & { event: "capture" | "release" | "settle" | "cancel" | "status" | "check" })
  | (Grant & { event: "fund" })
  | { event: "alarm" | "restart" }
);

type Refused = { ok: false; code: ErrorCode; transaction?: Digest };
type Entry =
  | (Claim & { state: "held"; until: number; captureDeadline: number })
  | (Claim & { state: "settled"; captureDeadline: number })
  | { state: "cancelled"; payment: LedgerPayment; captureDeadline: number };

export class LedgerModel {
  readonly balances = new Map<AccountId, bigint>();
  readonly #entries = new Map<string, Entry>();
  /** Grants that were paid; never forgotten. */
  readonly #grants = new Map<Digest, LedgerPayment>();
  readonly #granted = new Map<AccountId, { sum: bigint; since: number }>();
  readonly #treasury: AccountId;
  #now = START;
  /** What the clock falls back to in a restart: the time of the last answer that must stay true. */
  #stored = START;

  readonly #send: (payment: LedgerPayment) => boolean;

  /** @param send takes a payment's money for an account of another shard; false for one of this shard */
  constructor(treasury: AccountId, supply: bigint, send: (payment: LedgerPayment) => boolean = () => false) {
    this.#treasury = treasury;
    this.#send = send;
    this.balances.set(treasury, supply);
  }

  /** Money from another shard. */
  receive(payments: LedgerPayment[], at: number): void {
    this.#advance(at);
    for (const { payee, value } of payments) this.#credit(payee, BigInt(value));
  }

  held(account: AccountId): bigint {
    const holds = [...this.#entries.values()].filter((entry) => entry.state === "held");
    return holds.reduce((sum, { payment }) => sum + (payment.payer === account ? BigInt(payment.value) : 0n), 0n);
  }

  /** The answer to `event`, as the state table gives it. */
  apply(event: ModelEvent): unknown {
    if (event.event === "check") return this.#check(event.payment, Math.max(this.#now, event.at));
    if (event.event === "restart") this.#now = this.#stored;
    else this.#advance(event.at);
    switch (event.event) {
      case "reserve":
        return this.#reserve(event);
      case "capture":
        return this.#capture(event);
      case "release":
        return this.#release(event);
      case "settle":
        return this.#settle(event);
      case "cancel":
        return this.#cancel(event);
      case "status":
        return this.#status(event);
      case "fund":
        return this.#fund(event);
      case "alarm":
        return this.#alarm();
      default:
        return undefined;
    }
  }

  #reserve({ payment, id, seconds }: Claim & { seconds: number }): unknown {
    const entry = this.#find(payment);
    if (entry?.state === "held" && entry.id === id && isSame(entry.payment, payment)) return granted(entry);
    const checked = this.#check(payment, this.#now);
    if (!checked.ok) return this.#refusal(checked);
    const until = this.#now + Math.min(seconds, LONGEST_HOLD);
    return granted(this.#put({ state: "held", payment, id, until, captureDeadline: Math.max(until, payment.validBefore) }));
  }

  #capture({ payment, id }: Claim): unknown {
    const entry = this.#entries.get(keyOf(payment));
    if (!entry || entry.state === "cancelled" || entry.id !== id) return refused("reservation_lost");
    if (entry.state === "settled") return receipt(entry.payment);
    if (this.#now <= entry.captureDeadline) return this.#pay({ ...entry, state: "settled" });
    this.#entries.delete(keyOf(payment));
    return this.#refusal(refused("payment_expired"));
  }

  #release({ payment, id }: Claim): unknown {
    const entry = this.#entries.get(keyOf(payment));
    if (entry?.state === "settled") return replayed(entry.payment);
    if (entry && (entry.state === "cancelled" || entry.id !== id)) return refused("reservation_lost");
    this.#entries.delete(keyOf(payment));
    return { ok: true };
  }

  #settle({ payment, id }: Claim): unknown {
    const entry = this.#find(payment);
    if (entry?.state === "settled" && entry.id === id && isSame(entry.payment, payment)) return receipt(payment);
    const checked = this.#check(payment, this.#now);
    if (!checked.ok) return this.#refusal(checked);
    return this.#pay({ state: "settled", payment, id, captureDeadline: payment.validBefore });
  }

  #cancel({ payment }: Claim): unknown {
    const entry = this.#find(payment);
    if (entry?.state === "settled") return replayed(entry.payment);
    if (entry?.state === "held" && this.#now <= entry.until) return refused("payment_in_progress");
    if (entry?.state === "cancelled") return { ok: true };
    if (!this.balances.has(payment.payer)) return refused("insufficient_funds");
    this.#put({ state: "cancelled", payment, captureDeadline: this.#now + LONGEST + SKEW });
    return { ok: true };
  }

  #status({ payment }: Claim): unknown {
    const entry = this.#find(payment);
    if (entry?.state === "settled") return { status: "settled", transaction: txOf(entry.payment) };
    if (entry) return { status: entry.state === "held" ? "reserved" : "cancelled" };
    if (this.#now <= payment.validBefore) return { status: "unused" };
    if (this.#now > payment.validBefore + RETENTION) return { status: "unknown" };
    this.#stored = this.#now;
    return { status: "expired" };
  }

  /** A grant is a payment by the treasury, which makes no others here. */
  #fund({ account, value, id }: Grant): unknown {
    const terms = { payer: this.#treasury, payee: account, value, nonce: id, validAfter: 0, validBefore: this.#now };
    const payment: LedgerPayment = { ...terms, authorizationDigest: `${account} ${value}` as Digest };
    const known = this.#grants.get(id);
    if (known && !isSame(known, payment)) return refused("nonce_replayed");
    if (!known) {
      const last = this.#granted.get(account);
      const { sum, since } = last && this.#now < last.since + DAY ? last : { sum: 0n, since: this.#now };
      if (sum + BigInt(value) > FAUCET_CAP) return refused("rate_limited");
      if (this.#balance(this.#treasury) < BigInt(value)) return refused("faucet_empty");
      this.#grants.set(id, payment);
      this.#granted.set(account, { sum: sum + BigInt(value), since });
      this.#pay({ state: "settled", payment, id, captureDeadline: this.#now });
    }
    return { ok: true, account, balance: this.#balance(account).toString() };
  }

  #alarm(): number | undefined {
    this.#stored = this.#now;
    for (const [key, { state, captureDeadline }] of this.#entries) {
      if (this.#now > captureDeadline + (state === "held" ? 0 : RETENTION + SKEW)) this.#entries.delete(key);
    }
    if (this.#entries.size === 0) return undefined;
    const holds = [...this.#entries.values()].filter(({ state }) => state === "held");
    return Math.min(this.#now + HOUR, ...holds.map(({ captureDeadline }) => captureDeadline + 1));
  }

  /** Whether a new caller could claim the payment at `now`. */
  #check(payment: LedgerPayment, now: number): { ok: true } | Refused {
    const found = this.#entries.get(keyOf(payment));
    const entry = isDead(found, now) ? undefined : found;
    if (entry?.state === "settled") return replayed(entry.payment);
    if (entry?.state === "cancelled") return refused("payment_revoked");
    if (entry && !isSame(entry.payment, payment)) return refused("nonce_replayed");
    if (entry && now <= entry.until) return refused("payment_in_progress");
    if (payment.validAfter - SKEW > now) return refused("payment_not_yet_valid");
    if (now > payment.validBefore) return refused("payment_expired");
    if (payment.validBefore - now > LONGEST + SKEW) return refused("validity_too_long");
    const claimed = this.held(payment.payer) - (found?.state === "held" ? BigInt(found.payment.value) : 0n);
    return this.#balance(payment.payer) - claimed - BigInt(payment.value) < 0n ? refused("insufficient_funds") : { ok: true };
  }

  /** The entry as it counts now: any event that meets an expired hold frees it. */
  #find(payment: LedgerPayment): Entry | undefined {
    if (isDead(this.#entries.get(keyOf(payment)), this.#now)) this.#entries.delete(keyOf(payment));
    return this.#entries.get(keyOf(payment));
  }

  #put<T extends Entry>(entry: T): T {
    this.#entries.set(keyOf(entry.payment), entry);
    return entry;
  }

  #pay(entry: Entry): unknown {
    const { payer, payee, value } = this.#put(entry).payment;
    this.#credit(payer, -BigInt(value));
    if (!this.#send(entry.payment)) this.#credit(payee, BigInt(value));
    return receipt(entry.payment);
  }

  /** A jump is stored at once. */
  #advance(at: number): void {
    if (at > this.#now + DAY) this.#stored = at;
    this.#now = Math.max(this.#now, at);
  }

  #credit(account: AccountId, value: bigint): void {
    this.balances.set(account, this.#balance(account) + value);
  }

  #balance(account: AccountId): bigint {
    return this.balances.get(account) ?? 0n;
  }

  /** "Expired" is final. */
  #refusal(refused: Refused): Refused {
    if (refused.code === "payment_expired") this.#stored = this.#now;
    return refused;
  }
}

function keyOf({ payer, nonce }: LedgerPayment): string {
  return `${payer} ${nonce}`;
}

function isSame(one: LedgerPayment, other: LedgerPayment): boolean {
  return one.authorizationDigest === other.authorizationDigest;
}

function isDead(entry: Entry | undefined, now: number): boolean {
  return entry?.state === "held" && now > entry.captureDeadline;
}

function refused(code: ErrorCode): Refused {
  return { ok: false, code };
}

function replayed(by: LedgerPayment): Refused {
  return { ok: false, code: "nonce_replayed", transaction: txOf(by) };
}

function receipt(payment: LedgerPayment): unknown {
  const { payer, payee, value } = payment;
  return { ok: true, transaction: txOf(payment), payer, payee, value };
}

function granted({ payment, id, until }: Extract<Entry, { state: "held" }>): unknown {
  const { payer, nonce } = payment;
  return { ok: true, reservation: { payer, nonce, reservationId: id }, heldUntil: until, transaction: txOf(payment) };
}
