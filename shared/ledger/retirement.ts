/**
 * The end of a ledger. Its operator retires each shard, for ever: nothing is claimed, captured or forgotten any more. Credits that
 * were sent still arrive, and what was settled is still answered.
 */

import * as z from "zod/mini";
import { digestSchema } from "../crypto/digest.ts";
import { integer, row } from "../row.ts";
import type { LedgerStore } from "./store.ts";

/** `ledger`: the id of the ledger that is to end. `key`: the operator's bearer key. */
export const retireSchema = z.strictObject({ ledger: digestSchema, key: z.string() });
export type RetireCommand = z.infer<typeof retireSchema>;

const retiredRow = row({ at: integer() });

export class Retirement {
  readonly #store: LedgerStore;
  #at: number | undefined;

  constructor(store: LedgerStore) {
    this.#store = store;
    this.#at = store.sql("SELECT at FROM retired").map(retiredRow)[0]?.at;
  }

  /** Unix seconds; undefined while the ledger works. */
  get at(): number | undefined {
    return this.#at;
  }

  /** @returns when the shard was retired, now or before */
  retire(now: number): number {
    if (this.#at === undefined) this.#store.sql("INSERT INTO retired (at) VALUES (?)", now);
    return (this.#at ??= now);
  }

  /** Callers do this after a rollback. */
  forget(): void {
    this.#at = this.#store.sql("SELECT at FROM retired").map(retiredRow)[0]?.at;
  }
}
