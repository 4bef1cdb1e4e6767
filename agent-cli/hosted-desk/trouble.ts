/** What people are told while a desk is asked again and again: each trouble once, and its end. */

import { type Context, warn } from "../runtime/context.ts";

export class DeskTrouble {
  #why: string | undefined;

  /** Why the desk has no answer now; undefined if it has. */
  get why(): string | undefined {
    return this.#why;
  }

  /** @param then what happens now, as a sentence */
  hear(context: Context, why: string, then: string): void {
    if (why !== this.#why) warn(context, `${why} ${then}`);
    this.#why = why;
  }

  end(context: Context, desk: string): void {
    if (this.#why !== undefined) context.say(`The desk at ${desk} answers again.`);
    this.#why = undefined;
  }
}
