/**
 * The ledger that the facilitator settles on, which every offer names. Each facilitator is asked once per isolate, whatever the number of
 * routes, and again after a change.
 */

import * as z from "zod/mini";
import { keepNewest } from "../../../../shared/bounded.ts";
import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import { type Digest, digestSchema } from "../../../../shared/crypto/digest.ts";
import { REFUND } from "../../../../shared/extensions/refund.ts";
import { NETWORK, SCHEME, UPTO } from "../../../../shared/lez.ts";
import { MAX_KNOWN_FACILITATORS } from "../../../../shared/limits.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import type { PaywallFacilitator } from "../types.ts";

export interface KnownLedger {
  /** Absent if the facilitator names none. */
  ledger?: Digest;
  /** What the facilitator settles on our network. Not empty. */
  schemes: readonly string[];
  /** Whether the facilitator says that it gives payments back. */
  refunds: boolean;
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
    if (!supported) return undefined;
    const kinds = supported.kinds.filter(({ network }) => network === NETWORK);
    const [kind] = kinds.filter(({ scheme }) => scheme === SCHEME || scheme === UPTO);
    if (!kind) throw unsettled(SCHEME);
    const ledger = z.safeParse(digestSchema, kind.extra?.["ledger"]);
    const refunds = supported.extensions.includes(REFUND);
    this.#known = { ...(ledger.success && { ledger: ledger.data }), schemes: kinds.map(({ scheme }) => scheme), refunds };
    return this.#known;
  }

  forget(): void {
    this.#known = undefined;
  }
}

/** What a merchant learns that sells by a scheme which its facilitator does not settle. */
export function unsettled(scheme: string): ConfigurationError {
  return new ConfigurationError(`the facilitator settles no "${scheme}" payments on ${NETWORK}; bind one that does`);
}

const byUrl = new Map<string, SettlementLedger>();
const byObject = new WeakMap<object, SettlementLedger>();

/** @param facilitator its address, or the object that stands for it */
export function settlementLedgerOf(facilitator: string | object): SettlementLedger {
  const known = typeof facilitator === "string" ? byUrl.get(facilitator) : byObject.get(facilitator);
  if (known) return known;
  const ledger = new SettlementLedger();
  if (typeof facilitator === "string") keepNewest(byUrl, facilitator, ledger, MAX_KNOWN_FACILITATORS);
  else byObject.set(facilitator, ledger);
  return ledger;
}
