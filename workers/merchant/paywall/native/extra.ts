/** What an offer on the chain itself says in `extra`, or why it is left out. spec/scheme_exact_lez_native.md. */

import type { NativeNetwork } from "../../../../shared/lez.ts";
import { nativeKindOf } from "../../../../shared/zone/kind.ts";
import { nativeOfferExtra } from "../../../../shared/zone/offer-extra.ts";
import { logOnceAMinute } from "../log.ts";
import type { NativeKinds, NativeOfferTerms } from "../types.ts";

/**
 * All of `extra` but the binding.
 * @param amount lepta
 * @returns undefined while the facilitator does not offer the network, or not with this finality
 */
export function nativeExtra(network: string, terms: NativeOfferTerms, kinds: NativeKinds, amount: string): object | undefined {
  const kind = nativeKindOf(kinds, network as NativeNetwork);
  if (!kind) return undefined;
  const extra = kind.ok ? nativeOfferExtra(kind.value, terms, BigInt(amount)) : kind;
  if (extra.ok) return extra.value;
  // The seller can see why the offer is left out.
  logOnceAMinute("paywall.not_offered", `${network} ${extra.problem}`, { traceId: "", network, cause: extra.problem });
  return undefined;
}
