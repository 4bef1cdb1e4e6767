/** The ledger Worker for the torture: the real one, except that its objects sometimes die right after they wrote. */

import { Ledger as GenuineLedger } from "../../../workers/ledger-do/ledger.ts";

export { default } from "../../../workers/ledger-do/index.ts";

const ABORTS = 0.004;

export class Ledger extends GenuineLedger {
  override receive(...args: Parameters<GenuineLedger["receive"]>) {
    return this.#thenPerhapsDie(super.receive(...args), 0.05);
  }
  override settle(...args: Parameters<GenuineLedger["settle"]>) {
    return this.#thenPerhapsDie(super.settle(...args));
  }
  override reserve(...args: Parameters<GenuineLedger["reserve"]>) {
    return this.#thenPerhapsDie(super.reserve(...args));
  }
  override capture(...args: Parameters<GenuineLedger["capture"]>) {
    return this.#thenPerhapsDie(super.capture(...args));
  }
  override refund(...args: Parameters<GenuineLedger["refund"]>) {
    return this.#thenPerhapsDie(super.refund(...args), 0.02);
  }
  override revoke(...args: Parameters<GenuineLedger["revoke"]>) {
    return this.#thenPerhapsDie(super.revoke(...args), 0.05);
  }

  /** At once, with whatever waits to be written, or when it is written and not yet answered. */
  #thenPerhapsDie<T>(result: T, probability = ABORTS): T {
    const die = () => this.ctx.abort("torture");
    if (Math.random() < probability / 2) die();
    if (Math.random() < probability / 2 && result instanceof Promise) void result.then(die, die);
    return result;
  }
}
