/**
 * The state table of a payment (spec/state-table.md): how each event changes a nonce and the hold on it, one method per event.
 *
 * The caller opens the transaction and gives the ledger's time: `now`, unix seconds. Refusals are values.
 */

import type { Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { UPTO } from "../lez.ts";
import {
  CLOCK_SKEW_SECONDS,
  EXPIRY_BATCH,
  MAX_CANCELLED_NONCES,
  MAX_HOLD_SECONDS,
  MAX_VALIDITY_SECONDS,
  RETENTION_SECONDS,
  SWEEP_INTERVAL_SECONDS,
} from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import type { Charge } from "../protocol/amount.ts";
import type { LedgerPayment } from "../protocol/ledger-payment.ts";
import type { SessionName } from "../protocol/ledger-session.ts";
import { type Refusal, refusal } from "../protocol/refusal.ts";
import type {
  CancelResult,
  CheckResult,
  PaymentStatus,
  ReleaseResult,
  ReserveResult,
  Settled,
  SettleResult,
} from "../settlement/backend.ts";
import type { CaptureCommand, LedgerSettleCommand, ReleaseCommand, ReserveCommand } from "../settlement/commands.ts";
import { type Accounts, available, claimed, isUnknown } from "./accounts.ts";
import type { Clock } from "./clock.ts";
import type { Exchange } from "./exchange.ts";
import type { MandateTable } from "./mandate-table.ts";
import {
  type CancelledRow,
  chargedOf,
  type HeldRow,
  type PaymentRow,
  type Payments,
  type SessionNonceRow,
  type SettledRow,
} from "./payments.ts";

/** What becomes of sessions where an event is about a nonce, or the alarm rings. */
interface SessionEvents {
  /** @returns undefined if the session is over */
  cancel(name: SessionName, now: number, signedBy: number): CancelResult | undefined;
  runMaintenance(now: number): { unfinished: boolean; forgot: boolean; next: number };
}

export class StateTable {
  readonly #accounts: Accounts;
  readonly #exchange: Exchange;
  readonly #payments: Payments;
  readonly #mandates: MandateTable;
  readonly #clock: Clock;

  constructor(accounts: Accounts, exchange: Exchange, payments: Payments, mandates: MandateTable, clock: Clock) {
    this.#accounts = accounts;
    this.#exchange = exchange;
    this.#payments = payments;
    this.#mandates = mandates;
    this.#clock = clock;
  }

  reserve({ payment, reservationId, holdSeconds }: ReserveCommand<LedgerPayment>, now: number): ReserveResult {
    const row = this.current(payment.payer, payment.nonce, now);
    if (row?.state === "held" && row.holder === reservationId && row.authorization_digest === payment.authorizationDigest) {
      return reserved(row);
    }
    const refusal = this.#makeWay(row, payment, now);
    if (refusal) return refusal;
    this.#accounts.hold(this.#accounts.read(payment.payer), BigInt(payment.value));
    const heldUntil = now + Math.min(holdSeconds, MAX_HOLD_SECONDS);
    return reserved(this.#payments.insertHeld(payment, reservationId, heldUntil, this.#mandates.claim(payment, now)));
  }

  capture({ payer, nonce, reservationId, value }: CaptureCommand, now: number): SettleResult {
    const row = this.#payments.find(payer, nonce);
    if (!row || !isClaim(row) || row.holder !== reservationId) return refusal("reservation_lost");
    if (row.state === "settled") return settled(row);
    if (now > row.capture_deadline) {
      this.#free(row);
      return this.#final(refusal("payment_expired"));
    }
    // The work was begun under a hold that its owner could not take back. Once that has ended, the owner's word counts.
    if (!isLive(row, now) && this.#mandates.isRevoked(row)) {
      this.#free(row);
      return refusal("mandate_revoked");
    }
    const charge = value ?? row.value;
    const wrong = wrongCharge(row, charge);
    if (wrong) return wrong;
    this.#mandates.capture(row, charge);
    return this.#pay(this.#payments.markSettled(row, charge), BigInt(row.value), now);
  }

  release({ payer, nonce, reservationId }: ReleaseCommand): ReleaseResult {
    const row = this.#payments.find(payer, nonce);
    if (!row) return { ok: true };
    if (row.state === "settled") return over(row);
    if (!isClaim(row) || row.holder !== reservationId) return refusal("reservation_lost");
    this.#free(row);
    return { ok: true };
  }

  settle({ payment, settlementId, value: charge = payment.value, purpose }: LedgerSettleCommand, now: number): SettleResult {
    const row = this.current(payment.payer, payment.nonce, now);
    if (row?.state === "settled" && row.holder === settlementId && row.authorization_digest === payment.authorizationDigest) {
      return settled(row);
    }
    const refusal = this.#makeWay(row, payment, now, charge);
    if (refusal) return refusal;
    const window = this.#mandates.spend(payment, charge, now);
    return this.#pay(this.#payments.insertSettled(payment, settlementId, window, charge), 0n, now, purpose);
  }

  /**
   * @param sessions ends the session, if the nonce has opened one
   * @param signedBy unix seconds: whatever was signed before the cancellation was signed by then
   */
  cancel(payer: AccountId, nonce: Digest, sessions: SessionEvents, now: number, signedBy: number): CancelResult {
    const row = this.current(payer, nonce, now);
    if (row?.state === "settled") return over(row);
    if (row?.state === "cancelled") return { ok: true };
    if (row?.state === "session") return sessions.cancel({ payer, id: row.session }, now, signedBy) ?? over(row);
    if (row?.state === "held" && isLive(row, now)) return refusal("payment_in_progress");
    // Keys cost nothing. Only an account that has held money can make the ledger store something.
    if (isUnknown(this.#accounts.read(payer))) return refusal("insufficient_funds");
    if (this.#payments.cancelledBy(payer) >= MAX_CANCELLED_NONCES) return refusal("rate_limited");
    if (row?.state === "held") this.#free(row);
    // They expire within the longest validity; the row outlives them.
    this.#payments.insertCancelled(payer, nonce, signedBy + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS);
    return { ok: true };
  }

  /**
   * Frees expired holds and dead sessions, and deletes what is past its retention, a bounded batch of each.
   * @returns when there is work again; Infinity for never
   */
  runMaintenance(sessions: SessionEvents, now: number): number {
    const expired = this.#payments.expiredHolds(now, EXPIRY_BATCH);
    for (const row of expired) this.#free(row);
    const ended = sessions.runMaintenance(now);
    const sweeps = [this.#payments.sweep(now), this.#mandates.sweep(now), ended];
    if (sweeps.some(({ forgot }) => forgot)) this.#clock.persistFinal();
    if (sweeps.some(({ unfinished }) => unfinished) || expired.length === EXPIRY_BATCH) return now + 1;
    const next = Math.min(this.#mandates.nextSweep(), ended.next);
    if (this.#payments.isEmpty()) return next;
    return Math.min((this.#payments.nextCaptureDeadline() ?? Infinity) + 1, now + SWEEP_INTERVAL_SECONDS, next);
  }

  status(payer: AccountId, nonce: Digest, validBefore: number, now: number): PaymentStatus {
    const row = this.current(payer, nonce, now);
    if (row?.state === "held") return { status: "reserved" };
    if (row?.state === "settled") return outcomeOf(row);
    if (row?.state === "cancelled") return { status: "cancelled" };
    if (row?.state === "session") return { status: "session", session: row.session };
    if (now <= validBefore) return { status: "unused" };
    return now <= validBefore + RETENTION_SECONDS ? this.#final({ status: "expired" }) : { status: "unknown" };
  }

  /** What became of a payment, at a ledger on which nothing more happens. Writes nothing. */
  outcome(payer: AccountId, nonce: Digest): PaymentStatus {
    const row = this.#payments.find(payer, nonce);
    if (row?.state === "settled") return outcomeOf(row);
    if (row?.state === "session") return { status: "session", session: row.session };
    return { status: row?.state === "cancelled" ? "cancelled" : "unknown" };
  }

  /** What `reserve` and `settle` would answer to an id that has not claimed the payment before. Writes nothing. */
  check(payment: LedgerPayment, now: number): CheckResult {
    const row = this.#payments.find(payment.payer, payment.nonce);
    const expired = row?.state === "held" && now > row.capture_deadline;
    const taken = expired ? undefined : this.#takenBy(row, payment, now);
    if (taken) return taken;
    return this.#obstacle(payment, row, now) ?? { ok: true };
  }

  /** What has become of the nonce as of now: a hold past its capture deadline is freed, before the alarm does so. */
  current(payer: AccountId, nonce: Digest, now: number): PaymentRow | undefined {
    const row = this.#payments.find(payer, nonce);
    if (row?.state !== "held" || now <= row.capture_deadline) return row;
    this.#free(row);
    return undefined;
  }

  // --- What the events are made of -------------------------------------------------------------------

  /** Returns why a new claim is refused; undefined if it can be made, after freeing the hold it takes over. */
  #makeWay(row: PaymentRow | undefined, payment: LedgerPayment, now: number, charge: Charge = payment.value): Refusal | undefined {
    const taken = this.#takenBy(row, payment, now);
    if (taken) return taken;
    const obstacle = this.#obstacle(payment, row, now) ?? wrongCharge(payment, charge);
    if (obstacle) return NEVER.has(obstacle.code) ? this.#final(obstacle) : obstacle;
    if (row?.state === "held") this.#free(row);
    return undefined;
  }

  /** Returns why this payment is already claimed; undefined if it is free or its hold is reclaimable. */
  #takenBy(row: PaymentRow | undefined, payment: LedgerPayment, now: number): Refusal | undefined {
    if (!row) return undefined;
    if (row.state !== "held") return over(row);
    if (row.authorization_digest !== payment.authorizationDigest) return refusal("nonce_replayed");
    return isLive(row, now) ? refusal("payment_in_progress") : undefined;
  }

  /**
   * Returns why an unclaimed payment cannot be made; undefined if it can. The money of `row`, a hold that the claim would take
   * over, counts as available, and as unused under its mandate. The hold is freed only afterwards: after a refusal its holder may
   * still capture.
   */
  #obstacle(payment: LedgerPayment, row: PaymentRow | undefined, now: number): Refusal | undefined {
    const held = row?.state === "held" ? row : undefined;
    const mandate = this.#mandates.find(payment);
    const forbidden = this.#mandates.forbids(payment, mandate, now) ?? offTime(payment, now);
    if (forbidden) return refusal(forbidden);
    const exceeded = this.#mandates.exceeds(payment, mandate, held, now);
    if (exceeded) return exceeded;
    const funds = available(this.#accounts.read(payment.payer)) + BigInt(held?.value ?? 0);
    if (funds < BigInt(payment.value)) return refusal("insufficient_funds");
    return this.#exchange.isFull(payment.payee) ? refusal("overloaded") : undefined;
  }

  /** Stores the time before an answer that depends on its having passed, so that no restart takes the answer back. */
  #final<T>(answer: T): T {
    this.#clock.persistFinal();
    return answer;
  }

  /** held or none → settled: the row says settled already, and the money follows. @param held what the payment's hold claims */
  #pay(row: SettledRow, held: bigint, now: number, purpose?: "transfer"): Settled {
    const payer = this.#accounts.read(row.payer);
    const charge = chargedOf(row);
    if (charge !== "0") this.#exchange.pay(row, charge, claimed(payer, -held), now, purpose);
    else if (held > 0n) this.#accounts.hold(payer, -held);
    return settled(row);
  }

  /** held → none: the payer can spend the money again, and the payment can be presented again. */
  #free(row: HeldRow): void {
    this.#accounts.hold(this.#accounts.read(row.payer), -BigInt(row.value));
    this.#mandates.free(row);
    this.#payments.delete(row);
  }
}

/** Refusals that no later time takes back. */
const NEVER: ReadonlySet<ErrorCode> = new Set(["payment_expired", "mandate_expired"]);

/** Why what was signed for these times cannot be claimed now. */
export function offTime(
  { validAfter, validBefore }: Pick<LedgerPayment, "validAfter" | "validBefore">,
  now: number,
): ErrorCode | undefined {
  if (validAfter > now + CLOCK_SKEW_SECONDS) return "payment_not_yet_valid";
  if (validBefore < now) return "payment_expired";
  return validBefore > now + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS ? "validity_too_long" : undefined;
}

/** Why this cannot be charged: of `exact` the whole is, of `upto` no more than was signed. */
function wrongCharge(
  { value, scheme }: Pick<HeldRow, "value"> & { scheme?: HeldRow["scheme"] | undefined },
  charge: Charge,
): Refusal | undefined {
  if (scheme !== UPTO) return charge === value ? undefined : refusal("amount_mismatch");
  return BigInt(charge) > BigInt(value) ? refusal("charge_exceeded") : undefined;
}

function isLive(row: HeldRow, now: number): boolean {
  return now <= row.held_until;
}

function isClaim(row: PaymentRow): row is HeldRow | SettledRow {
  return row.state === "held" || row.state === "settled";
}

/** The refusal of whatever else was signed with a nonce that is taken. */
export function takenNonce(row: PaymentRow): Refusal {
  return row.state === "held" ? refusal("nonce_replayed") : over(row);
}

/** The refusal of an event after the payment has settled, was cancelled, or its nonce has opened a session. */
function over(row: SettledRow | CancelledRow | SessionNonceRow): Refusal {
  if (row.state === "settled") return { ok: false, code: "nonce_replayed", transaction: row.tx };
  return row.state === "session" ? { ok: false, code: "nonce_replayed", session: row.session } : refusal("payment_revoked");
}

function outcomeOf(row: SettledRow): PaymentStatus {
  return { status: "settled", transaction: row.tx, ...(row.scheme && { charged: chargedOf(row) }) };
}

function reserved(row: HeldRow): ReserveResult {
  const reservation = { payer: row.payer, nonce: row.nonce, reservationId: row.holder };
  return { ok: true, reservation, heldUntil: row.held_until, transaction: row.tx };
}

function settled(row: SettledRow): Settled {
  return { ok: true, transaction: row.tx, payer: row.payer, payee: row.payee, value: chargedOf(row) };
}
