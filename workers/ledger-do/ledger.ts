/**
 * One shard of the ledger as a Durable Object: it gives the rules their storage, their time and their alarm, carries what
 * they owe to other shards, and does nothing else.
 *
 * No method awaits between the first read and the last write of a money operation. An await would open the object's
 * input gate, and another payment could slip in between a balance that was read and the one that is written. That is
 * why signatures are verified in the facilitator, and why hashing in here is synchronous.
 */
import { DurableObject } from "cloudflare:workers";
import { type AccountId, accountIdSchema } from "../../shared/protocol/account.ts";
import { type Amount, amountSchema } from "../../shared/protocol/amount.ts";
import { type LedgerPayment, ledgerPaymentSchema, unixSecondsSchema } from "../../shared/protocol/ledger-payment.ts";
import { type Refusal, refusal } from "../../shared/protocol/refusal.ts";
import {
  type CaptureCommand,
  type ReleaseCommand,
  reservationSchema,
  type ReserveCommand,
  reserveCommandSchema,
  type SettleCommand,
  settleCommandSchema,
} from "../../shared/settlement/commands.ts";
import type {
  AccountState,
  CancelResult,
  CheckResult,
  FundResult,
  LedgerInfo,
  PaymentStatus,
  ReleaseResult,
  ReserveResult,
  SettleResult,
} from "../../shared/settlement/backend.ts";
import { withDeadline } from "../../shared/deadline.ts";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { checkShape } from "../../shared/text/json.ts";
import type { AuditReport } from "../../shared/ledger/audit.ts";
import type { SignedCheckpoint } from "../../shared/ledger/checkpoint.ts";
import type { ShardAudit, ShardMarks } from "../../shared/ledger/consolidate.ts";
import type { JournalPage } from "../../shared/ledger/journal.ts";
import type { LedgerRules } from "../../shared/ledger/rules.ts";
import { shardOf } from "../../shared/ledger/shards.ts";
import { type Batch, batchSchema, type Received, type ReceivedMark, receivedMarksSchema } from "../../shared/ledger/stream.ts";
import {
  ALARM_LOST_SECONDS,
  ALARM_RETRY_SECONDS,
  DELIVERY_TIMEOUT_SECONDS,
  GRANT_DELIVERY_SECONDS,
  JOURNAL_PAGE,
  SWEEP_INTERVAL_SECONDS,
} from "../../shared/limits.ts";
import { isTraceId, logEvent } from "../../shared/log.ts";
import { unixNow } from "../../shared/time.ts";
import { wholeNumber } from "../../shared/whole-number.ts";
import * as z from "zod/mini";
import { openShard, shardOfLedger } from "./birth.ts";
import { Courier } from "./courier.ts";
import { GroupCommit } from "./group-commit.ts";
import { fromEitherVersion } from "./rpc-0-1.ts";
import { checkpointKey, signCheckpoint } from "./sign-checkpoint.ts";
import { durableStore, ownName } from "./storage.ts";

export interface LedgerEnv {
  /** "on": `fund` hands out test money. */
  FAUCET?: string;
  /** How many objects the ledger is spread over; 1 when absent. Counts when a ledger is founded, and is compared ever after. */
  SHARDS?: string;
  /** Secret. 32 bytes in hex, the seed of an Ed25519 key: signs checkpoints. Absent: none are made, and no journal is ever pruned. */
  CHECKPOINT_KEY?: string;
  /** This very class: the other shards. */
  LEDGER?: DurableObjectNamespace<Ledger>;
}

export class Ledger extends DurableObject<LedgerEnv> {
  readonly #commits = new GroupCommit(() => this.ctx.storage.sync());
  #opened: { rules: LedgerRules; courier: Courier } | undefined;
  /** Unix seconds of the alarm that is set; undefined when none is. */
  #alarmAt: number | undefined;

