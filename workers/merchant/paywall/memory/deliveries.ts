/**
 * The Durable Object `Deliveries`, one per payer: the merchant's memory of payments and of the answers they bought, on disk; and one per
 * payee and day: the register of its sales. Its tables are made by the first call that has something to remember, and the alarm that
 * finds them empty deletes all of it.
 */

import { DurableObject } from "cloudflare:workers";
import { type Digest, randomDigest } from "../../../../shared/crypto/digest.ts";
import {
  ALARM_RETRY_SECONDS,
  MAX_CLOCK_STEP_SECONDS,
  REFUND_BATCH,
  REFUND_RETENTION_SECONDS,
  SWEEP_INTERVAL_SECONDS,
} from "../../../../shared/limits.ts";
import { logEvent } from "../../../../shared/log.ts";
import { UnsupportedSchema } from "../../../../shared/migrations.ts";
import { unixNow } from "../../../../shared/time.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import { believesClock } from "../believed-clock.ts";
import type { Conclusion, DeliveredHold, DeliveryState, DeliveryStore, Lease, PaywallBindings } from "../types.ts";
import { AnswerTable } from "./answer-table.ts";
import type { DeliveriesSchema } from "./durable.ts";
import type { ClaimResult, IdempotencyStore, PaidResult, StoredAnswer } from "./idempotency-store.ts";
import { LeaseTable } from "./lease-table.ts";
import { Leases, type Synchronous } from "./leases.ts";
import { RefundTable } from "./refund-table.ts";
import { RunTable } from "./run-table.ts";
import { SaleTable } from "./sale-table.ts";
import type { RecordedSale, SalesRegister } from "./sales-register.ts";
import { hasTables, migrateDeliveries } from "./schema.ts";

/** A merchant has many objects. One line per isolate says what is wrong with all of them. */
let hasLoggedSchema = false;

/** Nothing is remembered for longer. In milliseconds. */
const LONGEST_GAP = 2 * MAX_CLOCK_STEP_SECONDS * 1000;

/**
 * Methods without an await: each is one transaction, and the next waits for it. Their names, arguments and results stay: during a
 * deployment, the paywall of one version calls the object of another.
 */
