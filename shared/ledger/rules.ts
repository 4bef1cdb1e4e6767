/**
 * The ledger's rules over one shard's database. Whatever happens there is one event, in one transaction, in the ledger's own
 * time. What becomes of a payment is decided in state-table.ts; what one shard does with others, in exchange.ts.
 *
 * Pure and synchronous: no clock, no randomness, no platform. Callers give the time (unix seconds) and the ids. Refusals are
 * values; it throws only when the book contradicts itself. Whoever undoes a transaction around several events must open the
 * ledger anew.
 */
import type { AccountId } from "../protocol/account.ts";
import type { Amount } from "../protocol/amount.ts";
import type { LedgerPayment } from "../protocol/ledger-payment.ts";
import { type Refusal, refusal } from "../protocol/refusal.ts";
import type { CaptureCommand, ReleaseCommand, ReserveCommand, SettleCommand } from "../settlement/commands.ts";
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
} from "../settlement/backend.ts";
import type { Digest } from "../crypto/digest.ts";
import { JOURNAL_PAGE_TRANSACTIONS } from "../limits.ts";
import { Accounts } from "./accounts.ts";
import { type AuditReport, auditLedger } from "./audit.ts";
import { type Checkpoint, checkpointOf } from "./checkpoint.ts";
import { Clock } from "./clock.ts";
import type { ShardAudit, ShardMarks } from "./consolidate.ts";
import { Exchange } from "./exchange.ts";
import { Faucet } from "./faucet.ts";
import { type Born, type Genesis, openGenesis } from "./genesis.ts";
import { type JournalEntry, type JournalPage, readEntries } from "./journal.ts";
import { Payments } from "./payments.ts";
import { journalBase, Pruning } from "./pruning.ts";
import { StateTable } from "./state-table.ts";
import type { LedgerStore } from "./store.ts";
import type { Batch, Received, ReceivedMark } from "./stream.ts";

export class LedgerRules {
  readonly #store: LedgerStore;
  readonly #born: Born;
  readonly #accounts: Accounts;
  readonly #exchange: Exchange;
  readonly #payments: Payments;
  readonly #clock: Clock;
  readonly #table: StateTable;
  readonly #faucet: Faucet;
  readonly #pruning: Pruning;

  /** Opens the ledger in `store`. `genesis` counts the first time only. */
  constructor(store: LedgerStore, genesis: Genesis) {
    this.#store = store;
    this.#born = openGenesis(store, genesis);
    this.#accounts = new Accounts(store, this.#born.ledger);
    this.#exchange = new Exchange(store, this.#born, this.#accounts);
    this.#payments = new Payments(store);
    this.#clock = new Clock(store);
    this.#table = new StateTable(this.#accounts, this.#exchange, this.#payments, this.#clock);
    this.#faucet = new Faucet(store, this.#born.treasury, this.#accounts, this.#exchange, this.#payments);
    this.#pruning = new Pruning(store);
  }

  reserve(command: ReserveCommand<LedgerPayment>, clock: number): ReserveResult {
    return this.#movement(clock, (now) => this.#table.reserve(command, now));
  }

  capture(command: CaptureCommand, clock: number): SettleResult {
    return this.#movement(clock, (now) => this.#table.capture(command, now));
  }

  release(command: ReleaseCommand, clock: number): ReleaseResult {
    return this.#movement(clock, () => this.#table.release(command));
  }

  settle(command: SettleCommand<LedgerPayment>, clock: number): SettleResult {
    return this.#movement(clock, (now) => this.#table.settle(command, now));
  }

  cancel(payer: AccountId, nonce: Digest, clock: number): CancelResult {
    return this.#movement(clock, (now) => this.#table.cancel(payer, nonce, now));
  }