  constructor(ctx: DurableObjectState, env: LedgerEnv) {
    super(ctx, env);
    const opening = ctx.blockConcurrencyWhile(async () => {
      const name = ownName(ctx);
      const rules = await openShard(durableStore(ctx.storage), env, name);
      const courier = new Courier(rules, async (batch) => shardOfLedger(this.env, name, batch.to).receive(batch));
      this.#opened = { rules, courier };
      // An alarm outlives the instance that set it. One that does not know it would replace an earlier one by a later.
      const alarm = await ctx.storage.getAlarm();
      this.#alarmAt = alarm === null ? undefined : alarm / 1000;
      // Whoever was away catches up, even if its alarm was given up by the platform.
      if (this.#alarmAt === undefined && rules.hasToTidy()) this.#wakeBy(unixNow());
      for (const to of rules.destinations()) this.#deliverSoon(to);
    });
    // Whoever called is told why it cannot be opened, and the platform throws this instance away: nobody else has to hear of it.
    opening.catch(() => undefined);
  }

  get #rules(): LedgerRules {
    return this.#open.rules;
  }

  get #open(): { rules: LedgerRules; courier: Courier } {
    if (!this.#opened) throw new Error("the ledger is not open yet");
    return this.#opened;
  }

  info(): LedgerInfo {
    return this.#rules.info();
  }

  check(args: { payment: LedgerPayment }, traceId: string): CheckResult {
    return this.#run(READ, args, traceId, checkSchema, payerOfPayment, ({ payment }, now) => this.#rules.check(payment, now));
  }

