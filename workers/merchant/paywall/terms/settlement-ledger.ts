/**
 * The ledger that the facilitator settles on, which every offer names. Each facilitator is asked once per isolate, whatever the number of
 * routes, and again after a change.
 */

import * as z from "zod/mini";
import { keepNewest } from "../../../../shared/bounded.ts";
import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import { type Digest, digestSchema } from "../../../../shared/crypto/digest.ts";
import { REFUND } from "../../../../shared/extensions/refund.ts";
import { isNative, NETWORK, SCHEME, UPTO } from "../../../../shared/lez.ts";
import { MAX_KNOWN_FACILITATORS } from "../../../../shared/limits.ts";
import { unixNow } from "../../../../shared/time.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import type { NativeKinds, PaywallFacilitator } from "../types.ts";

export interface KnownLedger {
  /** Absent if the facilitator names none. */
  ledger?: Digest;
  /** What the facilitator settles on our network. */
  schemes: readonly string[];
  /** Whether the facilitator says that it gives payments back. */
  refunds: boolean;
  /** What it offers on the chain itself; undefined: nothing. */
  natives: NativeKinds | undefined;
  /** Unix seconds. */
  askedAt: number;
}

export class SettlementLedger {
  #known: KnownLedger | undefined;

  /** The last answer; undefined before the first. */
  get known(): KnownLedger | undefined {
    return this.#known;
  }

  /** undefined if the facilitator does not answer. */
  async ask(facilitator: PaywallFacilitator, traceId: string): Promise<KnownLedger | undefined> {
    // Requests share the value, never the promise: a Worker cannot await another request's I/O.
    const supported = await withTimeout(facilitator.supported(traceId));
    if (!supported) return undefined;
    const kinds = supported.kinds.filter(({ network }) => network === NETWORK);
    const kind = kinds.find(({ scheme }) => scheme === SCHEME || scheme === UPTO);
    const ledger = z.safeParse(digestSchema, kind?.extra?.["ledger"]);
    const native = supported.kinds.filter(isNative);
    const known: KnownLedger = {
      ...(ledger.success && { ledger: ledger.data }),
      schemes: kind ? kinds.map(({ scheme }) => scheme) : [],
      refunds: supported.extensions.includes(REFUND),
      natives: native.length > 0 ? { kinds: native, said: JSON.stringify(native) } : undefined,
      askedAt: unixNow(),
    };
    // One that offers nothing may be about to be changed.
    if (kind || known.natives) this.#known = known;
    return known;
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
