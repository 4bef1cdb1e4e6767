/** Tasks in their own time: each yields the milliseconds that it waits, and all of it happens in one order, by the seed alone. */

export type Task<Result = void> = Generator<number, Result, void>;

interface Waiting {
  at: number;
  order: number;
  task: Task;
  /** The task ends with the life of its machine. */
  isAlive: () => boolean;
}

export class Events {
  now: number;
  #order = 0;
  readonly #waiting: Waiting[] = [];

  /** @param now milliseconds */
  constructor(now: number) {
    this.now = now;
  }

  start(task: Task, isAlive: () => boolean = () => true, delay = 0): void {
    this.#waiting.push({ at: this.now + delay, order: this.#order++, task, isAlive });
  }

  /** Runs until nothing waits. `afterEach` is called after each step of a task. */
  run(afterEach: () => void): void {
    for (let next = this.#takeNext(); next; next = this.#takeNext()) {
      this.now = next.at;
      if (!next.isAlive()) continue;
      const { done, value } = next.task.next();
      if (!done) this.start(next.task, next.isAlive, value);
      afterEach();
    }
  }

  #takeNext(): Waiting | undefined {
    let first: number | undefined;
    for (const [index, { at, order }] of this.#waiting.entries()) {
      const best = first === undefined ? undefined : this.#waiting[first];
      if (!best || at < best.at || (at === best.at && order < best.order)) first = index;
    }
    return first === undefined ? undefined : this.#waiting.splice(first, 1)[0];
  }
}
