/** The merchant's own Durable Object, one per payer: its memory of payments and of the answers they bought, on disk. */
import { DurableObject } from "cloudflare:workers";
import type { Reservation } from "../../../../shared/settlement/backend.ts";
import type { Digest } from "../../../../shared/crypto/digest.ts";
import { ALARM_RETRY_SECONDS, SWEEP_INTERVAL_SECONDS } from "../../../../shared/limits.ts";
import { unixNow } from "../../../../shared/time.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import { AnswerTable } from "./answer-table.ts";
import { LeaseTable } from "./lease-table.ts";
import type { IdempotencyStore, ClaimResult, StoredAnswer } from "./idempotency-store.ts";
import { Leases, type Synchronous } from "./leases.ts";
import type { Lease, DeliveryStore, DeliveryState } from "../types.ts";

/** Methods without an await: each is one transaction, and the next waits for it. */
export class Deliveries extends DurableObject implements Synchronous<DeliveryStore>, Synchronous<IdempotencyStore> {
  readonly #payments: LeaseTable;
  readonly #leases: Leases;
  readonly #answers: AnswerTable;

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env as never);
    this.#payments = new LeaseTable(ctx.storage.sql);
    this.#leases = new Leases(this.#payments);
    this.#answers = new AnswerTable(ctx.storage.sql);
  }

  begin(key: Digest, lease: Digest, seconds: number, meanwhile?: DeliveryState): Lease {
    this.#sweepLater();
    return this.#leases.begin(key, lease, seconds, meanwhile);
  }

  resume(key: Digest, lease: Digest, seconds: number): Lease {
    this.#sweepLater();
    return this.#leases.resume(key, lease, seconds);
  }

  finish(key: Digest, lease: Digest, remembered: DeliveryState | undefined, forgetAfter: number): void {
    this.#sweepLater();
    this.#leases.finish(key, lease, remembered, forgetAfter);
  }

  claim(key: Digest, order: Digest, lease: Digest, seconds: number): ClaimResult {
    this.#sweepLater();
    return this.#answers.claim(key, order, lease, seconds, unixNow());
  }

  recall(key: Digest, order: Digest): Extract<ClaimResult, { state: "paid" }> | undefined {
    return this.#answers.recall(key, order);
  }

  store(key: Digest, lease: Digest, reservation: Reservation, answer: StoredAnswer | undefined): boolean {
    return this.#answers.store(key, lease, reservation, answer);
  }

  paid(key: Digest, receipt: SettleResponse): void {
    this.#answers.paid(key, receipt, unixNow());
  }

  free(key: Digest, lease: Digest): void {
    this.#answers.free(key, lease);
  }

  /** Forgets what is past its time. Re-arms first, so that a failure only delays it. */
  override async alarm(): Promise<void> {
    const now = unixNow();
    await this.ctx.storage.setAlarm((now + ALARM_RETRY_SECONDS) * 1000);
    this.#payments.forget(now);
    this.#answers.forget(now);
    const next = Math.min(this.#payments.nextForget() ?? Infinity, this.#answers.nextForget() ?? Infinity);
    if (next === Infinity) await this.ctx.storage.deleteAlarm();
    else await this.ctx.storage.setAlarm((Math.max(next, now) + 1) * 1000);
  }

  #sweepLater(): void {
    const { storage } = this.ctx;
    void storage.getAlarm().then((alarm) => (alarm === null ? storage.setAlarm((unixNow() + SWEEP_INTERVAL_SECONDS) * 1000) : undefined));
  }
}
