/**
 * The ledger as a Durable Object: it gives the rules their storage, their time and their alarm, and nothing else.
 *
 * No method awaits between the first read and the last write of a money operation. An await would open the object's
 * input gate, and another payment could slip in between a balance that was read and the one that is written. That is
 * why signatures are verified in the facilitator, and why hashing in here is synchronous.
 */
import { DurableObject } from "cloudflare:workers";
import { type AccountId, accountIdSchema } from "../../shared/account.ts";
import { type Amount, amountSchema } from "../../shared/amount.ts";
import {
  type AccountState,
  type CancelResult,
  type CheckResult,
  type FundResult,
  type Hold,
  holdSchema,
  type LedgerInfo,
  type LedgerPayment,
  ledgerPaymentSchema,
  type PaymentStatus,
  type Refusal,
  type ReleaseResult,
  type Reservation,
  type ReserveResult,
  reservationSchema,
  type SettleResult,
  unixSecondsSchema,
} from "../../shared/backend.ts";
import { bytesToHex, randomBytes } from "../../shared/bytes.ts";
import { type Digest, digestSchema } from "../../shared/digest.ts";
import { checkShape } from "../../shared/json.ts";
import type { JournalEntry } from "../../shared/ledger/accounts.ts";
import type { AuditReport } from "../../shared/ledger/audit.ts";
import { LedgerRules } from "../../shared/ledger/rules.ts";
import { ALARM_RETRY_SECONDS, GENESIS_SUPPLY, JOURNAL_PAGE, SWEEP_INTERVAL_SECONDS } from "../../shared/limits.ts";
import { isTraceId, logEvent } from "../../shared/log.ts";
import { unixNow } from "../../shared/time.ts";
import * as z from "zod/mini";
import { durableStore } from "./storage.ts";

export interface LedgerEnv {
  /** "on": `fund` hands out test money. */
  FAUCET?: string;
}

export class Ledger extends DurableObject<LedgerEnv> {
  readonly #rules: LedgerRules;
  /** Unix seconds of the alarm that is set; undefined when none is. */
  #alarmAt: number | undefined;

  constructor(ctx: DurableObjectState, env: LedgerEnv) {
    super(ctx, env);
    const genesis = { ledger: bytesToHex(randomBytes(32)) as Digest, supply: GENESIS_SUPPLY, at: unixNow() };
    this.#rules = new LedgerRules(durableStore(ctx.storage), genesis);
    // An alarm outlives the instance that set it. One that does not know it would replace an earlier one by a later.
    void ctx.blockConcurrencyWhile(async () => {
      const alarm = await ctx.storage.getAlarm();
      this.#alarmAt = alarm === null ? undefined : alarm / 1000;
    });
  }

  info(): LedgerInfo {
    return this.#rules.info();
  }

  check(traceId: string, args: { payment: LedgerPayment }): CheckResult {
    return this.#run("ledger.check", traceId, args, checkSchema, ({ payment }, now) => this.#rules.check(payment, now));
  }

