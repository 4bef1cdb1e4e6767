/**
 * The ledger's rules over one shard's database. Each event is one transaction, in the ledger's own time. state-table.ts
 * decides about payments, exchange.ts about what shards send each other.
 *
 * Pure and synchronous: no clock, no randomness, no platform. Callers give the ids, and the time (unix seconds), which `believes` has
 * let pass. Refusals are
 * values; the rules throw only when the ledger contradicts itself. `together` is the only transaction around several events: a
 * caller that rolls back one of its own must open the ledger again.
 */

import type { Digest } from "../crypto/digest.ts";
import { AWAY_SECONDS, JOURNAL_PAGE_CREDITS, JOURNAL_PAGE_TRANSACTIONS } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import type { Amount } from "../protocol/amount.ts";
import type { LedgerPayment } from "../protocol/ledger-payment.ts";
import type { LedgerRefund } from "../protocol/ledger-refund.ts";
import type { LedgerClaim, LedgerSession, SessionCallName, SessionName } from "../protocol/ledger-session.ts";
import { type PaymentRefusal, type Refusal, refusal } from "../protocol/refusal.ts";
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
} from "../settlement/backend.ts";
import type { CaptureCommand, LedgerSettleCommand, ReleaseCommand, ReserveCommand, RevokeCommand } from "../settlement/commands.ts";
import { Accounts, isUnknown } from "./accounts.ts";
import { type AuditReport, auditLedger } from "./audit.ts";
import { type Checkpoint, checkpointOf } from "./checkpoint.ts";
import { Clock, type ClockTimes } from "./clock.ts";
import type { ShardAudit, ShardMarks } from "./consolidate.ts";
import { Exchange } from "./exchange.ts";
import { type ExportedTable, type ExportPage, type Position, readPage } from "./export.ts";
import { Faucet } from "./faucet.ts";
import { type ShardIdentity, type Genesis, openGenesis } from "./genesis.ts";
import { findCredit, findDebit, type JournalEntry, type JournalPage, readEntries } from "./journal.ts";
import { MandateTable } from "./mandate-table.ts";
import { Mandates } from "./mandates.ts";
import { Payments } from "./payments.ts";
import { journalBase, Pruning } from "./pruning.ts";
import { creditIn, RefundTable } from "./refund-table.ts";
import { Refunds } from "./refunds.ts";
import { type Origin, Restoration, type Restored, type RestorePage } from "./restoration.ts";
import { Retirement } from "./retirement.ts";
import { SessionTable } from "./session-table.ts";
import { Sessions } from "./sessions.ts";
import { StateTable } from "./state-table.ts";
import type { LedgerStore } from "./store.ts";
import type { Batch, Received, ReceivedMark } from "./stream.ts";
import type { Backlog } from "./watch.ts";

/** `at`: unix seconds. `held`: the holds that were open then; their money is the payers'. */
export type Retired = { ok: true; shard: number; at: number; held: number } | PaymentRefusal;

export class LedgerRules {
  readonly #store: LedgerStore;
  readonly #identity: ShardIdentity;
  readonly #accounts: Accounts;
  readonly #exchange: Exchange;
  readonly #payments: Payments;
  readonly #clock: Clock;
  readonly #mandates: Mandates;
  readonly #mandateTable: MandateTable;
  readonly #table: StateTable;
  readonly #sessions: Sessions;
  readonly #sessionTable: SessionTable;
  readonly #refunds: Refunds;
  readonly #refundTable: RefundTable;
  readonly #faucet: Faucet;
  readonly #pruning: Pruning;
  readonly #retirement: Retirement;
  readonly #restoration: Restoration;
  /** No time has passed since the shard was opened. */
  #justOpened = true;
  /** What an event of the open group threw. */
  #thrown: { error: unknown } | undefined;

