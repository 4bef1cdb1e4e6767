/** Which ledger the facilitator settles on, for the offers: asked once per isolate, and again when it changed. */
import * as z from "zod/mini";
import { type Digest, digestSchema } from "../../../shared/crypto/digest.ts";
import { NETWORK, SCHEME } from "../../../shared/lez.ts";
import { ask, type PaywallFacilitator } from "./facilitator.ts";

/** What an offer says of the ledger; a facilitator may name none. */
export interface KnownLedger {
  ledger?: Digest;
}

export class LedgerTerms {
  #known: KnownLedger | undefined;

  /** What the last answer was; undefined before the first. */
  get known(): KnownLedger | undefined {
    return this.#known;
  }

  /** undefined when the facilitator cannot be asked, or does not settle our kind of payment. */
  async ask(facilitator: PaywallFacilitator, traceId: string): Promise<KnownLedger | undefined> {
    // The value is shared between requests, never the promise: a Worker may not wait for another request's I/O.
    const supported = await ask(facilitator.supported(traceId));
    const kind = supported?.kinds.find(({ scheme, network }) => scheme === SCHEME && network === NETWORK);
    if (!kind) return undefined;
    const ledger = z.safeParse(digestSchema, kind.extra?.["ledger"]);
    this.#known = ledger.success ? { ledger: ledger.data } : {};
    return this.#known;
  }

  forget(): void {
    this.#known = undefined;
  }
}