  /** What `reserve` and `settle` would say of a payment that nobody here has claimed before. Writes nothing. */
  check(payment: LedgerPayment, clock: number): CheckResult {
    if (this.#exchange.halted !== undefined) return refusal("facilitator_unavailable");
    return this.#table.check(payment, Math.max(this.#clock.now, clock));
  }

  status(payer: AccountId, nonce: Digest, validBefore: number, clock: number): PaymentStatus {
    // What a shard that was set back remembers of a payment proves nothing.
    if (this.#exchange.halted !== undefined) return { status: "unknown" };
    return this.#event(clock, (now) => this.#table.status(payer, nonce, validBefore, now));
  }

  fund(account: AccountId, value: Amount, grantId: Digest, clock: number): FundResult {
    return this.#movement(clock, (now) => this.#faucet.fund(account, value, grantId, now));
  }

  /**
   * The alarm's work: frees holds past their dead line, forgets what is past its retention, prunes what was exported and is
   * old, a bounded batch of each.
   * @returns unix seconds at which there is work again; undefined when there will be none
   */
  tidy(clock: number): number | undefined {
    if (this.#exchange.halted !== undefined) return undefined; // what it is evidence of stays as it is
    return this.#event(clock, (now) => {
      const next = Math.min(this.#table.tidy(now), this.#pruning.work(now));
      this.#clock.persist();
      return next === Infinity ? undefined : next;
    });
  }

  /** Whether there is anything to tidy, now or one day. */
  hasToTidy(): boolean {
    return this.#exchange.halted === undefined && (!this.#payments.isEmpty() || this.#pruning.isPending());
  }

  // --- Other shards ----------------------------------------------------------------------------------

  /** Whether this is the account's shard. Everything above is about accounts of this shard; only payees may live elsewhere. */
  isHere(account: AccountId): boolean {
    return this.#exchange.isHere(account);
  }

  /** Why nothing moves here any more: this shard has seen that it, or another one, was set back. Undefined when all is well. */
  get halted(): string | undefined {
    return this.#exchange.halted;
  }

  /** Shards for which money waits. */
  destinations(): number[] {
    return this.#exchange.destinations();
  }

  /** The oldest credits that wait for that shard; undefined when none does. */
  nextBatch(to: number): Batch | undefined {
    return this.#exchange.nextBatch(to);
  }

  /** Applies credits from another shard, each once, summed up per account. */
  receive(batch: Batch, clock: number): Received {
    return this.#event(clock, (now) => this.#exchange.receive(batch, now));
  }

  /** Forgets what the other shard says that it has. @returns true when that was something */
  acknowledge(to: number, answer: Received): boolean {
    return this.#event(this.#clock.now, (now) => this.#exchange.acknowledge(to, answer, now));
  }

  // --- Reading ---------------------------------------------------------------------------------------

  info(): LedgerInfo {
    const { ledger, treasury, supply, shards } = this.#born;
    return { ledger, treasury, supply, shards };
  }

  account(id: AccountId): AccountState {
    return this.#accounts.read(id);
  }

  /** A page of an account's chain, oldest first. */
  journal(id: AccountId, afterSeq: number, limit: number): JournalEntry[] {
    return readEntries(this.#store, id, afterSeq, limit);
  }

  /** The same, with what it goes on from when the journal was pruned, and short enough to be sent and read in one piece. */
  journalPage(id: AccountId, afterSeq: number, limit: number): JournalPage {
    const base = journalBase(this.#store, id);
    const cut = base !== undefined && afterSeq < Number(base.seq);
    return { entries: readEntries(this.#store, id, afterSeq, limit, JOURNAL_PAGE_TRANSACTIONS), ...(cut && { base }) };
  }

  /** Somebody has exported this chain up to the entry with this hash. @returns undefined when there is no such entry */
  checkpoint(id: AccountId, seq: number, head: Digest, clock: number): Checkpoint | Refusal | undefined {
    return this.#movement(clock, (now) => {
      const [entry] = this.journal(id, seq - 1, 1);
      if (entry?.hash !== head || Number(entry.seq) !== seq) return undefined;
      this.#pruning.exported(id, entry);
      return checkpointOf(this.#born.ledger, entry, now);
    });
  }

  /**
   * What a checkpoint of this entry says (absent: of the last one), for whoever asks. Unlike `checkpoint` it records nothing:
   * only an operator who has exported a chain may let it be pruned. @returns undefined when there is no such entry
   */
  attest(id: AccountId, seq: number | undefined, clock: number): Checkpoint | Refusal | undefined {
    // What a shard that was set back remembers proves nothing.
    if (this.#exchange.halted !== undefined) return refusal("facilitator_unavailable");
    const [entry] = this.journal(id, (seq ?? this.account(id).journalSeq) - 1, 1);
    if (!entry || (seq !== undefined && Number(entry.seq) !== seq)) return undefined;
    return checkpointOf(this.#born.ledger, entry, Math.max(this.#clock.now, clock));
  }

  /** Recomputes everything that must hold of a ledger that is one shard. Reads the whole book, and believes nothing but the store. */
  audit(): AuditReport {
    return this.#store.transact(() => auditLedger(this.#store, this.#born, this.#exchange.halted, this.#clock.now));
  }

  /**
   * This shard's part of an audit of all.
   * @param marks what each other shard has applied of what this one sent; `from` is the shard that said so
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

  /** How far the streams from and to this shard have come. */
  marks(): ShardMarks {
    return { shard: this.#born.shard, ...this.#exchange.marks() };
  }

  // --- What the events are made of -------------------------------------------------------------------

  #event<T>(clock: number, body: (now: number) => T): T {
    const now = this.#clock.advance(clock);
    try {
      return this.#store.transact(() => body(now));
    } catch (error) {
      this.#accounts.forget(); // what was written is undone
      this.#pruning.forget();
      throw error;
    }
  }

  /** An event that claims, frees or moves money, or lets its trace be pruned. None happens on a shard that has halted. */
  #movement<T>(clock: number, body: (now: number) => T): T | Refusal {
    return this.#exchange.halted === undefined ? this.#event(clock, body) : refusal("facilitator_unavailable");
  }
}