  reserve(command: ReserveCommand<LedgerPayment>, traceId: string): Promise<ReserveResult> {
    return this.#move("ledger.reserve", command, traceId, reserveSchema, payerOfPayment, (command, now) => {
      const result = this.#rules.reserve(command, now);
      this.#wakeBy(result.ok ? Math.max(result.heldUntil, command.payment.validBefore) + 1 : now + SWEEP_INTERVAL_SECONDS);
      return result;
    });
  }

  capture(command: CaptureCommand, traceId: string): Promise<SettleResult> {
    return this.#move("ledger.capture", command, traceId, reservationSchema, payerOf, (command, now) =>
      this.#sent(this.#rules.capture(command, now)),
    );
  }

  release(command: ReleaseCommand, traceId: string): Promise<ReleaseResult> {
    return this.#move("ledger.release", command, traceId, reservationSchema, payerOf, (command, now) => this.#rules.release(command, now));
  }

  settle(command: SettleCommand<LedgerPayment>, traceId: string): Promise<SettleResult> {
    return this.#move("ledger.settle", command, traceId, settleSchema, payerOfPayment, (command, now) => {
      this.#wakeBy(now + SWEEP_INTERVAL_SECONDS);
      return this.#sent(this.#rules.settle(command, now));
    });
  }

  cancel(args: { payer: AccountId; nonce: Digest }, traceId: string): Promise<CancelResult> {
    return this.#move("ledger.cancel", args, traceId, cancelSchema, payerOf, ({ payer, nonce }, now) => {
      this.#wakeBy(now + SWEEP_INTERVAL_SECONDS);
      return this.#rules.cancel(payer, nonce, now);
    });
  }

  status(args: { payer: AccountId; nonce: Digest; validBefore: number }, traceId: string): PaymentStatus | Refusal {
    return this.#run(READ, args, traceId, statusSchema, payerOf, ({ payer, nonce, validBefore }, now) =>
      this.#rules.status(payer, nonce, validBefore, now),
    );
  }

  account(args: { account: AccountId }, traceId: string): AccountState | Refusal {
    return this.#run(READ, args, traceId, accountSchema, accountOf, ({ account }) => this.#rules.account(account));
  }

  journal(args: { account: AccountId; afterSeq: number }, traceId: string): JournalPage | Refusal {
    return this.#run(READ, args, traceId, journalSchema, accountOf, ({ account, afterSeq }) =>
      this.#rules.journalPage(account, afterSeq, JOURNAL_PAGE),
    );
  }

  /** The chain was exported up to the entry with this hash. Signed where the operator gave a key; offered nowhere else. */
  async checkpoint(args: { account: AccountId; seq: number; head: Digest }, traceId: string): Promise<SignedCheckpoint | Refusal> {
    const { CHECKPOINT_KEY } = this.env;
    if (!CHECKPOINT_KEY) return refusal("not_found");
    await checkpointKey(CHECKPOINT_KEY); // a secret that cannot sign lets nothing be pruned
    const result = this.#run("ledger.checkpoint", args, traceId, checkpointSchema, accountOf, ({ account, seq, head }, now) => {
      this.#wakeBy(now + SWEEP_INTERVAL_SECONDS);
      return this.#rules.checkpoint(account, seq, head, now) ?? refusal("invalid_payload");
    });
    return "code" in result ? result : signCheckpoint(result, CHECKPOINT_KEY);
  }

  /** The same signature under an entry of the chain, or under its last one, for whoever asks. Records nothing. */
  async attest(args: { account: AccountId; seq?: number | undefined }, traceId: string): Promise<SignedCheckpoint | Refusal> {
    const { CHECKPOINT_KEY } = this.env;
    if (!CHECKPOINT_KEY) return refusal("not_found");
    const result = this.#run(
      READ,
      args,
      traceId,
      attestSchema,
      accountOf,
      ({ account, seq }, now) => this.#rules.attest(account, seq, now) ?? refusal("invalid_payload"),
    );
    return "code" in result ? result : signCheckpoint(result, CHECKPOINT_KEY);
  }

  /** The public half of the key that signs checkpoints; undefined where there is none. */
  async checkpointKey(): Promise<string | undefined> {
    return this.env.CHECKPOINT_KEY ? (await checkpointKey(this.env.CHECKPOINT_KEY)).publicKey : undefined;
  }

  /** Of a ledger that is one shard, all there is; of another, this shard without the rest. */
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

  /**
   * Any Worker that is bound to this object can call its methods; minting exists only where both sides turned it on.
   * A grant to an account of another shard is brought there before the answer, if that shard can be reached in time.
   */
  async fund(args: { account: AccountId; value: Amount; grantId: Digest }, traceId: string): Promise<FundResult> {
    if (this.env.FAUCET !== "on") return refusal("not_found");
    const { treasury } = this.#rules.info();
    const result = this.#run(
      "ledger.fund",
      args,
      traceId,
      fundSchema,
      () => treasury,
      ({ account, value, grantId }, now) => {
        this.#wakeBy(now + SWEEP_INTERVAL_SECONDS);
        return this.#rules.fund(account, value, grantId, now);
      },
    );
    if (result.ok && !this.#rules.isHere(result.account)) {
      const to = this.#homeOf(result.account);
      this.#deliverSoon(to);
      await withDeadline(this.#open.courier.to(to).run(), GRANT_DELIVERY_SECONDS);
    }
    return result;
  }

  /** From another shard: credits for accounts of this one. Safe to repeat, in any order. */
  receive(batch: Batch): Received {
    const shape = checkShape(batch, batchSchema);
    if (!shape.ok) return { ok: false, fault: "not_mine" };
    const received = this.#rules.receive(shape.value, unixNow());
    if (!received.ok) logEvent("ledger.batch_refused", { traceId: "", from: shape.value.from, fault: received.fault });
    return received;
  }

  /** Brings what waits for other shards there now, as far as they can be reached. @returns how many shards still wait */
  async deliver(): Promise<number> {
    const { rules, courier } = this.#open;
    await Promise.all(rules.destinations().map((to) => courier.to(to).run()));
    return rules.destinations().length;
  }

  /**
   * Frees dead holds and forgets old payments, then delivers what waits: no peer can keep it from tidying. Re-arms before it
   * works, so that a crash in the middle only delays it, and never throws: the platform gives up on alarms that keep failing.
   */
  override async alarm(): Promise<void> {
    await this.#ringAt(unixNow() + ALARM_RETRY_SECONDS);
    try {
      await this.#tidy();
    } catch (error) {
      logEvent("ledger.alarm_failed", { traceId: "", message: String(error) });
    }
    await this.#deliverDue();
  }

  /** Nothing is awaited before the alarm is set: no event can slip in and ask for an earlier one in vain. */
  async #tidy(): Promise<void> {
    const { rules, courier } = this.#open;
    const now = unixNow();
    const deliveries = rules.destinations().map((to) => courier.to(to).retryAt(now));
    await this.#ringAt(Math.min(rules.tidy(now) ?? Infinity, ...deliveries));
  }

  /** Waits for it as long as for one call, so that the next alarm is not late: what takes longer goes on without it. */
  async #deliverDue(): Promise<void> {
    const { rules, courier } = this.#open;
    const now = unixNow();
    const due = rules
      .destinations()
      .map((to) => courier.to(to))
      .filter((route) => !route.isResting(now));
    await withDeadline(Promise.all(due.map((route) => route.run())), DELIVERY_TIMEOUT_SECONDS);
  }

  /** Sees to it that a payment to another shard's account arrives there. */
  #sent(result: SettleResult): SettleResult {
    if (result.ok && !this.#rules.isHere(result.payee)) this.#deliverSoon(this.#homeOf(result.payee));
    return result;
  }

  #homeOf(account: AccountId): number {
    return shardOf(account, this.#rules.info().shards);
  }

  /** In a moment, or by alarm, which is set in the same transaction as whatever is to be delivered. */
  #deliverSoon(to: number): void {
    const route = this.#open.courier.to(to);
    this.#wakeBy(route.retryAt(unixNow()));
    route.soon();
  }

  /** Makes sure that the alarm rings no later than `at` (unix seconds). */
  #wakeBy(at: number): void {
    const now = unixNow();
    const lost = this.#alarmAt !== undefined && this.#alarmAt + ALARM_LOST_SECONDS < now;
    if (this.#alarmAt !== undefined && this.#alarmAt <= at && !lost) return;
    // What a lost one should have done is overdue.
    void this.#ringAt(lost ? now : at);
  }

  /** Sets the alarm, or none for Infinity. */
  #ringAt(at: number): Promise<void> {
    this.#alarmAt = at === Infinity ? undefined : at;
    return at === Infinity ? this.ctx.storage.deleteAlarm() : this.ctx.storage.setAlarm(at * 1000);
  }

  /** A call that moves, claims or frees money: written together with those that come at the same time. */
  #move<Args, Result extends object>(...call: Call<Args, Result>): Promise<Result | Refusal> {
    return this.#commits.run(() => this.#run(...call));
  }

  /** Shapes are checked here too: types are gone at runtime, and whoever is bound can call. So is whose shard this is. */
  #run<Args, Result extends object>(...[event, first, second, schema, whose, body]: Call<Args, Result>): Result | Refusal {
    const [args, traceId] = fromEitherVersion(first, second);
    const shape = checkShape(args, schema);
    const mine = shape.ok && this.#rules.isHere(whose(shape.value));
    const result = mine ? body(shape.value, unixNow()) : refusal("invalid_payload");
    const code = "code" in result ? result.code : undefined;
    if (event !== READ && (code || !BOOKED.has(event))) logEvent(event, { traceId: isTraceId(traceId) ? traceId : "", code });
    return result;
  }
}