  /** Opens the ledger in `store`. An existing ledger takes nothing from `genesis` but checks its place. */
  constructor(store: LedgerStore, genesis: Genesis) {
    this.#store = store;
    this.#identity = openGenesis(store, genesis);
    this.#accounts = new Accounts(store, this.#identity.ledger);
    this.#exchange = new Exchange(store, this.#identity, this.#accounts);
    this.#payments = new Payments(store);
    this.#clock = new Clock(store);
    this.#mandates = new Mandates(store);
    this.#sessions = new Sessions(store);
    this.#mandateTable = new MandateTable(this.#accounts, this.#payments, this.#mandates, this.#sessions, this.#clock);
    this.#table = new StateTable(this.#accounts, this.#exchange, this.#payments, this.#mandateTable, this.#clock);
    this.#sessionTable = new SessionTable(
      this.#accounts,
      this.#exchange,
      this.#payments,
      this.#sessions,
      this.#mandateTable,
      this.#table,
      this.#clock,
    );
    this.#refunds = new Refunds(store);
    this.#refundTable = new RefundTable(store, this.#accounts, this.#exchange, this.#refunds, this.#mandateTable, this.#clock);
    this.#faucet = new Faucet(store, this.#identity.treasury, this.#accounts, this.#exchange, this.#payments);
    this.#pruning = new Pruning(store);
    this.#retirement = new Retirement(store);
    this.#restoration = new Restoration(store, this.#identity, this.#accounts, this.#mandates);
  }

  /**
   * Runs several events as one: all of their writes are made, or none. What they pay to one account of this shard is one entry of its
   * journal. One savepoint is for all of them, so an event that throws fails the group, even if its caller catches the error.
   *
   * Inside, only events run; what is read of accounts and journals, other than by `account`, may lack what is due.
   * @throws what an event threw, or the store. Nothing has happened then, and each event can be run alone
   */
  together(events: () => void): void {
    this.#undone(() => {
      this.#accounts.openGroup(this.#identity.shard);
      events();
      if (this.#thrown) throw this.#thrown.error;
      this.#accounts.closeGroup();
    });
  }

  reserve(command: ReserveCommand<LedgerPayment>, clock: number): ReserveResult {
    return this.#movement(clock, (now) => this.#table.reserve(command, now), command.payment);
  }

  capture(command: CaptureCommand, clock: number): SettleResult {
    return this.#movement(clock, (now) => this.#table.capture(command, now), command);
  }

  release(command: ReleaseCommand, clock: number): ReleaseResult {
    return this.#movement(clock, () => this.#table.release(command), command);
  }

  settle(command: LedgerSettleCommand, clock: number): SettleResult {
    return this.#movement(clock, (now) => this.#table.settle(command, now), command.payment);
  }

  /** @param signedBy see StateTable */
  cancel(payer: AccountId, nonce: Digest, clock: number, signedBy: number = clock): CancelResult {
    return this.#movement(clock, (now) => this.#table.cancel(payer, nonce, this.#sessionTable, now, Math.max(signedBy, now)), {
      payer,
      nonce,
    });
  }

  /** Sets money aside for one payee. */
  openSession(session: LedgerSession, clock: number): OpenResult {
    return this.#movement(clock, (now) => this.#sessionTable.open(session, now));
  }

  /** What `openSession` would answer. Writes nothing. */
  checkSession(session: LedgerSession, clock: number): CheckResult {
    return this.#refused() ?? this.#sessionTable.check(session, Math.max(this.#clock.now, clock));
  }

  /** Pays the payee what is above its lanes' marks. */
  claimSession(claim: LedgerClaim, clock: number): ClaimResult {
    // On a retired ledger a claim that was made is answered as ever, and changes nothing.
    if (this.#retirement.at === undefined || this.#isClosed) return this.#movement(clock, (now) => this.#sessionTable.claim(claim, now));
    return this.#sessionTable.receiptOf(claim, Math.max(this.#clock.now, clock)) ?? refusal("ledger_mismatch");
  }

  /** Begins to close a session. @param signedBy see SessionTable */
  withdrawSession(name: SessionName, clock: number, signedBy: number = clock): WithdrawResult {
    return this.#movement(clock, (now) => this.#sessionTable.withdraw(name, now, Math.max(signedBy, now)));
  }

  sessionOf(name: SessionName, clock: number): SessionStatus | Refusal {
    // A halted shard may have lost claims: what it stores proves nothing.
    if (this.#isClosed) return refusal("facilitator_unavailable");
    if (this.#retirement.at !== undefined) return this.#sessionTable.outcome(name, Math.max(this.#clock.now, clock));
    return this.#event(clock, (now) => this.#sessionTable.status(name, now));
  }

  /** Which claim paid a call of a session. Writes nothing. */
  callPayment(call: SessionCallName): CallPayment | Refusal {
    // A halted shard may have lost claims: what it stores proves nothing.
    return this.#isClosed ? refusal("facilitator_unavailable") : this.#sessionTable.paymentOf(call);
  }

  /** Gives a payment back, or a part of it. Runs where the payee lives. */
  refund(refund: LedgerRefund, clock: number): RefundResult {
    return this.#movement(clock, (now) => this.#refundTable.refund(refund, now), refund);
  }

  /** What was refunded of a payment. */
  refundsOf(payee: AccountId, transaction: Digest, withOrders = false): RefundsOf | Refusal {
    // A halted shard may have lost refunds: what it stores proves nothing.
    return this.#isClosed ? refusal("facilitator_unavailable") : this.#refundTable.of(payee, transaction, withOrders);
  }

  /** @param signedBy see MandateTable */
  revoke(command: RevokeCommand, clock: number, signedBy: number = clock): RevokeResult {
    return this.#movement(clock, (now) => this.#mandateTable.revoke(command, now, Math.max(signedBy, now)));
  }

  /** What a mandate has spent. Writes nothing. */
  mandate(payer: AccountId, digest: Digest, clock: number): MandateStatus | Refusal {
    // A halted shard may have lost payments: what it stores proves nothing.
    if (this.#isClosed) return refusal("facilitator_unavailable");
    return this.#mandateTable.status(payer, digest, Math.max(this.#clock.now, clock));
  }

  /** What `reserve` and `settle` would answer to an id that has not claimed the payment before. Writes nothing. */
  check(payment: LedgerPayment, clock: number): CheckResult {
    const refused = this.#refused(payment);
    if (refused) return refused;
    return this.#table.check(payment, Math.max(this.#clock.now, clock));
  }

  status(payer: AccountId, nonce: Digest, validBefore: number, clock: number): PaymentStatus {
    // A halted shard may have lost payments: what it stores proves nothing.
    if (this.#isClosed) return { status: "unknown" };
    if (this.#retirement.at !== undefined) return this.#table.outcome(payer, nonce);
    return this.#event(clock, (now) => this.#table.status(payer, nonce, validBefore, now));
  }

  fund(account: AccountId, value: Amount, grantId: Digest, clock: number): FundResult {
    return this.#movement(clock, (now) => this.#faucet.fund(account, value, grantId, now));
  }

  /** Pays money of the treasury out for the operator, whom the caller has recognised. @param cap atomic units in all */
  issue(account: AccountId, value: Amount, grantId: Digest, cap: bigint, clock: number): FundResult {
    return this.#movement(clock, (now) => this.#faucet.issue(account, value, grantId, cap, now));
  }

  /**
   * Voids the accesses to the account's books that were issued up to and including that second. Nothing is stored for an account that
   * has never held money: it has no row, and no books.
   */
  voidAccesses(account: AccountId, through: number, clock: number): { ok: true; through: number } | Refusal {
    return this.#movement(clock, () => {
      if (isUnknown(this.#accounts.read(account))) return refusal("insufficient_funds");
      this.#accounts.voidAccesses(account, through);
      return { ok: true, through: this.#accounts.accessesVoidThrough(account) };
    });
  }

  /**
   * The alarm's work: frees expired holds, deletes payments past their retention, and prunes old journal entries that were
   * exported, a bounded batch of each.
   * @returns unix seconds at which there is work again; undefined if there will be none
   */
  runMaintenance(clock: number): number | undefined {
    if (!this.#forgets) return undefined; // the evidence stays
    return this.#event(clock, (now) => {
      const next = Math.min(this.#table.runMaintenance(this.#sessionTable, now), this.#pruning.work(now));
      this.#clock.persist();
      return next === Infinity ? undefined : next;
    });
  }

  /** Whether there is maintenance to do, now or later. */
  needsMaintenance(): boolean {
    if (!this.#forgets) return false;
    return !this.#payments.isEmpty() || !this.#mandates.isEmpty() || this.#pruning.isPending();
  }

  /** The open holds and sessions, and the credits that wait for other shards. Reads what waits, and nothing else. */
  backlog(): Backlog {
    return {
      // The holds and sessions of a retired ledger have ended: no alarm is late for them.
      ...(this.#retirement.at === undefined
        ? { ...this.#payments.held(), ...this.#sessions.pending() }
        : { holds: 0, firstDeadline: 0, sessions: 0, firstEnd: 0 }),
      outbox: this.#exchange.marks().sent.reduce((sum, { sent, acknowledged }) => sum + sent - acknowledged, 0),
    };
  }

  // --- Time ------------------------------------------------------------------------------------------

  /** Whether events may be dated by the machine's clock (unix seconds), which the caller's may confirm. See Clock. */
  believes(machine: number, caller?: number): boolean {
    return this.#clock.believes(machine, caller);
  }

  get times(): ClockTimes {
    return this.#clock.times;
  }

  /**
   * Sets the ledger's time, back as well.
   * @param risk allows a time at which what was refused forever could still be paid
   * @returns false when it would take back what is final
   */
  setTime(to: number, risk: boolean): boolean {
    if (to < this.#clock.times.final && !risk) return false;
    this.#store.transact(() => this.#clock.set(to));
    return true;
  }

  // --- Other shards ----------------------------------------------------------------------------------

  /** Whether the account lives on this shard. The payers above all do; payees may live on any shard. */
  isHere(account: AccountId): boolean {
    return this.#exchange.isHere(account);
  }

  /** Why the shard has halted: it, or another shard, was restored to an earlier state. Undefined while it works. */
  get halted(): string | undefined {
    return this.#exchange.halted;
  }

  /** The shards for which credits wait. */
  destinations(): number[] {
    return this.#exchange.destinations();
  }

  /** The oldest credits that wait for that shard; undefined if none waits. */
  nextBatch(to: number): Batch | undefined {
    return this.#exchange.nextBatch(to);
  }

  /** Applies credits from another shard, each once, as one journal entry per account. */
  receive(batch: Batch, clock: number): Received {
    if (this.#restoration.isUnderWay) return { ok: false, fault: "halted" };
    return this.#event(clock, (now) => this.#exchange.receive(batch, now));
  }

  /** Deletes the credits that the other shard has applied. @returns whether there were any */
  acknowledge(to: number, answer: Received): boolean {
    return this.#event(this.#clock.now, (now) => this.#exchange.acknowledge(to, answer, now));
  }

  // --- The ledger before and after this one ----------------------------------------------------------

  /** Retires the shard, for ever. @param ledger the id of this ledger, which its operator names */
  retire(ledger: Digest, clock: number): Retired {
    if (ledger !== this.#identity.ledger) return { ...refusal("ledger_mismatch"), detail: `this ledger is ${this.#identity.ledger}` };
    if (this.#isClosed) return refusal("facilitator_unavailable");
    const { shard } = this.#identity;
    return this.#event(clock, (now) => ({ ok: true, shard, at: this.#retirement.retire(now), held: this.#payments.held().holds }));
  }

  /** A page of what a retired shard has. The caller asks once nothing is on its way between shards. */
  exportPage(table: ExportedTable, after: Position): ExportPage | PaymentRefusal {
    if (this.#retirement.at === undefined) return { ...refusal("invalid_payload"), detail: "only a retired ledger is exported" };
    if (this.destinations().length > 0) return refusal("payment_in_progress");
    return readPage(this.#store, table, after);
  }

  /** Stores a page of another ledger's export. The shard refuses everything else until `finishRestoration`. */
  restore(origin: Origin, page: RestorePage, clock: number): Restored {
    return this.#event(clock, (now) => {
      const restored = this.#restoration.take(origin, page, now);
      if (restored.ok && !restored.complete) this.#clock.startAfter(origin.final);
      return restored;
    });
  }

  /** Opens a restored shard. Its caller has audited all shards. */
  finishRestoration(origin: Origin): Restored {
    return this.#event(this.#clock.now, () => this.#restoration.finish(origin));
  }

  // --- Reading ---------------------------------------------------------------------------------------

  info(): LedgerInfo {
    const { ledger, treasury, supply, shards } = this.#identity;
    const { origin } = this.#restoration;
    return { ledger, treasury, supply, shards, sessions: true, ...(origin && { origin }) };
  }

  account(id: AccountId): AccountState {
    return this.#accounts.read(id);
  }

  /** A page of an account's chain, the oldest entry first. */
  journal(id: AccountId, afterSeq: number, limit: number): JournalEntry[] {
    return readEntries(this.#store, id, afterSeq, limit);
  }

  /**
   * The same page, small enough for one message, with the last pruned entry if the page begins after it.
   * @param credits lists who made the payments of a batch
   */
  journalPage(id: AccountId, afterSeq: number, limit: number, credits = false): JournalPage {
    const most = credits ? JOURNAL_PAGE_CREDITS : JOURNAL_PAGE_TRANSACTIONS;
    const base = journalBase(this.#store, id);
    const cut = base !== undefined && afterSeq < Number(base.seq);
    return { entries: readEntries(this.#store, id, afterSeq, limit, most, credits), ...(cut && { base }) };
  }

  /** The debit of one payment. @param from unix seconds before which it was not made */
  debit(id: AccountId, transaction: Digest, from: number): JournalEntry | undefined {
    return findDebit(this.#store, id, this.account(id).journalSeq, transaction, from);
  }

  /** Where one payment was credited, alone or in a batch. @param from unix seconds before which it was not made */
  creditOf(payee: AccountId, transaction: Digest, from: number): PaidCredit | undefined {
    const entry = findCredit(this.#store, payee, this.account(payee).journalSeq, transaction, from);
    return entry && { entry: Number(entry.seq), ...creditIn(entry, transaction), at: Number(entry.at) };
  }

  /** Unix seconds up to which accesses to the account's books are void. */
  accessesVoidThrough(id: AccountId): number {
    return this.#accounts.accessesVoidThrough(id);
  }

  /** Records that the chain was exported up to the entry with this hash. @returns undefined if there is no such entry */
  checkpoint(id: AccountId, seq: number, head: Digest, clock: number): Checkpoint | Refusal | undefined {
    return this.#movement(clock, (now) => {
      const [entry] = this.journal(id, seq - 1, 1);
      if (entry?.hash !== head || Number(entry.seq) !== seq) return undefined;
      this.#pruning.exported(id, entry);
      return checkpointOf(this.#identity.ledger, entry, now);
    });
  }

  /**
   * A checkpoint of this entry, by default of the last one. It records nothing: only the operator's `checkpoint` lets a chain be
   * pruned.
   * @returns undefined if there is no such entry
   */
  attest(id: AccountId, seq: number | undefined, clock: number): Checkpoint | Refusal | undefined {
    // What a halted shard stores proves nothing.
    if (this.#isClosed) return refusal("facilitator_unavailable");
    const [entry] = this.journal(id, (seq ?? this.account(id).journalSeq) - 1, 1);
    if (!entry || (seq !== undefined && Number(entry.seq) !== seq)) return undefined;
    return checkpointOf(this.#identity.ledger, entry, Math.max(this.#clock.now, clock));
  }

  /** Checks every invariant of a ledger of one shard. Reads every table, and trusts nothing that is cached. */
  audit(): AuditReport {
    return this.#store.transact(() => auditLedger(this.#store, this.#identity, this.#exchange.halted, this.#clock.now));
  }

  /**
   * This shard's part of an audit of all shards.
   * @param marks how much each other shard has applied of what this shard sent; `from` is the shard that reports it
   */
  auditShard(marks: readonly ReceivedMark[]): ShardAudit {
    return this.#store.transact(() => {
      const report = this.audit();
      const problems = [...report.problems, ...marks.flatMap((mark) => this.#exchange.difference(mark) ?? [])];
      return {
        report: { ...report, ok: problems.length === 0, problems },
        marks: this.marks(),
        inFlight: marks.reduce((sum, { from, mark }) => sum + this.#exchange.valueBeyond(from, mark), 0n).toString(),
      };
    });
  }

  /** The progress of the streams from and to this shard. */
  marks(): ShardMarks {
    return { shard: this.#identity.shard, ...this.#exchange.marks() };
  }

  // --- What the events are made of -------------------------------------------------------------------

  #event<T>(clock: number, body: (now: number) => T): T {
    const jumped = this.#clock.isJump(clock);
    const away = this.#awayUntil(clock);
    const isLater = clock > this.#clock.now;
    const event = () => {
      const now = this.#clock.advance(clock);
      if (away > 0) this.#sessions.prolong(away);
      const result = body(now);
      if (jumped || away > 0) this.#clock.persist(); // the alarm, which no caller confirms, follows from here
      if (isLater) this.#justOpened = false; // else nothing is known yet of how long it was closed
      return result;
    };
    return this.#accounts.isGroup ? this.#inGroup(event) : this.#undone(event);
  }

  #inGroup<T>(event: () => T): T {
    try {
      return event();
    } catch (error) {
      this.#thrown = { error };
      throw error;
    }
  }

  /** A transaction. When it is rolled back, memory is as it was as well. */
  #undone<T>(body: () => T): T {
    const justOpened = this.#justOpened;
    const { now } = this.#clock;
    try {
      return this.#store.transact(body);
    } catch (error) {
      this.#thrown = undefined;
      this.#justOpened = justOpened;
      if (justOpened) this.#clock.takeBack(now); // a shard that was away is still to prolong its sessions
      this.#accounts.forget();
      this.#mandates.forget();
      this.#pruning.forget();
      this.#retirement.forget();
      this.#restoration.forget();
      throw error;
    }
  }

  /** Seconds for which the shard was away until its first event: halted, set back, or out of reach. No claim could be made meanwhile. */
  #awayUntil(clock: number): number {
    const away = clock - this.#clock.now;
    return this.#justOpened && this.#forgets && away > AWAY_SECONDS ? away : 0;
  }

  /** An event that claims, frees or moves money, or lets journal entries be pruned. @param payment the one that it is about */
  #movement<T>(clock: number, body: (now: number) => T, payment?: Nonce | RefundId): T | Refusal {
    return this.#refused(payment) ?? this.#event(clock, body);
  }

  /** Of a retired ledger, events about a settled payment or a refund that was made change nothing, and are answered as ever. */
  #refused(payment?: Nonce | RefundId): Refusal | undefined {
    if (this.#isClosed) return refusal("facilitator_unavailable");
    if (this.#retirement.at === undefined) return undefined;
    return payment && this.#isOver(payment) ? undefined : refusal("ledger_mismatch");
  }

  #isOver(payment: Nonce | RefundId): boolean {
    if ("id" in payment) return this.#refunds.find(payment.payee, payment.id) !== undefined;
    return this.#payments.find(payment.payer, payment.nonce)?.state === "settled";
  }

  /** Whether nothing stored here counts: the shard has halted, or its restoration is not finished. */
  get #isClosed(): boolean {
    return this.#exchange.halted !== undefined || this.#restoration.isUnderWay;
  }

  /** Whether the alarm may free, forget and prune. */
  get #forgets(): boolean {
    return !this.#isClosed && this.#retirement.at === undefined;
  }
}

type Nonce = Pick<LedgerPayment, "payer" | "nonce">;
type RefundId = Pick<LedgerRefund, "payee" | "id">;
