/**
 * Group commit: movements that arrive while the disk is busy are written in one turn, and so in one transaction with one
 * flush. One that finds nobody else at work is written at once.
 *
 * It relies on three things that the platform promises: what is written without an await in between is one transaction;
 * no answer leaves before what was written is on disk; `sync()` resolves once that is so, and lets other calls in meanwhile.
 */

interface Movement {
  /** Synchronous, and a transaction of its own: if it throws, it has written nothing. */
  run: () => void;
  fail: (error: unknown) => void;
}

export class GroupCommit {
  readonly #sync: () => Promise<void>;
  #waiting: Movement[] = [];
  /** A flush is awaited; whoever comes is written after it. */
  #flushing = false;
  /** More than one was waiting last time, so that the next one will not be alone either. */
  #crowded = false;

  /** @param sync resolves when everything written so far is on disk */
  constructor(sync: () => Promise<void>) {
    this.#sync = sync;
  }

  /** The result of `movement`, or what it threw. Movements run one after the other, in the order in which they came. */
  run<T>(movement: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({ run: () => resolve(movement()), fail: reject });
    if (!this.#flushing) {
      if (!this.#crowded) this.#writeAll();
      this.#awaitFlush();
    }
    return promise;
  }

  #awaitFlush(): void {
    this.#flushing = true;
    this.#sync().then(
      () => {
        this.#flushing = false;
        this.#crowded = this.#waiting.length > 1;
        this.#writeAll();
      },
      // Nothing can be written to a disk that fails: whoever waits is told, and nobody is told that it was paid.
      (error: unknown) => {
        this.#flushing = false;
        for (const { fail } of this.#taken()) fail(error);
      },
    );
  }

  /** One that throws fails alone. */
  #writeAll(): void {
    for (const { run, fail } of this.#taken()) {
      try {
        run();
      } catch (error) {
        fail(error);
      }
    }
  }

  #taken(): Movement[] {
    const taken = this.#waiting;
    this.#waiting = [];
    return taken;
  }
}
