/**
 * The state table of a mandate (spec/state-table.md): what each event of a payment does to the limits that it counts against,
 * and how mandates are revoked. Every method runs in the transaction that moves the hold.
 */

import type { Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { CLOCK_SKEW_SECONDS, MAX_REVOKED_MANDATES } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import type { Charge } from "../protocol/amount.ts";
import type { LedgerMandate, LedgerPayment } from "../protocol/ledger-payment.ts";
import { type Refusal, refusal } from "../protocol/refusal.ts";
import type { MandateStatus, RevokeResult, UnderWay } from "../settlement/backend.ts";
import type { RevokeCommand } from "../settlement/commands.ts";
import { type Accounts, isUnknown } from "./accounts.ts";
import type { Clock } from "./clock.ts";
import {
  beyondLimit,
  type CountedClaim,
  type Counters,
  inWindow,
  UNUSED,
  windowAt,
  windowEnd,
  withClaim,
  withoutClaim,
  withPayment,
} from "./mandate-counters.ts";
import type { KnownMandate, Mandates } from "./mandates.ts";
import type { HeldRow, Payments } from "./payments.ts";
import { restOf, type SessionRow, type Sessions } from "./sessions.ts";
import { invariant } from "./store.ts";

/** What a mandate's limits see of a payment or, with its payee as the payer, of a refund. */
export type Claim = Pick<LedgerPayment, "payer" | "value" | "validAfter" | "mandate">;

export class MandateTable {
  readonly #accounts: Accounts;
  readonly #payments: Payments;
  readonly #mandates: Mandates;
  readonly #sessions: Sessions;
  readonly #clock: Clock;

  constructor(accounts: Accounts, payments: Payments, mandates: Mandates, sessions: Sessions, clock: Clock) {
    this.#accounts = accounts;
    this.#payments = payments;
    this.#mandates = mandates;
    this.#sessions = sessions;
    this.#clock = clock;
  }

  /** The payment's mandate, if it has been claimed or revoked before. */
  find({ payer, mandate }: Claim): KnownMandate | undefined {
    return mandate && this.#mandates.find(payer, mandate.digest);
  }

  /** Returns why no payment under its mandate, or none that its payer signed back then, can be claimed at all. */
  forbids({ payer, validAfter, mandate }: Claim, known: KnownMandate | undefined, now: number): ErrorCode | undefined {
    const panic = this.#mandates.panicOf(payer) ?? -Infinity;
    if (!mandate) return validAfter <= panic ? "payment_revoked" : undefined;
    if (mandate.grantedAt <= panic || known?.revokedAt !== undefined) return "mandate_revoked";
    // Dated ahead, it would outlive a panic of today.
    if (mandate.grantedAt > now + CLOCK_SKEW_SECONDS) return "mandate_mismatch";
    return now > mandate.validBefore ? "mandate_expired" : undefined;
  }

  /** Returns why the payment is beyond its mandate's limits. `replaced`, a hold that the claim would take over, counts as given back. */
  exceeds({ value, mandate }: Claim, known: KnownMandate | undefined, replaced: HeldRow | undefined, now: number): Refusal | undefined {
    if (!mandate) return undefined;
    const counters = known?.counters ?? UNUSED;
    const claim = replaced?.mandate === mandate.digest ? claimOf(replaced) : undefined;
    const without = claim ? withoutClaim(counters, claim) : counters;
    return beyondLimit(inWindow(without, windowAt(mandate, now)), mandate, BigInt(value));
  }

  /** Counts a claim in the period of now. @returns the number of that period; null without a mandate */
  claim(payment: Claim, now: number): number | null {
    return this.#count(payment, now, (counters, value) => withClaim(counters, value));
  }

  /** Counts a claim of which `charge` is paid at once. */
  spend(payment: Claim, charge: Charge, now: number): number | null {
    return this.#count(payment, now, (counters, value) =>
      withPayment(withClaim(counters, value), { value, window: counters.window }, BigInt(charge)),
    );
  }

  /** A hold becomes a payment of `charge`. */
  capture(row: HeldRow, charge: Charge): void {
    this.#change(row, (counters, claim) => withPayment(counters, claim, BigInt(charge)));
  }

  /** A hold is given back. */
  free(row: HeldRow): void {
    this.#change(row, withoutClaim);
  }

  /** A deposit counts as a claim. Its mandate is kept for as long as the session can pay. @returns as `claim` does */
  openSession(deposit: Claim, claimDeadline: number, now: number): number | null {
    const window = this.claim(deposit, now);
    if (deposit.mandate) this.#mandates.keepUntil(deposit.payer, deposit.mandate.digest, claimDeadline);
    return window;
  }

  /** So much of a session's deposit is paid. */
  paySession(row: SessionRow, value: bigint): void {
    this.#change({ ...row, value: value.toString() }, (counters, claim) => withPayment(counters, claim, value));
  }

  /** A session ends, with so much of its deposit left. As of an `upto`, its period goes on counting that there was one. */
  endSession(row: SessionRow, rest: bigint): void {
    if (rest > 0n) this.#change({ ...row, value: rest.toString() }, (counters, claim) => withPayment(counters, claim, 0n));
  }

  /** Whether the hold's mandate was revoked after it was granted. */
  isRevoked({ payer, mandate }: HeldRow): boolean {
    if (mandate === null) return false;
    const known = this.#mandates.find(payer, mandate);
    return known !== undefined && this.#revocationOf(known) !== undefined;
  }

  /** @param signedBy unix seconds: whatever was signed before the revocation was signed by then */
  revoke({ payer, mandate, revokedAt }: RevokeCommand, now: number, signedBy: number): RevokeResult {
    if (revokedAt > signedBy + CLOCK_SKEW_SECONDS) return refusal("invalid_payload");
    // Keys cost nothing. Only an account that has held money can make the ledger store something.
    if (isUnknown(this.#accounts.read(payer))) return refusal("insufficient_funds");
    if (mandate === "*") {
      const before = this.#mandates.setPanic(payer, revokedAt);
      this.#sessions.beginClosingAll(payer, mandate, before, signedBy);
      return this.#revoked(payer, mandate, before, now);
    }
    const known = this.#mandates.find(payer, mandate);
    if (known?.revokedAt !== undefined) return this.#revoked(payer, mandate, known.revokedAt, now);
    this.#sessions.beginClosingAll(payer, mandate, signedBy, signedBy);
    if (known) this.#mandates.setRevoked(known, now);
    else if (this.#mandates.revokedUnusedBy(payer) >= MAX_REVOKED_MANDATES) return refusal("rate_limited");
    else this.#mandates.insertRevoked(payer, mandate, now, signedBy);
    return this.#revoked(payer, mandate, now, now);
  }

  status(payer: AccountId, digest: Digest, now: number): MandateStatus {
    const known = this.#mandates.find(payer, digest);
    const panic = this.#mandates.panicOf(payer);
    if (!known) return { status: "unused", ...(panic !== undefined && { revokedBefore: panic }) };
    const { settled, claimed } = known.counters;
    const revokedAt = this.#revocationOf(known);
    return {
      status: revokedAt === undefined ? "open" : "revoked",
      ...(revokedAt !== undefined && { revokedAt }),
      settled: settled.toString(),
      claimed: claimed.toString(),
      ...(known.facts && leftOf(known.counters, known.facts, now)),
    };
  }

  /** Deletes a bounded batch of the mandates that are past their retention. */
  sweep(now: number): { unfinished: boolean; forgot: boolean } {
    return this.#mandates.sweep(now);
  }

  /** Unix seconds at which there is something to delete; Infinity for never. */
  nextSweep(): number {
    return this.#mandates.nextSweep();
  }

  /** Unix seconds at which the mandate was revoked, alone or with all of its payer's; undefined while it is open. */
  #revocationOf({ payer, revokedAt, facts }: KnownMandate): number | undefined {
    const panic = this.#mandates.panicOf(payer);
    return revokedAt ?? (facts && panic !== undefined && facts.grantedAt <= panic ? panic : undefined);
  }

  #revoked(payer: AccountId, mandate: Digest | "*", revokedAt: number, now: number): RevokeResult {
    const holds = this.#payments.openHolds(payer, mandate, now);
    const closing = this.#sessions.notClosed(payer, mandate).filter(({ state }) => state === "closing");
    return { ok: true, revokedAt, underWay: underWay(holds, closing, now) };
  }

  #count(payment: Claim, now: number, count: (counters: Counters, value: bigint) => Counters): number | null {
    const { payer, value, mandate } = payment;
    if (!mandate) return null;
    const known = this.find(payment);
    const begun = inWindow(known?.counters ?? UNUSED, windowAt(mandate, now));
    const counters = count(begun, BigInt(value));
    if (known) this.#mandates.setCounters(known, counters);
    else this.#mandates.insert(payer, mandate, counters);
    // A restart must not take the time back behind the end of a period that has made room.
    if (begun.window !== known?.counters.window) this.#clock.persist();
    return counters.window;
  }

  #change(row: CountedRow, change: (counters: Counters, claim: CountedClaim) => Counters): void {
    const claim = claimOf(row);
    if (row.mandate === null || !claim) return;
    const known = this.#mandates.find(row.payer, row.mandate);
    invariant(known !== undefined, "a hold under a mandate is counted");
    this.#mandates.setCounters(known, change(known.counters, claim));
  }
}

