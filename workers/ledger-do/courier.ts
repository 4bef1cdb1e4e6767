/** Carries what waits in a shard's outbox to the other shards: soon after it was written, and by alarm whatever that did not deliver. */
import { LATE, withDeadline } from "../../shared/deadline.ts";
import { deliver } from "../../shared/ledger/delivery.ts";
import type { LedgerRules } from "../../shared/ledger/rules.ts";
import type { Batch, Received } from "../../shared/ledger/stream.ts";
import {
  DELIVERY_DELAY_MILLIS,
  DELIVERY_RETRY_SECONDS,
  DELIVERY_TIMEOUT_SECONDS,
  MAX_DELIVERY_RETRY_SECONDS,
} from "../../shared/limits.ts";
import { logEvent } from "../../shared/log.ts";

export class Courier {
  readonly #rules: LedgerRules;
  readonly #send: (batch: Batch) => Promise<Received>;
  #waiting = false;
  #running: Promise<void> | undefined;
  #again = false;
  #pause = DELIVERY_RETRY_SECONDS;

  /** @param send brings a batch to the shard it is for; may reject */
  constructor(rules: LedgerRules, send: (batch: Batch) => Promise<Received>) {
    this.#rules = rules;
    this.#send = send;
  }

  /** Seconds until what is still there should be tried again: longer, the more often it failed. */
  get pause(): number {
    return this.#pause;
  }

  /** Delivers in a moment, so that credits of that moment travel together. */
  soon(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    setTimeout(() => {
      this.#waiting = false;
      void this.run();
    }, DELIVERY_DELAY_MILLIS);
  }

  /** Delivers now, whatever was there when it was called. Never rejects: what could not be delivered is still there. */
  run(): Promise<void> {
    if (this.#running) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#rounds().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #rounds(): Promise<void> {
    do {
      this.#again = false;
      const arrived = await Promise.all(this.#rules.destinations().map((to) => this.#deliver(to)));
      this.#pause = arrived.every(Boolean) ? DELIVERY_RETRY_SECONDS : Math.min(2 * this.#pause, MAX_DELIVERY_RETRY_SECONDS);
    } while (this.#again);
  }

  async #deliver(to: number): Promise<boolean> {
    try {
      await deliver(this.#rules, to, (batch) => this.#sendInTime(batch));
      return true;
    } catch (error) {
      logEvent("ledger.delivery_failed", { traceId: "", to, message: String(error) });
      return false;
    }
  }

  async #sendInTime(batch: Batch): Promise<Received> {
    const answer = await withDeadline(this.#send(batch), DELIVERY_TIMEOUT_SECONDS);
    if (answer === LATE) throw new Error(`shard ${batch.to} did not answer in time`);
    return answer;
  }
}
