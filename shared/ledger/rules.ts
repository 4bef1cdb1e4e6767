/**
 * The ledger's rules: the state table of a payment (spec/architecture.md), one method per event.
 *
 * Pure and synchronous: no clock, no randomness, no platform. Callers give the time (unix seconds) and the ids. Every
 * method runs in one transaction and refuses by value; it throws only when the book contradicts itself.
 */
import type { AccountId } from "../account.ts";
import type { Amount } from "../amount.ts";
import { transactionOf } from "../authorization.ts";
import type {
  AccountState,
  CancelResult,
  CheckResult,
  FundResult,
  Hold,
  LedgerInfo,
  LedgerPayment,
  PaymentStatus,
  Refusal,
  ReleaseResult,
  Reservation,
  ReserveResult,
  Settled,
  SettleResult,
} from "../backend.ts";
import { type Digest, digest } from "../digest.ts";
import type { ErrorCode } from "../errors.ts";
import { NETWORK } from "../lez.ts";
import {
  CLOCK_SKEW_SECONDS,
  EXPIRY_BATCH,
  FAUCET_CAP_PER_ACCOUNT,
  MAX_HOLD_SECONDS,
  MAX_VALIDITY_SECONDS,
  RETENTION_SECONDS,
  SWEEP_INTERVAL_SECONDS,
} from "../limits.ts";
import { Accounts, type JournalEntry } from "./accounts.ts";
import { type AuditReport, auditLedger } from "./audit.ts";
import { grantedTo, recordGrant } from "./faucet.ts";
import { type Genesis, openGenesis } from "./genesis.ts";
import { type CancelledRow, type HeldRow, type PaymentRow, Payments, type SettledRow } from "./payments.ts";
import type { LedgerStore } from "./store.ts";

export class LedgerRules {
  readonly #store: LedgerStore;
  readonly #info: LedgerInfo;
  readonly #accounts: Accounts;
  readonly #payments: Payments;
  /** The latest time seen. Time never runs backwards here, whatever the machine's clock does. */
  #now: number;

  /** Opens the ledger in `store`. `genesis` counts the first time only. */
  constructor(store: LedgerStore, genesis: Genesis) {
    this.#store = store;
    this.#info = openGenesis(store, genesis);
    this.#accounts = new Accounts(store, this.#info.ledger);
    this.#payments = new Payments(store);
    this.#now = Number(store.sql("SELECT last FROM clock")[0]?.["last"]);
  }