export class Deliveries
  extends DurableObject<PaywallBindings>
  implements Required<Synchronous<DeliveryStore>>, Synchronous<IdempotencyStore>, Synchronous<DeliveriesSchema>, Synchronous<SalesRegister>
{
  readonly #payments: LeaseTable;
  readonly #runs: RunTable;
  readonly #leases: Leases;
  readonly #answers: AnswerTable;
  readonly #sales: SaleTable;
  readonly #refunds: RefundTable;
  /** Gives back what was not delivered in time. Absent here: the object of `lez-agent-pay/hono/refunds` has it. */
  protected readonly giveBack: GiveBack | undefined;
  /** Set if newer code wrote the tables. This code then neither reads nor writes them. */
  readonly #unsupported: UnsupportedSchema | undefined;
  /** Whether there are tables. Without them nothing is remembered. */
  #exists: boolean;

  constructor(ctx: DurableObjectState, env: PaywallBindings) {
    super(ctx, env);
    this.#payments = new LeaseTable(ctx.storage.sql);
    this.#runs = new RunTable(ctx.storage.sql);
    this.#leases = new Leases(this.#payments, this.#runs);
    this.#answers = new AnswerTable(ctx.storage.sql);
    this.#sales = new SaleTable(ctx.storage.sql);
    this.#refunds = new RefundTable(ctx.storage.sql);
    this.#exists = hasTables(ctx.storage);
    try {
      if (this.#exists) migrateDeliveries(ctx.storage);
    } catch (error) {
      if (!(error instanceof UnsupportedSchema)) throw error;
      this.#unsupported = error;
      if (!hasLoggedSchema) logEvent("deliveries.unsupported_schema", { traceId: "", message: error.message });
      hasLoggedSchema = true;
    }
  }

  /** Leaves the schema's version behind, without an alarm: older code, after a rollback, must find it. */
  canOpen(): boolean {
    if (this.#unsupported) return false;
    migrateDeliveries(this.ctx.storage);
    this.#exists = true;
    return true;
  }

  begin(key: Digest, lease: Digest, seconds: number, ifAbandoned?: DeliveryState): Lease {
    this.#write();
    return this.#leases.begin(key, lease, seconds, ifAbandoned);
  }

  resume(key: Digest, lease: Digest, seconds: number): Lease {
    return this.#read() ? this.#leases.resume(key, lease, seconds) : { granted: true };
  }

  finish(key: Digest, lease: Digest, remembered: DeliveryState | undefined, forgetAfter: number): void {
    if (remembered) this.#write();
    if (this.#read()) this.#leases.finish(key, lease, remembered, forgetAfter);
    if (hasRefund(remembered)) void this.#ringWhenDue(unixNow());
  }

  deliver(key: Digest, lease: Digest, forgetAfter: number): Conclusion {
    this.#write();
    return this.#leases.deliver(key, lease, forgetAfter);
  }

  startRun(key: Digest, lease: Digest, seconds: number, max: number): "started" | "taken" | "too_many" {
    this.#write();
    return this.#leases.startRun(key, lease, seconds, max);
  }

  endRun(key: Digest): void {
    if (this.#read()) this.#leases.endRun(key);
  }

  claim(key: Digest, payment: Digest, lease: Digest, seconds: number): ClaimResult {
    this.#write();
    return this.#answers.claim(key, payment, lease, seconds, unixNow());
  }

  recall(key: Digest, payment: Digest): PaidResult | undefined {
    return this.#read() ? this.#answers.recall(key, payment) : undefined;
  }

  store(key: Digest, lease: Digest, reservation: DeliveredHold, answer: StoredAnswer | undefined): boolean {
    return this.#read() && this.#answers.store(key, lease, reservation, answer);
  }

  paid(key: Digest, receipt: SettleResponse): void {
    if (this.#read()) this.#answers.paid(key, receipt, unixNow());
  }

  free(key: Digest, lease: Digest): void {
    if (this.#read()) this.#answers.free(key, lease);
  }

  recordSales(sales: readonly RecordedSale[], day: number): boolean {
    this.#write();
    return this.#sales.record(sales, day);
  }

  listSales(after: string): RecordedSale[] {
    return this.#read() ? this.#sales.page(after) : [];
  }

  recordRefund(sale: RecordedSale, day: number): boolean {
    this.#write();
    return this.#sales.recordRefund(sale, day);
  }

  isRefunded(key: Digest): boolean {
    return this.#read() && this.#refunds.get(key) !== undefined;
  }

  reopenSale(transaction: Digest): RecordedSale | undefined {
    return this.#read() ? this.#sales.reopen(transaction) : undefined;
  }

  reopen(key: Digest, receipt: SettleResponse, forgetAfter: number): boolean {
    this.#write();
    const reopened = this.#leases.reopen(key, { state: "paid", receipt }, forgetAfter);
    if (reopened) this.#answers.forgetUnstored(receipt.transaction);
    return reopened;
  }

  /**
   * Begins and continues refunds, and deletes expired rows, or everything once none is left. Sets the next alarm first, so that a failure
   * only delays it.
   */
  override async alarm(): Promise<void> {
    const { storage } = this.ctx;
    const now = unixNow();
    await storage.setAlarm((now + (this.#unsupported ? SWEEP_INTERVAL_SECONDS : ALARM_RETRY_SECONDS)) * 1000);
    if (this.#unsupported) return;
    if (!believesClock(storage, now, this.#due(), "deliveries")) return storage.setAlarm((now + MAX_CLOCK_STEP_SECONDS) * 1000);
    if (this.#exists) {
      this.#endDebts(now);
      for (const table of this.#tables()) table.forget(now);
      await this.#giveBack(now);
    }
    if (this.#due() !== Infinity) return this.#ringWhenDue(now);
    // No await since the tables were found empty, so that no call comes between. What comes later makes them anew.
    this.#exists = false;
    await Promise.all([storage.deleteAll(), storage.deleteAlarm()]);
  }

  /**
   * What was not delivered in its time goes back. From here on no run delivers it and no order reopens it, in the transaction that writes
   * the refund down: a buyer gets the goods or the money. Without the code for it the goods stay owed, in the register of sales.
   */
  #endDebts(now: number): void {
    this.ctx.storage.transactionSync(() => {
      for (const { key, state } of this.#payments.undelivered(now)) {
        const { transaction, nonce, amount, traceId } = state.refund;
        if (!this.giveBack) {
          logEvent("refund.owed", { traceId, transaction, amount, obstacle: "no_refund_code" });
          continue;
        }
        this.#refunds.add(key, state.refund, state.state === "paid", now);
        const forgetAfter = now + REFUND_RETENTION_SECONDS;
        this.#payments.set(key, { lease: randomDigest(), leaseUntil: 0, remembered: { state: "refund", transaction }, forgetAfter });
        this.#answers.forgetUnpaid(nonce);
      }
    });
  }

  async #giveBack(now: number): Promise<void> {
    if (!this.giveBack) return;
    for (const key of this.#refunds.ready(now, REFUND_BATCH)) {
      // Nothing is left of a payment that never moved money.
      if (!(await this.giveBack(this.#refunds, key, now))) this.#payments.delete(key);
    }
  }

  /** Each table that the alarm looks after. */
  #tables() {
    return [this.#payments, this.#answers, this.#runs, this.#sales, this.#refunds];
  }

  /** Unix seconds of the next thing to do or to forget; Infinity without one. */
  #due(): number {
    if (!this.#exists) return Infinity;
    const next = this.giveBack ? this.#refunds.nextTry() : undefined;
    return Math.min(next ?? Infinity, ...this.#tables().map((table) => table.nextForget() ?? Infinity));
  }

  /** Sets the alarm for what is due first, in the transaction of the caller's writes. */
  #ringWhenDue(now: number): Promise<void> {
    return this.ctx.storage.setAlarm((Math.max(this.#due(), now) + 1) * 1000);
  }

  /**
   * Whether there is anything to read.
   * @throws {UnsupportedSchema} The caller does not know then what the merchant remembers, and sells nothing.
   */
  #read(): boolean {
    if (this.#unsupported) throw this.#unsupported;
    const { storage } = this.ctx;
    const sweep = sweepTime();
    // An alarm that was set by a clock far ahead would ring too late.
    if (this.#exists) void storage.getAlarm().then((at) => (at === null || at > sweep + LONGEST_GAP ? storage.setAlarm(sweep) : undefined));
    return this.#exists;
  }

  /** Makes the tables, and in the same transaction the alarm that will delete them. */
  #write(): void {
    if (this.#read()) return;
    void this.ctx.storage.setAlarm(sweepTime());
    this.canOpen();
  }
}

/** One try for one payment. @returns whether anything is left of it */
export type GiveBack = (refunds: RefundTable, key: Digest, now: number) => Promise<boolean>;

function hasRefund(state: DeliveryState | undefined): boolean {
  return (state?.state === "paid" || state?.state === "pending") && state.refund !== undefined;
}

/** In milliseconds. */
function sweepTime(): number {
  return (unixNow() + SWEEP_INTERVAL_SECONDS) * 1000;
}
