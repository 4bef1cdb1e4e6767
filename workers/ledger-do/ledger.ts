/**
 * One shard of the ledger as a Durable Object. It gives the rules their storage, clock and alarm, and sends the outbox to the
 * other shards.
 *
 * No method awaits between the first read and the last write of a money operation: an await opens the object's input gate,
 * and another payment could run between the balance that was read and the balance that is written. So the facilitator
 * verifies the signatures, and hashing here is synchronous.
 */

import { DurableObject } from "cloudflare:workers";
import * as z from "zod/mini";
import { hexToBytes, utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { withDeadline } from "../../shared/deadline.ts";
import type { ErrorCode } from "../../shared/errors.ts";
import type { AuditReport } from "../../shared/ledger/audit.ts";
import type { SignedCheckpoint } from "../../shared/ledger/checkpoint.ts";
import type { ShardAudit, ShardMarks } from "../../shared/ledger/consolidate.ts";
import { type ExportCommand, type ExportPage, exportSchema } from "../../shared/ledger/export.ts";
import { type Issue, issueSchema } from "../../shared/ledger/issue.ts";
import type { JournalEntry, JournalPage } from "../../shared/ledger/journal.ts";
import { type RestoreCommand, type Restored, restoreSchema } from "../../shared/ledger/restoration.ts";
import { type RetireCommand, retireSchema } from "../../shared/ledger/retirement.ts";
import type { LedgerRules, Retired } from "../../shared/ledger/rules.ts";
import { type SetClock, setClockSchema, type ShardClock } from "../../shared/ledger/set-clock.ts";
import { shardOf } from "../../shared/ledger/shards.ts";
import { type Batch, batchSchema, type Received, type ReceivedMark, receivedMarksSchema } from "../../shared/ledger/stream.ts";
import type { ShardWatch } from "../../shared/ledger/watch.ts";
import {
  ALARM_LOST_SECONDS,
  ALARM_RETRY_SECONDS,
  CLOCK_SKEW_SECONDS,
  DELIVERY_TIMEOUT_SECONDS,
  FUNDING_CAP,
  GRANT_DELIVERY_SECONDS,
  JOURNAL_PAGE,
  MAX_ALARM_GAP_SECONDS,
  MIN_WITHDRAW_DELAY_SECONDS,
  SWEEP_INTERVAL_SECONDS,
} from "../../shared/limits.ts";
import { isTraceId, type LedgerEvent, type LogEvent, logEvent } from "../../shared/log.ts";
import { measureInto } from "../../shared/metrics.ts";
import { UnsupportedSchema } from "../../shared/migrations.ts";
import { type AccountId, accountIdSchema } from "../../shared/protocol/account.ts";
import { type Amount, amountSchema, chargeSchema } from "../../shared/protocol/amount.ts";
import { type LedgerPayment, ledgerPaymentSchema, unixSecondsSchema } from "../../shared/protocol/ledger-payment.ts";
import { type LedgerRefund, ledgerRefundSchema } from "../../shared/protocol/ledger-refund.ts";
import {
  type LedgerClaim,
  ledgerClaimSchema,
  type LedgerSession,
  ledgerSessionSchema,
  type SessionCallName,
  sessionCallSchema,
  type SessionName,
  sessionNameSchema,
} from "../../shared/protocol/ledger-session.ts";
import { type PaymentRefusal, type Refusal, refusal } from "../../shared/protocol/refusal.ts";
import type {
  AccountState,
  CallPayment,
  CancelResult,
  CheckResult,
  ClaimResult,
  FundResult,
  LedgerInfo,
  MandateStatus,
  OpenResult,
  PaidCredit,
  PaymentStatus,
  RefundResult,
  RefundsOf,
  ReleaseResult,
  ReserveResult,
  RevokeResult,
  SessionStatus,
  SettleResult,
  WithdrawResult,
} from "../../shared/settlement/backend.ts";
import {
  type CaptureCommand,
  type ReleaseCommand,
  captureCommandSchema,
  reservationSchema,
  type ReserveCommand,
  reserveCommandSchema,
  type RevokeCommand,
  revokeCommandSchema,
  type LedgerSettleCommand,
  settleCommandSchema,
} from "../../shared/settlement/commands.ts";
import { checkShape } from "../../shared/text/json.ts";
import { unixNow } from "../../shared/time.ts";
import { wholeNumber } from "../../shared/whole-number.ts";
import type { LedgerEnv } from "./env.ts";
import { GroupCommit } from "./group-commit.ts";
import { openShard, shardOfLedger } from "./open-shard.ts";
import { OutboxSender } from "./outbox-sender.ts";
import { fromEitherVersion } from "./rpc-0-1.ts";
import { checkpointKey, signCheckpoint } from "./sign-checkpoint.ts";
import { durableStore, ownName } from "./storage.ts";
import { Undelivered } from "./undelivered.ts";

export class Ledger extends DurableObject<LedgerEnv> {
  readonly #commits = new GroupCommit(
    () => this.ctx.storage.sync(),
    (movements) => this.#together(movements),
  );
  readonly #undelivered = new Undelivered(this.ctx.storage);
  /** What became of each call since this object started, for `watch`. */
  readonly #calls = new Map<string, number>();
  readonly #since = unixNow();
  #opened: { rules: LedgerRules; sender: OutboxSender } | undefined;
  /** Why this code cannot open the shard. */
  #unsupported: UnsupportedSchema | undefined;
  /** Unix seconds of the alarm that is set; undefined when none is set. */
  #alarmAt: number | undefined;

  constructor(ctx: DurableObjectState, env: LedgerEnv) {
    super(ctx, env);
    measureInto(env.PAYMENT_METRICS);
    const opening = ctx.blockConcurrencyWhile(async () => {
      const name = ownName(ctx);
      const rules = await this.#openShard(name);
      if (!rules) return;
      const send = async (batch: Batch) => shardOfLedger(this.env, name, batch.to).receive(batch, unixNow());
      const sender = new OutboxSender(rules, send, (to, arrived) => this.#undelivered.note(to, arrived));
      this.#opened = { rules, sender };
      // An alarm outlives the instance that set it. Without its time, this instance could replace it by a later one.
      const alarm = await ctx.storage.getAlarm();
      this.#alarmAt = alarm === null ? undefined : alarm / 1000;
      // The platform may have given up the alarm of an earlier instance: its work is done now.
      if (this.#alarmAt === undefined && rules.needsMaintenance()) this.#wakeBy(unixNow());
      for (const to of rules.destinations()) this.#deliverSoon(to);
    });
    // The callers receive the error, and the platform discards this instance. The promise itself has no other listener.
    opening.catch(() => undefined);
  }

  /**
   * @returns undefined when newer code has written the shard. The instance stays then, and refuses everything: if it threw, the
   *   platform would make a new one, and log the same error, for every call.
   */
  async #openShard(name: string): Promise<LedgerRules | undefined> {
    try {
      return await openShard(durableStore(this.ctx.storage), this.env, name);
    } catch (error) {
      if (!(error instanceof UnsupportedSchema)) throw error;
      logEvent("ledger.unsupported_schema", { traceId: "", message: error.message });
      this.#unsupported = error;
      return undefined;
    }
  }

  get #rules(): LedgerRules {
    return this.#open.rules;
  }

  get #open(): { rules: LedgerRules; sender: OutboxSender } {
    if (!this.#opened) throw this.#unsupported ?? new Error("the ledger is not open yet");
    return this.#opened;
  }

  info(): LedgerInfo {
    return this.#rules.info();
  }

  check(args: { payment: LedgerPayment }, traceId: string, clock?: number): CheckResult {
    return this.#run(
      READ,
      args,
      traceId,
      clock,
      checkSchema,
      payerOfPayment,
      whenSure(({ payment }, now) => this.#rules.check(payment, now)),
    );
  }

  reserve(command: ReserveCommand<LedgerPayment>, traceId: string, clock?: number): Promise<ReserveResult> {
    const body = whenSure((command: ReserveCommand<LedgerPayment>, now) => {
      const result = this.#rules.reserve(command, now);
      this.#wakeBy(result.ok ? Math.max(result.heldUntil, command.payment.validBefore) + 1 : now + SWEEP_INTERVAL_SECONDS);
      return result;
    });
    return this.#move("ledger.reserve", command, traceId, clock, reserveSchema, payerOfPayment, body);
  }

  capture(command: CaptureCommand, traceId: string, clock?: number): Promise<SettleResult> {
    const body = whenSure((command: CaptureCommand, now) => this.#sent(this.#rules.capture(command, now)));
    return this.#move("ledger.capture", command, traceId, clock, captureCommandSchema, payerOf, body);
  }

  release(command: ReleaseCommand, traceId: string, clock?: number): Promise<ReleaseResult> {
    return this.#move("ledger.release", command, traceId, clock, reservationSchema, payerOf, (command, { now }) =>
      this.#rules.release(command, now),
    );
  }

  settle(command: LedgerSettleCommand, traceId: string, clock?: number): Promise<SettleResult> {
    const body = whenSure((command: LedgerSettleCommand, now) => {
      this.#wakeBy(now + SWEEP_INTERVAL_SECONDS);
      return this.#sent(this.#rules.settle(command, now));
    });
    return this.#move("ledger.settle", command, traceId, clock, settleSchema, payerOfPayment, body);
  }

  /** Runs on the payee's shard. */
  refund(refund: LedgerRefund, traceId: string, clock?: number): Promise<RefundResult> {
    const body = whenSure((refund: LedgerRefund, now) => {
      this.#wakeBy(now + SWEEP_INTERVAL_SECONDS);
      const result = this.#rules.refund(refund, now);
      if (result.ok) this.#sentTo(result.payer);
      return result;
    });
    return this.#move("ledger.refund", refund, traceId, clock, ledgerRefundSchema, payeeOf, body);
  }

  /** What was refunded of one payment. */
  refundsOf(args: { payee: AccountId; transaction: Digest; withOrders?: boolean }, traceId: string): RefundsOf | Refusal {
    return this.#run(READ, args, traceId, undefined, refundsSchema, payeeOf, ({ payee, transaction, withOrders }) =>
      this.#rules.refundsOf(payee, transaction, withOrders),
    );
  }

  /** Where one payment was credited. @param args.from unix seconds before which it was not made */
  creditOf(args: { payee: AccountId; transaction: Digest; from: number }, traceId: string): { credit?: PaidCredit } | Refusal {
    return this.#run(READ, args, traceId, undefined, creditSchema, payeeOf, ({ payee, transaction, from }) => {
      const credit = this.#rules.creditOf(payee, transaction, from);
      return credit ? { credit } : {};
    });
  }

  cancel(args: { payer: AccountId; nonce: Digest }, traceId: string, clock?: number): Promise<CancelResult> {
    return this.#move("ledger.cancel", args, traceId, clock, cancelSchema, payerOf, ({ payer, nonce }, { now, machine }) => {
      this.#wakeBy(machine + SWEEP_INTERVAL_SECONDS);
      const result = this.#rules.cancel(payer, nonce, now, machine);
      if (result.ok && result.closesAt !== undefined) this.#wakeBy(result.closesAt + 1);
      return result;
    });
  }

  /** Dates by the machine what was signed: while the ledger's own time is behind, a revocation must not look dated ahead. */
  revoke(command: RevokeCommand, traceId: string, clock?: number): Promise<RevokeResult> {
    return this.#move("ledger.revoke", command, traceId, clock, revokeCommandSchema, payerOf, (command, { now, machine }) => {
      this.#wakeBy(machine + SWEEP_INTERVAL_SECONDS);
      const result = this.#rules.revoke(command, now, machine);
      if (result.ok && result.underWay.sessions) this.#wakeBy(machine + MIN_WITHDRAW_DELAY_SECONDS + 1);
      return result;
    });
  }

  /** Sets money aside for one payee. */
  openSession(session: LedgerSession, traceId: string, clock?: number): Promise<OpenResult> {
    const body = whenSure((session: LedgerSession, now) => {
      this.#wakeBy(now + SWEEP_INTERVAL_SECONDS);
      return this.#ringAtEnd(this.#rules.openSession(session, now));
    });
    return this.#move("ledger.open_session", session, traceId, clock, ledgerSessionSchema, payerOf, body);
  }

  checkSession(session: LedgerSession, traceId: string, clock?: number): CheckResult {
    return this.#run(
      READ,
      session,
      traceId,
      clock,
      ledgerSessionSchema,
      payerOf,
      whenSure((session, now) => this.#rules.checkSession(session, now)),
    );
  }

  /** Pays the payee out of a session. */
  claimSession(claim: LedgerClaim, traceId: string, clock?: number): Promise<ClaimResult> {
    const body = whenSure((claim: LedgerClaim, now) => {
      this.#wakeBy(now + SWEEP_INTERVAL_SECONDS);
      const result = this.#rules.claimSession(claim, now);
      if (result.ok && result.transaction) this.#sentTo(result.payee);
      return result;
    });
    return this.#move("ledger.claim_session", claim, traceId, clock, ledgerClaimSchema, payerOf, body);
  }

  /** Begins to close a session, counted from the machine's time: while the ledger's own is behind, the payee must not have less. */
  withdrawSession(name: SessionName, traceId: string, clock?: number): Promise<WithdrawResult> {
    return this.#move("ledger.withdraw_session", name, traceId, clock, sessionNameSchema, payerOf, (name, { now, machine }) => {
      this.#wakeBy(machine + SWEEP_INTERVAL_SECONDS);
      return this.#ringAtEnd(this.#rules.withdrawSession(name, now, machine));
    });
  }

  sessionOf(name: SessionName, traceId: string, clock?: number): SessionStatus | Refusal {
    return this.#run(READ, name, traceId, clock, sessionNameSchema, payerOf, (name, { now }) => this.#rules.sessionOf(name, now));
  }

  /** Which claim paid a call of a session. */
  callPayment(call: SessionCallName, traceId: string): CallPayment | Refusal {
    return this.#run(READ, call, traceId, undefined, sessionCallSchema, payerOf, (call) => this.#rules.callPayment(call));
  }

  mandate(args: { payer: AccountId; digest: Digest }, traceId: string, clock?: number): MandateStatus | Refusal {
    return this.#run(READ, args, traceId, clock, mandateSchema, payerOf, ({ payer, digest }, { now }) =>
      this.#rules.mandate(payer, digest, now),
    );
  }

  status(args: { payer: AccountId; nonce: Digest; validBefore: number }, traceId: string, clock?: number): PaymentStatus | Refusal {
    return this.#run(READ, args, traceId, clock, statusSchema, payerOf, ({ payer, nonce, validBefore }, { now }) =>
      this.#rules.status(payer, nonce, validBefore, now),
    );
  }

  account(args: { account: AccountId }, traceId: string): AccountState | Refusal {
    return this.#run(READ, args, traceId, undefined, accountSchema, accountOf, ({ account }) => this.#rules.account(account));
  }

  /** A page of the account's chain. @param args.credits lists who made the payments of a batch */
  journal(args: { account: AccountId; afterSeq: number; credits?: boolean | undefined }, traceId: string): JournalPage | Refusal {
    return this.#run(READ, args, traceId, undefined, journalSchema, accountOf, ({ account, afterSeq, credits }) =>
      this.#rules.journalPage(account, afterSeq, JOURNAL_PAGE, credits),
    );
  }

  /** The debit of one payment. @param args.from unix seconds before which it was not made */
  debit(args: { account: AccountId; transaction: Digest; from: number }, traceId: string): { entry?: JournalEntry } | Refusal {
    return this.#run(READ, args, traceId, undefined, debitSchema, accountOf, ({ account, transaction, from }) => {
      const entry = this.#rules.debit(account, transaction, from);
      return entry ? { entry } : {};
    });
  }

  /** Voids the accesses to the account's books that were issued up to and including that second. */
  voidAccesses(args: { account: AccountId; through: number }, traceId: string, clock?: number): { ok: true; through: number } | Refusal {
    return this.#run("ledger.void_accesses", args, traceId, clock, voidSchema, accountOf, ({ account, through }, { now }) =>
      this.#rules.voidAccesses(account, through, now),
    );
  }

  accessesVoidThrough(args: { account: AccountId }, traceId: string): { through: number } | Refusal {
    return this.#run(READ, args, traceId, undefined, accountSchema, accountOf, ({ account }) => ({
      through: this.#rules.accessesVoidThrough(account),
    }));
  }

  /** Records that the chain was exported up to the entry with this hash. `not_found` without the operator's key. */
  async checkpoint(
    args: { account: AccountId; seq: number; head: Digest },
    traceId: string,
    clock?: number,
  ): Promise<SignedCheckpoint | Refusal> {
    const { CHECKPOINT_KEY } = this.env;
    if (!CHECKPOINT_KEY) return refusal("not_found");
    await checkpointKey(CHECKPOINT_KEY); // throws before anything may be pruned, if the secret cannot sign
    const result = this.#run(
      "ledger.checkpoint",
      args,
      traceId,
      clock,
      checkpointSchema,
      accountOf,
      ({ account, seq, head }, { now, machine }) => {
        this.#wakeBy(machine + SWEEP_INTERVAL_SECONDS);
        return this.#rules.checkpoint(account, seq, head, now) ?? refusal("invalid_payload");
      },
    );
    return "code" in result ? result : signCheckpoint(result, CHECKPOINT_KEY);
  }

  /** Signs an entry of the chain, by default the last one, for any caller. Records nothing, so nothing is pruned. */
  async attest(
    args: { account: AccountId; seq?: number | undefined },
    traceId: string,
    clock?: number,
  ): Promise<SignedCheckpoint | Refusal> {
    const { CHECKPOINT_KEY } = this.env;
    if (!CHECKPOINT_KEY) return refusal("not_found");
    const result = this.#run(
      READ,
      args,
      traceId,
      clock,
      attestSchema,
      accountOf,
      ({ account, seq }, { now }) => this.#rules.attest(account, seq, now) ?? refusal("invalid_payload"),
    );
    return "code" in result ? result : signCheckpoint(result, CHECKPOINT_KEY);
  }

  /** The public key that verifies checkpoints; undefined when none are signed. */
  async checkpointKey(): Promise<string | undefined> {
    return this.env.CHECKPOINT_KEY ? (await checkpointKey(this.env.CHECKPOINT_KEY)).publicKey : undefined;
  }

  /** Audits this shard alone. Of a ledger of one shard, that is everything. */
  audit(): AuditReport {
    return this.#rules.audit();
  }

  marks(): ShardMarks {
    return this.#rules.marks();
  }

  /** @param marks what each other shard has applied of what this one sent */
  auditShard(marks: ReceivedMark[]): ShardAudit | Refusal {
    const shape = checkShape(marks, receivedMarksSchema);
    return shape.ok ? this.#rules.auditShard(shape.value) : refusal("invalid_payload");
  }

  /** What the operator watches. Writes nothing. */
  async watch(): Promise<ShardWatch> {
    const { rules } = this.#open;
    const alarm = await this.ctx.storage.getAlarm();
    const now = unixNow();
    const { holds, firstDeadline, sessions, firstEnd, outbox } = rules.backlog();
    const due = Math.min(
      alarm === null ? Infinity : alarm / 1000,
      holds > 0 ? firstDeadline + 1 : Infinity,
      sessions > 0 ? firstEnd + 1 : Infinity,
    );
    return {
      holds,
      outbox,
      halted: rules.halted !== undefined,
      alarmLate: Math.max(0, Math.floor(now - due)),
      undelivered: now - (this.#undelivered.since ?? now),
      since: this.#since,
      calls: [...this.#calls].map(([call, count]) => {
        const [operation = "", code = ""] = call.split(" ");
        return { operation, code, count };
      }),
    };
  }

  clock(): ShardClock {
    const { rules } = this.#open;
    return { shard: rules.marks().shard, ...rules.times, machine: unixNow() };
  }

  /**
   * Sets the shard's time, back as well. Any bound Worker can call, so the shard itself checks the operator's key.
   * @returns `not_found` where no key is configured; `payment_expired` for a time behind what is final, without its risk
   */
  setClock(args: SetClock, traceId: string): ShardClock | Refusal {
    const shape = checkShape(args, setClockSchema);
    const code = shape.ok ? this.#setClock(shape.value) : "invalid_payload";
    logEvent("ledger.set_clock", { traceId: isTraceId(traceId) ? traceId : "", code });
    return code === undefined ? this.clock() : refusal(code);
  }

  /** Retires the shard, for ever: its operator has another ledger go on. */
  retire(args: RetireCommand, traceId: string): Retired {
    return this.#operate("ledger.retire", args, traceId, retireSchema, ({ ledger }, now) => this.#rules.retire(ledger, now));
  }

  /** A page of what a retired shard has. */
  exportPage(args: ExportCommand, traceId: string): ExportPage | PaymentRefusal {
    return this.#operate(READ, args, traceId, exportSchema, ({ table, after }) => this.#rules.exportPage(table, after));
  }

  /** Stores a page of another ledger's export, or opens the shard after the last one. */
  restore(args: RestoreCommand, traceId: string): Restored {
    return this.#operate("ledger.restore", args, traceId, restoreSchema, ({ origin, page }, now) =>
      page ? this.#rules.restore(origin, page, now) : this.#rules.finishRestoration(origin),
    );
  }

  /** A call that only the operator makes. */
  #operate<Args extends { key: string }, Result extends object>(
    event: LogEvent | typeof READ,
    args: Args,
    traceId: string,
    schema: z.core.$ZodType<Args>,
    body: (args: Args, now: number) => Result,
  ): Result | PaymentRefusal {
    const shape = checkShape(args, schema);
    const stranger = this.#notOperator(String((args as Args | undefined)?.key));
    const machine = unixNow();
    const now = this.#rules.believes(machine) ? machine : this.#rules.times.now;
    const run = () => (shape.ok ? body(shape.value, now) : { ...refusal("invalid_payload"), detail: shape.problem });
    const result = stranger ? refusal(stranger) : run();
    if (event !== READ) logEvent(event, { traceId: isTraceId(traceId) ? traceId : "", code: "code" in result ? result.code : undefined });
    return result;
  }

  #setClock({ to, key, risk }: SetClock): ErrorCode | undefined {
    const stranger = this.#notOperator(key);
    if (stranger) return stranger;
    if (!this.#rules.setTime(to, risk !== undefined)) return "payment_expired";
    // The alarm that was set under the wrong clock may be far away.
    if (this.#rules.needsMaintenance()) void this.#ringAt(unixNow());
    return undefined;
  }

  /** Returns why the holder of this key is not the operator; undefined if it is. `not_found` where no key is configured. */
  #notOperator(key: string): ErrorCode | undefined {
    if (!this.env.OPERATOR_KEY_SHA256) return "not_found";
    const [shown, known] = [hexToBytes(bodyDigest(utf8(key))), hexToBytes(this.env.OPERATOR_KEY_SHA256)];
    return crypto.subtle.timingSafeEqual(shown, known) ? undefined : "unauthorized";
  }

  /**
   * Any bound Worker can call this object, so test money exists only if both Workers turn it on.
   * A grant to another shard's account is delivered before the answer, if that shard answers in time.
   */
  async fund(args: { account: AccountId; value: Amount; grantId: Digest }, traceId: string, clock?: number): Promise<FundResult> {
    if (this.env.FAUCET !== "on") return refusal("not_found");
    const whose = () => this.#rules.info().treasury;
    const result = this.#run("ledger.fund", args, traceId, clock, fundSchema, whose, ({ account, value, grantId }, { now, machine }) => {
      this.#wakeBy(machine + SWEEP_INTERVAL_SECONDS);
      return this.#rules.fund(account, value, grantId, now);
    });
    return this.#granted(result);
  }

  /**
   * Pays money of the treasury out for the operator, whose key the shard itself checks, at most FUNDING_CAP in all.
   * @returns `insufficient_funds` beyond the cap
   */
  async issue(args: Issue, traceId: string, clock?: number): Promise<FundResult> {
    const whose = () => this.#rules.info().treasury;
    const result = this.#run("ledger.issue", args, traceId, clock, issueSchema, whose, ({ account, amount, id, key }, { now, machine }) => {
      const stranger = this.#notOperator(key);
      if (stranger) return refusal(stranger);
      this.#wakeBy(machine + SWEEP_INTERVAL_SECONDS);
      // A cap that is no number throws: a typing mistake pays out nothing.
      return this.#rules.issue(account, amount, id, BigInt(this.env.FUNDING_CAP ?? FUNDING_CAP), now);
    });
    return this.#granted(result);
  }

  /** Delivers a grant to another shard's account before it is answered. */
  async #granted(result: FundResult): Promise<FundResult> {
    if (result.ok && !this.#rules.isHere(result.account)) {
      const to = this.#homeOf(result.account);
      this.#deliverSoon(to);
      await withDeadline(this.#open.sender.to(to).run(), GRANT_DELIVERY_SECONDS);
    }
    return result;
  }

  /**
   * Applies credits that another shard sends. Safe to repeat, in any order.
   * @param clock the other shard's, in unix seconds
   */
  receive(batch: Batch, clock?: number): Received {
    const shape = checkShape(batch, batchSchema);
    if (!shape.ok) return { ok: false, fault: "not_mine" };
    const machine = unixNow();
    const received = this.#rules.receive(shape.value, this.#rules.believes(machine, clock) ? machine : this.#rules.times.now);
    if (!received.ok) logEvent("ledger.batch_refused", { traceId: "", from: shape.value.from, fault: received.fault });
    return received;
  }

  /** Sends the outbox to every shard that can be reached. @returns the number of shards for which credits still wait */
  async deliver(): Promise<number> {
    const { rules, sender } = this.#open;
    await Promise.all(rules.destinations().map((to) => sender.to(to).run()));
    return rules.destinations().length;
  }

  /**
   * Runs the maintenance, then delivers what waits: no other shard can hold up the maintenance. Sets the next alarm before it
   * works, so that a crash only delays it, and never throws: the platform gives up alarms that keep failing.
   */
  override async alarm(): Promise<void> {
    // Older code than the shard's has nothing to do but to come back.
    if (this.#unsupported) return this.#ringAt(unixNow() + SWEEP_INTERVAL_SECONDS);
    await this.#ringAt(unixNow() + ALARM_RETRY_SECONDS);
    try {
      await this.#runMaintenance();
    } catch (error) {
      logEvent("ledger.alarm_failed", { traceId: "", message: String(error) });
    }
    await this.#deliverDue();
  }

  /** Sets the alarm without an await before it: no event can ask for an earlier alarm in between. */
  async #runMaintenance(): Promise<void> {
    const { rules, sender } = this.#open;
    const now = unixNow();
    const deliveries = rules.destinations().map((to) => sender.to(to).retryAt(now));
    await this.#ringAt(Math.min(this.#maintained(now), ...deliveries));
  }

  /** No caller confirms an alarm's clock, so one that is in doubt expires and forgets nothing. @returns when there is work again */
  #maintained(now: number): number {
    if (!this.#rules.believes(now)) {
      this.#logJump(now);
      return now + SWEEP_INTERVAL_SECONDS;
    }
    const next = this.#rules.runMaintenance(now);
    return next === undefined ? Infinity : Math.min(next, now + MAX_ALARM_GAP_SECONDS);
  }

  /** Waits DELIVERY_TIMEOUT_SECONDS at most, so that the next alarm is not late. Deliveries that take longer go on. */
  async #deliverDue(): Promise<void> {
    const { rules, sender } = this.#open;
    const now = unixNow();
    const due = rules
      .destinations()
      .map((to) => sender.to(to))
      .filter((route) => !route.isResting(now));
    await withDeadline(Promise.all(due.map((route) => route.run())), DELIVERY_TIMEOUT_SECONDS);
  }

  #ringAtEnd<Result extends OpenResult | WithdrawResult>(result: Result): Result {
    if (result.ok && result.session.status !== "closed") this.#wakeBy(result.session.closesAt + 1);
    return result;
  }

  /** Schedules the delivery of a payment to another shard's account. */
  #sent(result: SettleResult): SettleResult {
    if (result.ok) this.#sentTo(result.payee);
    return result;
  }

  #sentTo(account: AccountId): void {
    if (!this.#rules.isHere(account)) this.#deliverSoon(this.#homeOf(account));
  }

  #homeOf(account: AccountId): number {
    return shardOf(account, this.#rules.info().shards);
  }

  /** Delivers in a moment, or by alarm. The alarm is set in the transaction that wrote the credits. */
  #deliverSoon(to: number): void {
    const route = this.#open.sender.to(to);
    this.#wakeBy(route.retryAt(unixNow()));
    route.soon();
  }

  /** Moves the alarm to `at` (unix seconds), unless it rings earlier. */
  #wakeBy(at: number): void {
    const now = unixNow();
    const lost = this.#alarmAt !== undefined && this.#alarmAt + ALARM_LOST_SECONDS < now;
    if (this.#alarmAt !== undefined && this.#alarmAt <= at && !lost) return;
    // The work of a lost alarm is overdue.
    void this.#ringAt(lost ? now : at);
  }

  /** Sets the alarm, or none for Infinity. */
  #ringAt(at: number): Promise<void> {
    this.#alarmAt = at === Infinity ? undefined : at;
    return at === Infinity ? this.ctx.storage.deleteAlarm() : this.ctx.storage.setAlarm(at * 1000);
  }

  #together(movements: () => void): void {
    if (this.#unsupported) return movements(); // each refuses
    try {
      this.#rules.together(movements);
    } catch (error) {
      logEvent("ledger.group_failed", { traceId: "", message: String(error) });
      void this.#ringAt(unixNow()); // alarms that the movements set are taken back with them; this one sets the next
      throw error;
    }
  }

  /** A call that moves, claims or frees money. Calls that arrive at the same time are written together. */
  #move<Args extends object, Result extends object>(...call: Call<Args, Result>): Promise<Result | Refusal> {
    return this.#commits.run(() => this.#run(...call));
  }

  /** Checks the arguments' shape again, because any bound Worker can call, and that the account lives on this shard. */
  #run<Args extends object, Result extends object>(
    ...[event, first, second, clock, schema, whose, body]: Call<Args, Result>
  ): Result | Refusal {
    if (this.#unsupported) return refusal("facilitator_unavailable");
    const [args, traceId] = fromEitherVersion(first, second);
    const shape = checkShape(args, schema);
    const mine = shape.ok && this.#rules.isHere(whose(shape.value));
    const result = mine ? this.#inTime(shape.value, clock, body) : refusal("invalid_payload");
    const code = "code" in result ? result.code : undefined;
    if (event === READ) return result;
    const call = `${event.slice("ledger.".length)} ${code ?? "ok"}`;
    this.#calls.set(call, (this.#calls.get(call) ?? 0) + 1);
    if (code || !JOURNALED.has(event)) logEvent(event, { traceId: isTraceId(traceId) ? traceId : "", code });
    return result;
  }

  /** Runs a command at the machine's time, or at the ledger's while the machine's is in doubt. */
  #inTime<Args extends object, Result extends object>(args: Args, clock: unknown, body: Body<Args, Result>): Result | Refusal {
    const machine = unixNow();
    const caller = typeof clock === "number" ? clock : signedFor(args, machine);
    if (this.#rules.believes(machine, caller)) return body(args, { now: machine, sure: true, machine });
    this.#logJump(machine);
    // Two clocks disagree: the caller's, or this machine's, is wrong.
    if (typeof clock === "number") return refusal("facilitator_unavailable");
    return body(args, { now: this.#rules.times.now, sure: false, machine });
  }

  #logJump(machine: number): void {
    logEvent("clock.jumped", { traceId: "", machine, ledger: this.#rules.times.now });
  }
}

/** Only refusals of these are logged: a success is in the journal, under the transaction that the caller logs. */
const JOURNALED: ReadonlySet<string> = new Set([
  "ledger.reserve",
  "ledger.capture",
  "ledger.release",
  "ledger.settle",
  "ledger.refund",
  "ledger.claim_session",
]);
/** Takes the place of the event's name: reads are not logged. */
const READ = "";

/** When a command happens. All in unix seconds. */
interface Moment {
  now: number;
  /** False: the machine's clock is in doubt, and `now` is the ledger's own time. The true time is later. */
  sure: boolean;
  machine: number;
}

type Body<Args, Result> = (args: Args, at: Moment) => Result;

/** `clock`: the caller's, in unix seconds. `whose`: the account whose shard must answer. */
type Call<Args, Result> = [
  event: LedgerEvent | typeof READ,
  args: unknown,
  traceId: unknown,
  clock: unknown,
  schema: z.core.$ZodType<Args>,
  whose: (args: Args) => AccountId,
  body: Body<Args, Result>,
];

/** For commands that would pay too late at a time that is too early. */
function whenSure<Args, Result>(body: (args: Args, now: number) => Result): Body<Args, Result | Refusal> {
  return (args, { now, sure }) => (sure ? body(args, now) : refusal("facilitator_unavailable"));
}

/**
 * Facilitators of 0.1 send no clock. A payment that its payer dated so that it is valid now stands in for it.
 * @returns the machine's time if the arguments have such a payment
 */
function signedFor(args: object, machine: number): number | undefined {
  const { payment } = args as { payment?: LedgerPayment };
  const valid = payment && payment.validAfter <= machine + CLOCK_SKEW_SECONDS && machine <= payment.validBefore;
  return valid ? machine : undefined;
}

const payerOf = ({ payer }: { payer: AccountId }): AccountId => payer;
const payerOfPayment = ({ payment }: { payment: LedgerPayment }): AccountId => payment.payer;
const payeeOf = ({ payee }: { payee: AccountId }): AccountId => payee;
const accountOf = ({ account }: { account: AccountId }): AccountId => account;

const checkSchema = z.strictObject({ payment: ledgerPaymentSchema });
const reserveSchema = reserveCommandSchema(ledgerPaymentSchema);
const settleSchema = z.extend(settleCommandSchema(ledgerPaymentSchema), {
  value: z.optional(chargeSchema),
  purpose: z.optional(z.literal("transfer")),
});
const cancelSchema = z.strictObject({ payer: accountIdSchema, nonce: digestSchema });
const mandateSchema = z.strictObject({ payer: accountIdSchema, digest: digestSchema });
const statusSchema = z.strictObject({ payer: accountIdSchema, nonce: digestSchema, validBefore: unixSecondsSchema });
const accountSchema = z.strictObject({ account: accountIdSchema });
const journalSchema = z.strictObject({ account: accountIdSchema, afterSeq: wholeNumber(), credits: z.optional(z.boolean()) });
const checkpointSchema = z.strictObject({ account: accountIdSchema, seq: wholeNumber(), head: digestSchema });
const attestSchema = z.strictObject({ account: accountIdSchema, seq: z.optional(wholeNumber()) });
const debitSchema = z.strictObject({ account: accountIdSchema, transaction: digestSchema, from: unixSecondsSchema });
const refundsSchema = z.strictObject({ payee: accountIdSchema, transaction: digestSchema, withOrders: z.optional(z.boolean()) });
const creditSchema = z.strictObject({ payee: accountIdSchema, transaction: digestSchema, from: unixSecondsSchema });
const voidSchema = z.strictObject({ account: accountIdSchema, through: unixSecondsSchema });
const fundSchema = z.strictObject({ account: accountIdSchema, value: amountSchema, grantId: digestSchema });
