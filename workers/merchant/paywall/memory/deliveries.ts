/** The Durable Object `Deliveries`, one per payer: the merchant's memory of payments and of the answers they bought, on disk. */

import { DurableObject } from "cloudflare:workers";
import type { Digest } from "../../../../shared/crypto/digest.ts";
import { ALARM_RETRY_SECONDS, SWEEP_INTERVAL_SECONDS } from "../../../../shared/limits.ts";
import { logEvent, newTraceId } from "../../../../shared/log.ts";
import { UnsupportedSchema } from "../../../../shared/migrations.ts";
import type { Reservation } from "../../../../shared/settlement/commands.ts";
import { unixNow } from "../../../../shared/time.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import type { DeliveryState, DeliveryStore, Lease } from "../types.ts";
import { AnswerTable } from "./answer-table.ts";
import type { DeliveriesSchema } from "./durable.ts";
import type { ClaimResult, IdempotencyStore, PaidResult, StoredAnswer } from "./idempotency-store.ts";
import { LeaseTable } from "./lease-table.ts";
import { Leases, type Synchronous } from "./leases.ts";
import { RunTable } from "./run-table.ts";
import { migrateDeliveries } from "./schema.ts";

/** A merchant has many objects. One line per isolate says what is wrong with all of them. */
let hasLoggedSchema = false;

/**
 * Methods without an await: each is one transaction, and the next waits for it. Their names, arguments and results stay: during a
 * deployment, the paywall of one version calls the object of another.
 */
export class Deliveries
  extends DurableObject
  implements Required<Synchronous<DeliveryStore>>, Synchronous<IdempotencyStore>, Synchronous<DeliveriesSchema>
{
  readonly #payments: LeaseTable;
  readonly #runs: RunTable;
  readonly #leases: Leases;
  readonly #answers: AnswerTable;
  /** Set if newer code wrote the tables. This code then neither reads nor writes them. */
  readonly #unsupported: UnsupportedSchema | undefined;

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env as never);
    this.#payments = new LeaseTable(ctx.storage.sql);
    this.#runs = new RunTable(ctx.storage.sql);
    this.#leases = new Leases(this.#payments, this.#runs);
    this.#answers = new AnswerTable(ctx.storage.sql);
    try {
      migrateDeliveries(ctx.storage);
    } catch (error) {
      if (!(error instanceof UnsupportedSchema)) throw error;
      this.#unsupported = error;
      if (!hasLoggedSchema) logEvent("deliveries.unsupported_schema", { traceId: newTraceId(), message: error.message });
      hasLoggedSchema = true;
    }
  }

  canOpen(): boolean {
    return this.#unsupported === undefined;
  }

  begin(key: Digest, lease: Digest, seconds: number, ifAbandoned?: DeliveryState): Lease {
    this.#requireTables();
    this.#sweepLater();
    return this.#leases.begin(key, lease, seconds, ifAbandoned);
  }

  resume(key: Digest, lease: Digest, seconds: number): Lease {
    this.#requireTables();
    this.#sweepLater();
    return this.#leases.resume(key, lease, seconds);
  }

  finish(key: Digest, lease: Digest, remembered: DeliveryState | undefined, forgetAfter: number): void {
    this.#requireTables();
    this.#sweepLater();
    this.#leases.finish(key, lease, remembered, forgetAfter);
  }

  startRun(key: Digest, lease: Digest, seconds: number, max: number): "started" | "taken" | "too_many" {
    this.#requireTables();
    this.#sweepLater();
    return this.#leases.startRun(key, lease, seconds, max);
  }

  endRun(key: Digest): void {
    this.#requireTables();
    this.#leases.endRun(key);
  }

  claim(key: Digest, payment: Digest, lease: Digest, seconds: number): ClaimResult {
    this.#requireTables();
    this.#sweepLater();
    return this.#answers.claim(key, payment, lease, seconds, unixNow());
  }

  recall(key: Digest, payment: Digest): PaidResult | undefined {
    this.#requireTables();
    return this.#answers.recall(key, payment);
  }

  store(key: Digest, lease: Digest, reservation: Reservation, answer: StoredAnswer | undefined): boolean {
    this.#requireTables();
    return this.#answers.store(key, lease, reservation, answer);
  }

  paid(key: Digest, receipt: SettleResponse): void {
    this.#requireTables();
    this.#answers.paid(key, receipt, unixNow());
  }

  free(key: Digest, lease: Digest): void {
    this.#requireTables();
    this.#answers.free(key, lease);
  }

  /** Deletes expired rows. Sets the next alarm first, so that a failure only delays them. */
  override async alarm(): Promise<void> {
    const now = unixNow();
    const retry = this.canOpen() ? ALARM_RETRY_SECONDS : SWEEP_INTERVAL_SECONDS;
    await this.ctx.storage.setAlarm((now + retry) * 1000);
    if (!this.canOpen()) return;
    this.#payments.forget(now);
    this.#answers.forget(now);
    this.#runs.forget(now);
    const tables = [this.#payments, this.#answers, this.#runs];
    const next = Math.min(...tables.map((table) => table.nextForget() ?? Infinity));
    if (next === Infinity) await this.ctx.storage.deleteAlarm();
    else await this.ctx.storage.setAlarm((Math.max(next, now) + 1) * 1000);
  }

  /** @throws {UnsupportedSchema} The caller does not know then what the merchant remembers, and sells nothing. */
  #requireTables(): void {
    if (this.#unsupported) throw this.#unsupported;
  }

  #sweepLater(): void {
    const { storage } = this.ctx;
    void storage.getAlarm().then((alarm) => (alarm === null ? storage.setAlarm((unixNow() + SWEEP_INTERVAL_SECONDS) * 1000) : undefined));
  }
}