  reserve(traceId: string, args: { payment: LedgerPayment; hold: Hold }): ReserveResult {
    return this.#run("ledger.reserve", traceId, args, reserveSchema, ({ payment, hold }, now) => {
      const result = this.#rules.reserve(payment, hold, now);
      if (result.ok) this.#wakeBy(Math.max(result.heldUntil, payment.validBefore) + 1);
      return result;
    });
  }

  capture(traceId: string, reservation: Reservation): SettleResult {
    return this.#run("ledger.capture", traceId, reservation, reservationSchema, (reservation, now) =>
      this.#rules.capture(reservation, now),
    );
  }

  release(traceId: string, reservation: Reservation): ReleaseResult {
    return this.#run("ledger.release", traceId, reservation, reservationSchema, (reservation, now) =>
      this.#rules.release(reservation, now),
    );
  }

  settle(traceId: string, args: { payment: LedgerPayment; settlementId: Digest }): SettleResult {
    return this.#run("ledger.settle", traceId, args, settleSchema, ({ payment, settlementId }, now) => {
      this.#wakeBy(now + SWEEP_INTERVAL_SECONDS);
      return this.#rules.settle(payment, settlementId, now);
    });
  }

  cancel(traceId: string, args: { payer: AccountId; nonce: Digest }): CancelResult {
    return this.#run("ledger.cancel", traceId, args, cancelSchema, ({ payer, nonce }, now) => {
      this.#wakeBy(now + SWEEP_INTERVAL_SECONDS);
      return this.#rules.cancel(payer, nonce, now);
    });
  }

  status(traceId: string, args: { payer: AccountId; nonce: Digest; validBefore: number }): PaymentStatus | Refusal {
    return this.#run("ledger.status", traceId, args, statusSchema, ({ payer, nonce, validBefore }, now) =>
      this.#rules.status(payer, nonce, validBefore, now),
    );
  }

  account(traceId: string, args: { account: AccountId }): AccountState | Refusal {
    return this.#run("ledger.account", traceId, args, accountSchema, ({ account }) => this.#rules.account(account));
  }

  journal(traceId: string, args: { account: AccountId; afterSeq: number }): JournalEntry[] | Refusal {
    return this.#run("ledger.journal", traceId, args, journalSchema, ({ account, afterSeq }) =>
      this.#rules.journal(account, afterSeq, JOURNAL_PAGE),
    );
  }

  audit(): AuditReport {
    return this.#rules.audit();
  }

  /** Any Worker that is bound to this object can call its methods; minting exists only where both sides turned it on. */
  fund(traceId: string, args: { account: AccountId; value: Amount; grantId: Digest }): FundResult {
    if (this.env.FAUCET !== "on") return { ok: false, code: "not_found" };
    return this.#run("ledger.fund", traceId, args, fundSchema, ({ account, value, grantId }, now) => {
      this.#wakeBy(now + SWEEP_INTERVAL_SECONDS);
      return this.#rules.fund(account, value, grantId, now);
    });
  }

  /**
   * Frees dead holds and forgets old payments. Re-arms before it works, so that a crash in the middle only delays it,
   * and never throws: the platform gives up on alarms that keep failing.
   */
  override async alarm(): Promise<void> {
    await this.ctx.storage.setAlarm((unixNow() + ALARM_RETRY_SECONDS) * 1000);
    this.#alarmAt = unixNow() + ALARM_RETRY_SECONDS;
    try {
      const next = this.#rules.tidy(unixNow());
      this.#alarmAt = next;
      if (next === undefined) await this.ctx.storage.deleteAlarm();
      else await this.ctx.storage.setAlarm(next * 1000);
    } catch (error) {
      logEvent("ledger.alarm_failed", { traceId: "", message: String(error) });
    }
  }

  /** Makes sure that the alarm rings no later than `at` (unix seconds). */
  #wakeBy(at: number): void {
    if (this.#alarmAt !== undefined && this.#alarmAt <= at) return;
    this.#alarmAt = at;
    void this.ctx.storage.setAlarm(at * 1000);
  }

  /** Shapes are checked here too: types are gone at runtime, and whoever is bound can call. */
  #run<Args, Result extends object>(
    event: string,
    traceId: string,
    args: unknown,
    schema: z.core.$ZodType<Args>,
    body: (args: Args, now: number) => Result,
  ): Result | Refusal {
    const shape = checkShape(args, schema);
    const result = shape.ok ? body(shape.value, unixNow()) : ({ ok: false, code: "invalid_payload" } as const);
    logEvent(event, { traceId: isTraceId(traceId) ? traceId : "", ...("code" in result && { code: result.code }) });
    return result;
  }
}

const checkSchema = z.strictObject({ payment: ledgerPaymentSchema });
const reserveSchema = z.strictObject({ payment: ledgerPaymentSchema, hold: holdSchema });
const settleSchema = z.strictObject({ payment: ledgerPaymentSchema, settlementId: digestSchema });
const cancelSchema = z.strictObject({ payer: accountIdSchema, nonce: digestSchema });
const statusSchema = z.strictObject({ payer: accountIdSchema, nonce: digestSchema, validBefore: unixSecondsSchema });
const accountSchema = z.strictObject({ account: accountIdSchema });
const journalSchema = z.strictObject({ account: accountIdSchema, afterSeq: unixSecondsSchema });
const fundSchema = z.strictObject({ account: accountIdSchema, value: amountSchema, grantId: digestSchema });
