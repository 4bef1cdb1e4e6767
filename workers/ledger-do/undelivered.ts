/**
 * Since when a shard takes nothing. It is stored, because an object that sleeps between its tries would forget it, and only when a
 * delivery fails: payments write nothing more.
 */

import { unixNow } from "../../shared/time.ts";

const PREFIX = "undelivered/";

export class Undelivered {
  readonly #kv: SyncKvStorage;

  constructor({ kv }: DurableObjectStorage) {
    this.#kv = kv;
  }

  /** Never throws: a full disk stops no delivery. */
  note(to: number, arrived: boolean): void {
    try {
      const known = this.#kv.get(PREFIX + to) !== undefined;
      if (arrived && known) this.#kv.delete(PREFIX + to);
      if (!arrived && !known) this.#kv.put(PREFIX + to, unixNow());
    } catch {
      // The next delivery notes it.
    }
  }

  /** Unix seconds of the oldest failure that no delivery has followed; undefined without one. */
  get since(): number | undefined {
    const times = [...this.#kv.list<number>({ prefix: PREFIX })].map(([, at]) => at);
    return times.length > 0 ? Math.min(...times) : undefined;
  }
}
