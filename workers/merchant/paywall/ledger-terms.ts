/** Which ledger the facilitator settles on, for the offers: asked once per isolate, and again when it changed. */
import type { Digest } from "../../../shared/digest.ts";
import { NETWORK, SCHEME } from "../../../shared/lez.ts";
import { ask, type PaywallFacilitator } from "./facilitator.ts";

export class LedgerTerms {
  #known: Digest | undefined;

  /** undefined when the facilitator cannot be asked, or does not settle our kind of payment. */
  async ledger(facilitator: PaywallFacilitator, traceId: string): Promise<Digest | undefined> {
    // The value is shared between requests, never the promise: a Worker may not wait for another request's I/O.
    if (this.#known) return this.#known;
    const supported = await ask(facilitator.supported(traceId));
    const kind = supported?.kinds.find(({ scheme, network }) => scheme === SCHEME && network === NETWORK);
    this.#known = kind?.extra?.["ledger"] as Digest | undefined;
    return this.#known;
  }

  forget(): void {
    this.#known = undefined;
  }
}
