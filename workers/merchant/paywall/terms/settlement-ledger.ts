/** The ledger that the facilitator settles on, which every offer names. Asked once per isolate, and again after a change. */

import * as z from "zod/mini";
import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import { type Digest, digestSchema } from "../../../../shared/crypto/digest.ts";
import { NETWORK, SCHEME } from "../../../../shared/lez.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import type { PaywallFacilitator } from "../types.ts";

/** Empty if the facilitator names no ledger. */
interface KnownLedger {
  ledger?: Digest;
}

export class SettlementLedger {
  #known: KnownLedger | undefined;

  /** The last answer; undefined before the first. */
  get known(): KnownLedger | undefined {
    return this.#known;
  }

  /**
   * undefined if the facilitator does not answer.
   * @throws {ConfigurationError} if it cannot settle what this merchant sells
   */
  async ask(facilitator: PaywallFacilitator, traceId: string): Promise<KnownLedger | undefined> {
    // Requests share the value, never the promise: a Worker cannot await another request's I/O.
    const supported = await withTimeout(facilitator.supported(traceId));
    const kind = supported?.kinds.find(({ scheme, network }) => scheme === SCHEME && network === NETWORK);
    if (!supported) return undefined;
    if (!kind) throw new ConfigurationError(`the facilitator settles no "${SCHEME}" payments on ${NETWORK}; bind one that does`);
    const ledger = z.safeParse(digestSchema, kind.extra?.["ledger"]);
    this.#known = ledger.success ? { ledger: ledger.data } : {};
    return this.#known;
  }

  forget(): void {
    this.#known = undefined;
  }
}
