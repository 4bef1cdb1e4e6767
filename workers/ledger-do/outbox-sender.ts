/** Sends a shard's outbox to the other shards: soon after each payment, and by alarm whatever those deliveries left over. */

import { LATE, withDeadline } from "../../shared/deadline.ts";
import { type CreditSource, deliver } from "../../shared/ledger/delivery.ts";
import type { Batch, Received } from "../../shared/ledger/stream.ts";
import {
  DELIVERY_DELAY_MILLIS,
  DELIVERY_RETRY_SECONDS,
  DELIVERY_TIMEOUT_SECONDS,
  MAX_DELIVERY_RETRY_SECONDS,
} from "../../shared/limits.ts";
import { logEvent } from "../../shared/log.ts";
import { unixNow } from "../../shared/time.ts";

export class OutboxSender {
  readonly #source: CreditSource;
  readonly #send: (batch: Batch) => Promise<Received>;
  readonly #note: (to: number, arrived: boolean) => void;
  readonly #routes = new Map<number, Route>();

  /**
   * @param send brings a batch to the shard that it is for; may reject
   * @param note told of each delivery whether everything arrived; must not throw
   */
  constructor(
    source: CreditSource,
    send: (batch: Batch) => Promise<Received>,
    note: (to: number, arrived: boolean) => void = () => undefined,
  ) {
    this.#source = source;
    this.#send = send;
    this.#note = note;
  }

  /** The route to that shard. Each route has its own pace: a shard that hangs delays no other. */
  to(shard: number): Route {
    const known = this.#routes.get(shard);
    if (known) return known;
    const route = new Route(async () => {
      const arrived = await this.#deliver(shard);
      this.#note(shard, arrived);
      return arrived;
    });
    this.#routes.set(shard, route);
    return route;
  }

  async #deliver(to: number): Promise<boolean> {
    try {
      if (await deliver(this.#source, to, (batch) => this.#sendInTime(batch))) return true;
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

/** The route to one shard: one delivery at a time. After each failure it rests, twice as long every time. */
class Route {
  readonly #deliver: () => Promise<boolean>;
  #timer = false;
  #last = Promise.resolve();
  /** The delivery that begins when the current one ends. */
  #next: Promise<void> | undefined;
  /** Seconds of rest after the next failure. */
  #pause = DELIVERY_RETRY_SECONDS;
  #restsUntil = 0;

  /** @param deliver sends what waits, and resolves to whether it arrived; never rejects */
  constructor(deliver: () => Promise<boolean>) {
    this.#deliver = deliver;
  }

  /** While the route rests, payments start no delivery; the alarm and callers that wait for the result do. */
  isResting(now: number): boolean {
    return now < this.#restsUntil;
  }

  /** Unix seconds at which the alarm should deliver what is still waiting then. */
  retryAt(now: number): number {
    return this.isResting(now) ? this.#restsUntil : now + this.#pause;
  }

  /** Delivers after a short delay, so that the credits of that moment travel in one batch. */
  soon(): void {
    if (this.#timer || this.isResting(unixNow())) return;
    this.#timer = true;
    setTimeout(() => {
      this.#timer = false;
      void this.run();
    }, DELIVERY_DELAY_MILLIS);
  }

  /**
   * Delivers everything that waits at the time of the call. A delivery under way may have started too early: the call then
   * waits for the next one, which all such callers share. Never rejects: what was not delivered stays in the outbox.
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
