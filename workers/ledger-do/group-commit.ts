/**
 * Group commit: movements that arrive during a flush are written together after it, in one transaction with one flush.
 * A movement that finds the disk idle is written at once.
 *
 * It relies on two promises of the platform: an answer leaves the object only after its writes are on disk; `sync()` resolves at that
 * moment, and lets other calls in until then.
 */

interface Movement {
  /** Synchronous, and one transaction: if it throws, it has written nothing. @returns what tells its caller */
  run: () => () => void;
  fail: (error: unknown) => void;
}

export class GroupCommit {
  readonly #sync: () => Promise<void>;
  readonly #together: (movements: () => void) => void;
  #waiting: Movement[] = [];
  /** A flush is under way: movements that arrive now are written after it. */
  #flushing = false;
  /** Several movements waited for the last flush, so the next one probably has company too. */
  #crowded = false;

  /**
   * @param sync resolves when everything that was written is on disk
   * @param together runs several movements as one transaction; throws if one of them does, and has written nothing then
   */
  constructor(sync: () => Promise<void>, together: (movements: () => void) => void) {
    this.#sync = sync;
    this.#together = together;
  }

  /** Resolves to the result of `movement`, or rejects with what it threw. Movements run in the order in which they arrive. */
  run<T>(movement: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const run = () => {
      const result = movement();
      return () => resolve(result);
    };
    this.#waiting.push({ run, fail: reject });
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
      // The disk fails, so the waiting movements fail: no caller is told that a payment was made.
      (error: unknown) => {
        this.#flushing = false;
        for (const { fail } of this.#taken()) fail(error);
      },
    );
  }

  /** Several movements are one transaction. If it fails, each is run alone, and fails alone. No caller is told before its own is made. */
  #writeAll(): void {
    const movements = this.#taken();
    const told = (movements.length > 1 ? this.#asGroup(movements) : undefined) ?? movements.map(outcomeOf);
    for (const tell of told) tell();
  }

  #asGroup(movements: readonly Movement[]): (() => void)[] | undefined {
    let told: (() => void)[] | undefined;
    try {
      this.#together(() => {
        told = movements.map(({ run }) => run());
      });
      return told;
    } catch {
      return undefined;
    }
  }

  #taken(): Movement[] {
    const taken = this.#waiting;
    this.#waiting = [];
    return taken;
  }
}

function outcomeOf({ run, fail }: Movement): () => void {
  try {
    return run();
  } catch (error) {
    return () => fail(error);
  }
}
