/**
 * The ledger's rules: the state table of a payment (spec/state-table.md), one method per event.
 *
 * Pure and synchronous: no clock, no randomness, no platform. Callers give the time (unix seconds) and the ids. Every
 * method runs in one transaction and refuses by value; it throws only when the book contradicts itself. Whoever undoes a
 * transaction around several events must open the ledger anew.
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
  JOURNAL_PAGE_TRANSACTIONS,
  MAX_HOLD_SECONDS,
  MAX_VALIDITY_SECONDS,
  RETENTION_SECONDS,
  SWEEP_INTERVAL_SECONDS,
} from "../limits.ts";
import { Accounts, available, claimed } from "./accounts.ts";
import { type AuditReport, auditLedger } from "./audit.ts";
import { type Checkpoint, checkpointOf, journalBase, pruneJournal, recordCheckpoint } from "./checkpoint.ts";
import type { ShardAudit, ShardMarks } from "./consolidate.ts";
import { Exchange } from "./exchange.ts";
import { grantedTo, paidGrant, recordGrant, rememberGrant } from "./faucet.ts";
import { type Born, type Genesis, openGenesis } from "./genesis.ts";
import type { ReceivedMark } from "./inbox.ts";
import type { JournalEntry, JournalPage } from "./journal.ts";
import { type CancelledRow, type HeldRow, type PaymentRow, Payments, type SettledRow } from "./payments.ts";
import type { LedgerStore } from "./store.ts";
import type { Batch, Received } from "./stream.ts";

export class LedgerRules {
  readonly #store: LedgerStore;
  readonly #born: Born;
  readonly #accounts: Accounts;
  readonly #exchange: Exchange;
  readonly #payments: Payments;
  /** The latest time seen since the ledger was opened, or stored before. Behind it time never runs, whatever the machine's clock does. */
  #now: number;
  /** The account at which pruning goes on; undefined when its round is over, and the sweep's is not. Not stored: a restart begins anew. */
  #pruned: string | undefined = "";

  /** Opens the ledger in `store`. `genesis` counts the first time only. */
  constructor(store: LedgerStore, genesis: Genesis) {
    this.#store = store;
    this.#born = openGenesis(store, genesis);
    this.#accounts = new Accounts(store, this.#born.ledger);
    this.#exchange = new Exchange(store, this.#born, this.#accounts);
    this.#payments = new Payments(store);
    this.#now = Number(store.sql("SELECT last FROM clock")[0]?.["last"]);
  }

  reserve(payment: LedgerPayment, hold: Hold, clock: number): ReserveResult {
    return this.#movement(clock, (now) => {
      const row = this.#current(payment.payer, payment.nonce, now);
      if (row?.state === "held" && row.holder === hold.reservationId && row.authorization_digest === payment.authorizationDigest) {
        return reserved(row);
      }
      const taken = this.#takenBy(row, payment, now);
      if (taken) return taken;
      const obstacle = this.#obstacle(payment, row, now);
      if (obstacle) return this.#refuseFor(obstacle);
      if (row?.state === "held") this.#free(row);
      this.#accounts.hold(this.#accounts.read(payment.payer), BigInt(payment.value));
      const heldUntil = now + Math.min(hold.seconds, MAX_HOLD_SECONDS);
      return reserved(this.#payments.insertHeld(payment, hold.reservationId, hold.fingerprint, heldUntil));
    });
  }

  capture({ payer, nonce, reservationId }: Reservation, clock: number): SettleResult {
    return this.#movement(clock, (now) => {
      const row = this.#payments.find(payer, nonce);
      if (!row || row.state === "cancelled" || row.holder !== reservationId) return refuse("reservation_lost");
      if (row.state === "settled") return settled(row);
      if (now > row.dead_line) {
        this.#free(row);
        return this.#final(refuse("payment_expired"));
      }
      this.#payments.markSettled(row);
      return this.#pay({ ...row, state: "settled" }, claimed(this.#accounts.read(payer), -BigInt(row.value)));
    });
  }

  release({ payer, nonce, reservationId }: Reservation, clock: number): ReleaseResult {
    return this.#movement(clock, () => {
      const row = this.#payments.find(payer, nonce);
      if (!row) return { ok: true };
      if (row.state === "settled") return over(row);
      if (row.state === "cancelled" || row.holder !== reservationId) return refuse("reservation_lost");
      this.#free(row);
      return { ok: true };
    });
  }

  settle(payment: LedgerPayment, settlementId: Digest, clock: number): SettleResult {
    return this.#movement(clock, (now) => {
      const row = this.#current(payment.payer, payment.nonce, now);
      if (row?.state === "settled" && row.holder === settlementId && row.authorization_digest === payment.authorizationDigest) {
        return settled(row);
      }
      const taken = this.#takenBy(row, payment, now);
      if (taken) return taken;
      const obstacle = this.#obstacle(payment, row, now);
      if (obstacle) return this.#refuseFor(obstacle);
      if (row?.state === "held") this.#free(row);
      return this.#pay(this.#payments.insertSettled(payment, settlementId), this.#accounts.read(payment.payer));
    });
  }

  cancel(payer: AccountId, nonce: Digest, clock: number): CancelResult {
    return this.#movement(clock, (now) => {
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
    if (this.#exchange.halted !== undefined) return refuse("facilitator_unavailable");
    const now = Math.max(this.#now, clock);
    const row = this.#payments.find(payment.payer, payment.nonce);
    const dead = row?.state === "held" && now > row.dead_line;
    const taken = dead ? undefined : this.#takenBy(row, payment, now);
    if (taken) return taken;
    const obstacle = this.#obstacle(payment, row, now);
    return obstacle ? refuse(obstacle) : { ok: true };
  }

  status(payer: AccountId, nonce: Digest, validBefore: number, clock: number): PaymentStatus {
    // What a shard that was set back remembers of a payment proves nothing.
    if (this.#exchange.halted !== undefined) return { status: "unknown" };
    return this.#event(clock, (now): PaymentStatus => {
      const row = this.#current(payer, nonce, now);
      if (row?.state === "held") return { status: "reserved" };
      if (row?.state === "settled") return { status: "settled", transaction: row.tx };
      if (row?.state === "cancelled") return { status: "cancelled" };
      if (now <= validBefore) return { status: "unused" };
      return now <= validBefore + RETENTION_SECONDS ? this.#final({ status: "expired" }) : { status: "unknown" };
    });
  }

  /** Test money: a payment by the treasury whose nonce is the grant's id. One grant pays once, however late it is asked for again. */
  fund(account: AccountId, value: Amount, grantId: Digest, clock: number): FundResult {
    return this.#movement(clock, (now) => {
      const { treasury } = this.#born;
      const authorizationDigest = digest("Authorization", { from: treasury, to: account, value, nonce: grantId });
      const grant = { payer: treasury, nonce: grantId, authorizationDigest, payee: account, value, validAfter: now, validBefore: now };
      const paid = paidGrant(this.#store, grantId);
      if (paid !== undefined && paid !== authorizationDigest) return refuse("nonce_replayed");
      if (paid === undefined) {
        if (account === treasury) return refuse("recipient_mismatch");
        if (this.#payments.find(treasury, grantId)) return refuse("nonce_replayed");
        if (grantedTo(this.#store, account, now) + BigInt(value) > FAUCET_CAP_PER_ACCOUNT) return refuse("rate_limited");
        const payer = this.#accounts.read(treasury);
        if (available(payer) < BigInt(value)) return refuse("faucet_empty");
        if (this.#exchange.isFull(account)) return refuse("overloaded");
        this.#pay(this.#payments.insertSettled(grant, grantId), payer);
        recordGrant(this.#store, account, BigInt(value), now);
        rememberGrant(this.#store, grantId, authorizationDigest);
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
    if (this.#exchange.halted !== undefined) return undefined; // what it is evidence of stays as it is
    return this.#event(clock, (now) => {
      const dead = this.#payments.deadHolds(now, EXPIRY_BATCH);
      for (const row of dead) this.#free(row);
      if (this.#pruned !== undefined) this.#pruned = pruneJournal(this.#store, now, this.#pruned);
      const unfinished = [this.#payments.sweep(now), this.#pruned !== undefined, dead.length === EXPIRY_BATCH].includes(true);
      this.#persistClock();
      if (unfinished) return now + 1;
      this.#pruned = "";
      if (this.#payments.isEmpty()) return undefined;
      const deadLine = this.#payments.nextDeadLine();
      return Math.min(deadLine === undefined ? Number.POSITIVE_INFINITY : deadLine + 1, now + SWEEP_INTERVAL_SECONDS);
    });
  }

  /** Whether there is anything to tidy, now or one day. */
  hasPayments(): boolean {
    return this.#exchange.halted === undefined && !this.#payments.isEmpty();
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
    return this.#event(this.#now, (now) => this.#exchange.acknowledge(to, answer, now));
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
    return this.#accounts.journal(id, afterSeq, limit);
  }

  /** The same, with what it goes on from when the journal was pruned, and short enough to be sent and read in one piece. */
  journalPage(id: AccountId, afterSeq: number, limit: number): JournalPage {
    const base = journalBase(this.#store, id);
    const cut = base !== undefined && afterSeq < Number(base.seq);
    return { entries: this.#accounts.journal(id, afterSeq, limit, JOURNAL_PAGE_TRANSACTIONS), ...(cut && { base }) };
  }

  /** Somebody has exported this chain up to the entry with this hash. @returns undefined when there is no such entry */
  checkpoint(id: AccountId, seq: number, head: Digest, clock: number): Checkpoint | Refusal | undefined {
    return this.#movement(clock, (now) => {
      const [entry] = this.journal(id, seq - 1, 1);
      if (entry?.hash !== head || Number(entry.seq) !== seq) return undefined;
      recordCheckpoint(this.#store, id, entry);
      return checkpointOf(this.#born.ledger, entry, now);
    });
  }

  /**
   * What a checkpoint of this entry says (absent: of the last one), for whoever asks. Unlike `checkpoint` it records nothing:
   * only an operator who has exported a chain may let it be pruned. @returns undefined when there is no such entry
   */
  attest(id: AccountId, seq: number | undefined, clock: number): Checkpoint | Refusal | undefined {
    // What a shard that was set back remembers proves nothing.
    if (this.#exchange.halted !== undefined) return refuse("facilitator_unavailable");
    const [entry] = this.journal(id, (seq ?? this.account(id).journalSeq) - 1, 1);
    if (!entry || (seq !== undefined && Number(entry.seq) !== seq)) return undefined;
    return checkpointOf(this.#born.ledger, entry, Math.max(this.#now, clock));
  }

  /** Recomputes everything that must hold of a ledger that is one shard. Reads the whole book, and believes nothing but the store. */
  audit(): AuditReport {
    const accounts = new Accounts(this.#store, this.#born.ledger);
    return this.#store.transact(() => auditLedger(this.#store, accounts, this.#born, this.#exchange.halted, this.#now));
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
    this.#now = Math.max(this.#now, clock);
    try {
      return this.#store.transact(() => body(this.#now));
    } catch (error) {
      this.#accounts.forget(); // what was written is undone
      throw error;
    }
  }

  /** An event that claims, frees or moves money, or lets its trace be pruned. None happens on a shard that has halted. */
  #movement<T>(clock: number, body: (now: number) => T): T | Refusal {
    return this.#exchange.halted === undefined ? this.#event(clock, body) : refuse("facilitator_unavailable");
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

  /**
   * Why a payment that nobody else has cannot be made; undefined when it can. `row`: a hold that would make room for it, whose
   * money counts as free. It is freed only afterwards: its holder may still capture what another was refused.
   */
  #obstacle(payment: LedgerPayment, row: PaymentRow | undefined, now: number): ErrorCode | undefined {
    const freed = row?.state === "held" ? BigInt(row.value) : 0n;
    const funds = available(this.#accounts.read(payment.payer)) + freed;
    if (payment.validAfter > now + CLOCK_SKEW_SECONDS) return "payment_not_yet_valid";
    if (payment.validBefore < now) return "payment_expired";
    if (payment.validBefore > now + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS) return "validity_too_long";
    if (funds < BigInt(payment.value)) return "insufficient_funds";
    return this.#exchange.isFull(payment.payee) ? "overloaded" : undefined;
  }

  /** "Expired" is said for good. */
  #refuseFor(obstacle: ErrorCode): Refusal {
    return obstacle === "payment_expired" ? this.#final(refuse(obstacle)) : refuse(obstacle);
  }

  /** Moves the money of a payment whose row says settled: to its payee, or on its way to the payee's shard. `payer`: as it was just read. */
  #pay(row: SettledRow, payer: AccountState): Settled {
    const { payee, value, tx: transaction } = row;
    const cause = {
      authorizationDigest: row.authorization_digest,
      ...(row.request_digest && { requestDigest: row.request_digest }),
      transaction,
      at: this.#now,
    };
    if (this.#exchange.isHere(payee)) {
      this.#accounts.transfer(payer, payee, BigInt(value), cause);
    } else {
      this.#accounts.debit(payer, payee, BigInt(value), cause);
      this.#exchange.owe({ payee, value, transaction });
    }
    return settled(row);
  }

  /** held → none: the money is the payer's again, and the payment as if it had never been presented. */
  #free(row: HeldRow): void {
    this.#accounts.hold(this.#accounts.read(row.payer), -BigInt(row.value));
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
