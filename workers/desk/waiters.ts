/** Calls that wait for news inside the object. Nothing of it is stored: a caller that lost its answer asks again. */

import { MAX_AGENT_WAITS, MAX_DESK_WAITS } from "../../shared/limits.ts";

interface Waiter {
  /** The key whose call it is. */
  agentKey: string;
  topic: string;
  end: () => void;
}

export class Waiters {
  readonly #waiting = new Set<Waiter>();

  /** Resolves at news of the topic, at the end of the pairing, or after `seconds`. @returns undefined if too many wait */
  wait(topic: string, agentKey: string, seconds: number): Promise<void> | undefined {
    const own = [...this.#waiting].filter((waiter) => waiter.agentKey === agentKey);
    if (this.#waiting.size >= MAX_DESK_WAITS || own.length >= MAX_AGENT_WAITS) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => waiter.end(), seconds * 1000);
    const waiter: Waiter = {
      agentKey,
      topic,
      end: () => {
        clearTimeout(timer);
        this.#waiting.delete(waiter);
        resolve();
      },
    };
    this.#waiting.add(waiter);
    return promise;
  }

  wake(topic: string): void {
    for (const waiter of this.#waiting) if (waiter.topic === topic) waiter.end();
  }

  /** Each of them looks again, and finds that it is paired no longer. */
  endAllOf(agentKey: string): void {
    for (const waiter of this.#waiting) if (waiter.agentKey === agentKey) waiter.end();
  }
}