/** What counts under a mandate: a hold, or a session's deposit. */
type CountedRow = Pick<SessionRow, "payer" | "mandate" | "mandate_window"> & { value: string };

function claimOf({ value, mandate_window: window }: CountedRow): CountedClaim | undefined {
  return window === null ? undefined : { value: BigInt(value), window };
}

/** Under a revoked mandate only a live hold can be captured; without a mandate a reclaimable one can, too. A session can be claimed to its end. */
function underWay(holds: readonly HeldRow[], sessions: readonly SessionRow[], now: number): UnderWay {
  const payments = holds
    .map(({ value, mandate, held_until, capture_deadline }) => ({
      value: BigInt(value),
      until: mandate === null ? capture_deadline : held_until,
    }))
    .filter(({ until }) => until >= now);
  const deposits = sessions.map((row) => ({ value: restOf(row), until: row.ends_at })).filter(({ until }) => until >= now);
  const ends = [...payments, ...deposits];
  return {
    payments: payments.length,
    ...(deposits.length > 0 && { sessions: deposits.length }),
    value: ends.reduce((sum, { value }) => sum + value, 0n).toString(),
    ...(ends.length > 0 && { until: ends.reduce((last, { until }) => Math.max(last, until), 0) }),
  };
}

function leftOf(counters: Counters, facts: LedgerMandate, now: number) {
  const { settled, claimed, window, windowUsed, windowCount } = inWindow(counters, windowAt(facts, now));
  const left = (BigInt(facts.total) - settled - claimed).toString();
  const endsAt = windowEnd(facts, window);
  const { period } = facts;
  return {
    left,
    validBefore: facts.validBefore,
    ...(period &&
      endsAt !== undefined && {
        period: {
          used: windowUsed.toString(),
          left: (BigInt(period.amount) - windowUsed).toString(),
          payments: windowCount,
          ...(period.count !== undefined && { paymentsLeft: period.count - windowCount }),
          endsAt,
        },
      }),
  };
}
