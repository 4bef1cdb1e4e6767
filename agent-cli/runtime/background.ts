/**
 * Work that outlives the call that started it. A tool call ends by its time budget or by its client's cancellation. An exchange
 * that presents a payment goes on, and the next call joins it.
 */

import { setTimeout as sleep } from "node:timers/promises";

/** As one call sees it. A key stands for one kind of work, so its result has one type. */
export interface Background {
  /**
   * Starts the work, or joins the work that runs under that key.
   * @param work stops only by this signal, when the process ends
   * @returns undefined if this call ended first
   */
  run<Result>(key: string, work: (signal: AbortSignal) => Promise<Result>): Promise<Result | undefined>;
  /** Joins the work that runs under that key; undefined if there is none. */
  join<Result>(key: string): Promise<Result | undefined> | undefined;
}

/** Of one process. */
export class BackgroundWork {
  readonly #running = new Map<string, Promise<unknown>>();
  readonly #stop = new AbortController();

  /** @param call ends this call's waiting, never the work */
  seenBy(call: AbortSignal): Background {
    const join = <Result>(key: string) => {
      const running = this.#running.get(key) as Promise<Result> | undefined;
      return running && Promise.race([running, aborted(call)]);
    };
    return {
      join,
      run: async <Result>(key: string, work: (signal: AbortSignal) => Promise<Result>) => {
        if (!this.#running.has(key)) this.#start(key, work);
        return join<Result>(key);
      },
    };
  }

  /** Waits that long for what runs, then stops it. */
  async finish(seconds: number): Promise<void> {
    const all = Promise.allSettled(this.#running.values());
    const over = new AbortController();
    await Promise.race([all, sleep(seconds * 1000, undefined, { signal: over.signal }).catch(() => undefined)]);
    over.abort();
    this.#stop.abort();
    // Stopped work still records how far it came.
    await all;
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<unknown>): void {
    const running = work(this.#stop.signal).finally(() => this.#running.delete(key));
    this.#running.set(key, running);
    // Its failure is for those who wait, and there may be none.
    running.catch(() => undefined);
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  if (signal.aborted) resolve(undefined);
  else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  return promise;
}
