/** Carries what waits in a shard's outbox to the other shards: soon after it was written, and by alarm whatever that did not deliver. */
import { LATE, withDeadline } from "../../shared/deadline.ts";
import { deliver, type Sender } from "../../shared/ledger/delivery.ts";
import type { Batch, Received } from "../../shared/ledger/stream.ts";
import {
  DELIVERY_DELAY_MILLIS,
  DELIVERY_RETRY_SECONDS,
  DELIVERY_TIMEOUT_SECONDS,
  MAX_DELIVERY_RETRY_SECONDS,
} from "../../shared/limits.ts";
import { logEvent } from "../../shared/log.ts";
import { unixNow } from "../../shared/time.ts";

export class Courier {
  readonly #sender: Sender;
  readonly #send: (batch: Batch) => Promise<Received>;
  readonly #routes = new Map<number, Route>();

  /** @param send brings a batch to the shard it is for; may reject */
  constructor(sender: Sender, send: (batch: Batch) => Promise<Received>) {
    this.#sender = sender;
    this.#send = send;
  }

  /** Which way it is to that shard. Each goes at its own pace: one that hangs makes no other wait. */
  to(shard: number): Route {
    const known = this.#routes.get(shard);
    if (known) return known;
    const route = new Route(() => this.#deliver(shard));
    this.#routes.set(shard, route);
    return route;
  }

  async #deliver(to: number): Promise<boolean> {
    try {
      if (await deliver(this.#sender, to, (batch) => this.#sendInTime(batch))) return true;
      throw new Error(`shard ${to} took nothing`);
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

/** The way to one shard: one delivery at a time, and a rest after each that failed, longer and longer. */
class Route {
  readonly #deliver: () => Promise<boolean>;
  #timer = false;
  #last = Promise.resolve();
  /** The delivery that begins when the last one is over. */
  #next: Promise<void> | undefined;
  /** Seconds of the rest after the next failure. */
  #pause = DELIVERY_RETRY_SECONDS;
  #restsUntil = 0;

  /** @param deliver brings what waits there, and says whether it arrived; never rejects */
  constructor(deliver: () => Promise<boolean>) {
    this.#deliver = deliver;
  }

  /** While it rests only the alarm and whoever cannot wait come this way, not every payment. */
  isResting(now: number): boolean {
    return now < this.#restsUntil;
  }

  /** Unix seconds at which the alarm should deliver what is still there then. */
  retryAt(now: number): number {
    return this.isResting(now) ? this.#restsUntil : now + this.#pause;
  }

  /** Delivers in a moment, so that credits of that moment travel together. */
  soon(): void {
    if (this.#timer || this.isResting(unixNow())) return;
    this.#timer = true;
    setTimeout(() => {
      this.#timer = false;
      void this.run();
    }, DELIVERY_DELAY_MILLIS);
  }

  /**
   * Delivers now whatever was there when it was called: after the delivery under way, which may have been too early, and
   * together with whoever else waits for that. Never rejects: what could not be delivered is still there.
   */
  run(): Promise<void> {
    if (!this.#next) {
      this.#next = this.#last.then(() => {
        this.#next = undefined;
        return this.#round();
      });
      this.#last = this.#next;
    }
    return this.#next;
  }

  async #round(): Promise<void> {
    const arrived = await this.#deliver();
    this.#restsUntil = arrived ? 0 : unixNow() + this.#pause;
    this.#pause = arrived ? DELIVERY_RETRY_SECONDS : Math.min(2 * this.#pause, MAX_DELIVERY_RETRY_SECONDS);
  }
}