  reserve(payment: LedgerPayment, hold: Hold, clock: number): ReserveResult {
    return this.#event(clock, (now) => {
      const row = this.#current(payment.payer, payment.nonce, now);
      if (row?.state === "held" && row.holder === hold.reservationId && row.authorization_digest === payment.authorizationDigest) {
        return reserved(row);
      }
      const taken = this.#takenBy(row, payment, now);
      if (taken) return taken;
      if (row?.state === "held") this.#free(row);
      const obstacle = this.#obstacle(payment, now);
      if (obstacle) return this.#refuseFor(obstacle);
      this.#accounts.hold(payment.payer, BigInt(payment.value));
      const heldUntil = now + Math.min(hold.seconds, MAX_HOLD_SECONDS);
      return reserved(this.#payments.insertHeld(payment, hold.reservationId, hold.fingerprint, heldUntil));
    });
  }

  capture({ payer, nonce, reservationId }: Reservation, clock: number): SettleResult {
    return this.#event(clock, (now) => {
      const row = this.#payments.find(payer, nonce);
      if (!row || row.state === "cancelled" || row.holder !== reservationId) return refuse("reservation_lost");
      if (row.state === "settled") return settled(row);
      if (now > row.dead_line) {
        this.#free(row);
        return this.#final(refuse("payment_expired"));
      }
      this.#accounts.hold(payer, -BigInt(row.value));
      this.#payments.markSettled(row);
      return this.#pay({ ...row, state: "settled" });
    });
  }

  release({ payer, nonce, reservationId }: Reservation, clock: number): ReleaseResult {
    return this.#event(clock, () => {
      const row = this.#payments.find(payer, nonce);
      if (!row) return { ok: true };
      if (row.state === "settled") return over(row);
      if (row.state === "cancelled" || row.holder !== reservationId) return refuse("reservation_lost");
      this.#free(row);
      return { ok: true };
    });
  }

  settle(payment: LedgerPayment, settlementId: Digest, clock: number): SettleResult {
    return this.#event(clock, (now) => {
      const row = this.#current(payment.payer, payment.nonce, now);
      if (row?.state === "settled" && row.holder === settlementId && row.authorization_digest === payment.authorizationDigest) {
        return settled(row);
      }
      const taken = this.#takenBy(row, payment, now);
      if (taken) return taken;
      if (row?.state === "held") this.#free(row);
      const obstacle = this.#obstacle(payment, now);
      if (obstacle) return this.#refuseFor(obstacle);
      return this.#pay(this.#payments.insertSettled(payment, settlementId));
    });
  }

  cancel(payer: AccountId, nonce: Digest, clock: number): CancelResult {
    return this.#event(clock, (now) => {
      const row = this.#current(payer, nonce, now);
      if (row?.state === "settled") return over(row);
      if (row?.state === "cancelled") return { ok: true };
      if (row?.state === "held") {
        if (isLive(row, now)) return refuse("payment_in_progress");
        this.#free(row);
      }
      // Whatever was signed before now ends within the longest validity; the row outlives all of it.
      this.#payments.insertCancelled(payer, nonce, now + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS);
      return { ok: true };
    });
  }

  /** What `reserve` and `settle` would say of a payment that nobody here has claimed before. Writes nothing. */
  check(payment: LedgerPayment, clock: number): CheckResult {
    const now = Math.max(this.#now, clock);
    const row = this.#payments.find(payment.payer, payment.nonce);
    const dead = row?.state === "held" && now > row.dead_line;
    const taken = dead ? undefined : this.#takenBy(row, payment, now);
    if (taken) return taken;
    const obstacle = this.#obstacle(payment, now, row?.state === "held" ? BigInt(row.value) : 0n);
    return obstacle ? refuse(obstacle) : { ok: true };
  }

  status(payer: AccountId, nonce: Digest, validBefore: number, clock: number): PaymentStatus {
    return this.#event(clock, (now): PaymentStatus => {
      const row = this.#current(payer, nonce, now);
      if (row?.state === "held") return { status: "reserved" };
      if (row?.state === "settled") return { status: "settled", transaction: row.tx };
      if (row?.state === "cancelled") return { status: "cancelled" };
      if (now <= validBefore) return { status: "unused" };
      return now <= validBefore + RETENTION_SECONDS ? this.#final({ status: "expired" }) : { status: "unknown" };
    });
  }

  /** Test money: a payment by the treasury whose nonce is the grant's id, so one grant pays once. */
  fund(account: AccountId, value: Amount, grantId: Digest, clock: number): FundResult {
    return this.#event(clock, (now) => {
      const { treasury } = this.#info;
      const authorizationDigest = digest("Authorization", { from: treasury, to: account, value, nonce: grantId });
      const grant = { payer: treasury, nonce: grantId, authorizationDigest, payee: account, value, validAfter: now, validBefore: now };
      const row = this.#payments.find(treasury, grantId);
      if (row && (row.state !== "settled" || row.authorization_digest !== authorizationDigest)) return refuse("nonce_replayed");
      if (!row) {
        if (account === treasury) return refuse("recipient_mismatch");
        if (grantedTo(this.#store, account, now) + BigInt(value) > FAUCET_CAP_PER_ACCOUNT) return refuse("rate_limited");
        if (this.#available(treasury) < BigInt(value)) return refuse("faucet_empty");
        this.#pay(this.#payments.insertSettled(grant, grantId));
        recordGrant(this.#store, account, BigInt(value), now);
      }
      const { balance } = this.#accounts.read(account);
      return { ok: true, transaction: transactionOf(NETWORK, authorizationDigest), account, balance };
    });
  }

  /**
   * The alarm's work: frees holds past their dead line, forgets what is past its retention, a bounded batch of each.
   * @returns unix seconds at which there is work again; undefined when there will be none
   */
  tidy(clock: number): number | undefined {
    return this.#event(clock, (now) => {
      const dead = this.#payments.deadHolds(now, EXPIRY_BATCH);
      for (const row of dead) this.#free(row);
      const unfinished = this.#payments.sweep(now) || dead.length === EXPIRY_BATCH;
      this.#persistClock();
      if (unfinished) return now + 1;
      if (this.#payments.isEmpty()) return undefined;
      const deadLine = this.#payments.nextDeadLine();
      return Math.min(deadLine === undefined ? Number.POSITIVE_INFINITY : deadLine + 1, now + SWEEP_INTERVAL_SECONDS);
    });
  }

  info(): LedgerInfo {
    return this.#info;
  }

  account(id: AccountId): AccountState {
    return this.#accounts.read(id);
  }

  /** A page of an account's chain, oldest first. */
  journal(id: AccountId, afterSeq: number, limit: number): JournalEntry[] {
    return this.#accounts.journal(id, afterSeq, limit);
  }

  /** Recomputes everything that must hold. Reads the whole book. */
  audit(): AuditReport {
    return this.#store.transact(() => auditLedger(this.#store, this.#accounts, this.#info));
  }

  // --- What the events are made of -------------------------------------------------------------------

  #event<T>(clock: number, body: (now: number) => T): T {
    this.#now = Math.max(this.#now, clock);
    return this.#store.transact(() => body(this.#now));
  }

  /** The row as it counts now: a hold past its dead line is none, whether or not the alarm has been there. */
  #current(payer: AccountId, nonce: Digest, now: number): PaymentRow | undefined {
    const row = this.#payments.find(payer, nonce);
    if (row?.state !== "held" || now <= row.dead_line) return row;
    this.#free(row);
    return undefined;
  }

  /** Why a new claim on this payment cannot have it; undefined when nobody has, or a hold that is over had. */
  #takenBy(row: PaymentRow | undefined, payment: LedgerPayment, now: number): Refusal | undefined {
    if (!row) return undefined;
    if (row.state !== "held") return over(row);
    if (row.authorization_digest !== payment.authorizationDigest) return refuse("nonce_replayed");
    return isLive(row, now) ? refuse("payment_in_progress") : undefined;
  }

  /** Why a payment that nobody has claimed cannot be made. `freed`: money that an old hold on it would give back. */
  #obstacle(payment: LedgerPayment, now: number, freed = 0n): ErrorCode | undefined {
    if (payment.validAfter > now + CLOCK_SKEW_SECONDS) return "payment_not_yet_valid";
    if (payment.validBefore < now) return "payment_expired";
    if (payment.validBefore > now + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS) return "validity_too_long";
    return this.#available(payment.payer) + freed < BigInt(payment.value) ? "insufficient_funds" : undefined;
  }

  /** "Expired" is said for good. */
  #refuseFor(obstacle: ErrorCode): Refusal {
    return obstacle === "payment_expired" ? this.#final(refuse(obstacle)) : refuse(obstacle);
  }

  #available(id: AccountId): bigint {
    const { balance, held } = this.#accounts.read(id);
    return BigInt(balance) - BigInt(held);
  }

  /** Moves the money of a payment whose row says settled. */
  #pay(row: SettledRow): Settled {
    this.#accounts.transfer(row.payer, row.payee, BigInt(row.value), {
      authorizationDigest: row.authorization_digest,
      ...(row.request_digest && { requestDigest: row.request_digest }),
      transaction: row.tx,
      at: this.#now,
    });
    return settled(row);
  }

  /** held → none: the money is the payer's again, and the payment as if it had never been presented. */
  #free(row: HeldRow): void {
    this.#accounts.hold(row.payer, -BigInt(row.value));
    this.#payments.delete(row);
  }

  /** For answers that say a time has passed for good: persists the time first, so that no restart can take it back. */
  #final<T>(answer: T): T {
    this.#persistClock();
    return answer;
  }

  #persistClock(): void {
    this.#store.sql("UPDATE clock SET last = ? WHERE last < ?", this.#now, this.#now);
  }
}

function isLive(row: HeldRow, now: number): boolean {
  return now <= row.held_until;
}

function refuse(code: ErrorCode): Refusal {
  return { ok: false, code };
}

/** The refusal of whatever comes after a payment's end. */
function over(row: SettledRow | CancelledRow): Refusal {
  return row.state === "settled" ? { ok: false, code: "nonce_replayed", transaction: row.tx } : refuse("payment_revoked");
}

function reserved(row: HeldRow): ReserveResult {
  const reservation = { payer: row.payer, nonce: row.nonce, reservationId: row.holder };
  return { ok: true, reservation, heldUntil: row.held_until, transaction: row.tx };
}

function settled(row: SettledRow): Settled {
  return { ok: true, transaction: row.tx, payer: row.payer, payee: row.payee, value: row.value };
}
