/**
 * The trace: an id that goes along with every request of a run, through merchant, facilitator and ledger. A buyer quotes it, and the
 * seller finds the same id in its log. It is always this tool's own: no server's answer is asked for it.
 */

import { newTraceId } from "../../shared/log.ts";

export class Trace {
  #id = newTraceId();
  #known = false;

  /** The id for a request that goes out now. */
  send(): string {
    this.#known = true;
    return this.#id;
  }

  /** Goes on under the trace of a recorded payment: all presentations of a payment have one. */
  adopt(id: string | undefined): void {
    if (id === undefined) return;
    this.#id = id;
    this.#known = true;
  }

  /** What the buyer can quote; undefined while no server was asked. */
  get quoted(): string | undefined {
    return this.#known ? this.#id : undefined;
  }
}