/** When these succeed the book says so, under the transaction that whoever called logs; only refusals are logged. */
const BOOKED = new Set(["ledger.reserve", "ledger.capture", "ledger.release", "ledger.settle"]);
/** In place of an event's name: nothing happens by reading, and nothing is logged. */
const READ = "";

/** @param whose the account that decides which shard this is for @param now unix seconds */
type Call<Args, Result> = [
  event: string,
  args: unknown,
  traceId: unknown,
  schema: z.core.$ZodType<Args>,
  whose: (args: Args) => AccountId,
  body: (args: Args, now: number) => Result,
];

const payerOf = ({ payer }: { payer: AccountId }): AccountId => payer;
const payerOfPayment = ({ payment }: { payment: LedgerPayment }): AccountId => payment.payer;
const accountOf = ({ account }: { account: AccountId }): AccountId => account;

const checkSchema = z.strictObject({ payment: ledgerPaymentSchema });
const reserveSchema = reserveCommandSchema(ledgerPaymentSchema);
const settleSchema = settleCommandSchema(ledgerPaymentSchema);
const cancelSchema = z.strictObject({ payer: accountIdSchema, nonce: digestSchema });
const statusSchema = z.strictObject({ payer: accountIdSchema, nonce: digestSchema, validBefore: unixSecondsSchema });
const accountSchema = z.strictObject({ account: accountIdSchema });
const journalSchema = z.strictObject({ account: accountIdSchema, afterSeq: wholeNumber() });
const checkpointSchema = z.strictObject({ account: accountIdSchema, seq: wholeNumber(), head: digestSchema });
const attestSchema = z.strictObject({ account: accountIdSchema, seq: z.optional(wholeNumber()) });
const fundSchema = z.strictObject({ account: accountIdSchema, value: amountSchema, grantId: digestSchema });
