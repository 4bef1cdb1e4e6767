/** What an offer on the chain itself says in `extra`: copied from its facilitator, and the seller's own. spec/scheme_exact_lez_native.md. */

import { type NativeNetwork } from "../../../../shared/lez.ts";
import { NATIVE_FINAL_THRESHOLD } from "../../../../shared/limits.ts";
import { nativeKindOf } from "../../../../shared/zone/kind.ts";
import { logOnceAMinute } from "../log.ts";
import type { NativeKinds, NativeOfferTerms } from "../types.ts";

/**
 * All of `extra` but the binding.
 * @param amount lepta
 * @returns undefined while the facilitator does not offer the network, or not with this finality
 */
export function nativeExtra(
  network: string,
  terms: NativeOfferTerms,
  kinds: NativeKinds,
  amount: string,
): Record<string, unknown> | undefined {
  const read = nativeKindOf(kinds, network as NativeNetwork);
  const problem = !read ? undefined : read.ok ? undefined : read.problem;
  if (problem !== undefined) return left(network, `the facilitator's kind is not readable: ${problem}`);
  if (!read?.ok) return undefined;
  const { assetTransferMethod, paymentFlow, ledger, dialect, maxFee: most, finalities } = read.value;
  const finality = terms.finality ?? (BigInt(amount) > NATIVE_FINAL_THRESHOLD ? "final" : "head");
  if (!finalities.includes(finality)) return left(network, `the facilitator has no finality "${finality}", but ${finalities.join(", ")}`);
  const maxFee = terms.maxFee !== undefined && BigInt(terms.maxFee) < BigInt(most) ? terms.maxFee : most;
  return { assetTransferMethod, paymentFlow, ledger, dialect, maxFee, finality, statement: terms.statement };
}

/** The offer is left out, and the seller can see why. */
function left(network: string, cause: string): undefined {
  logOnceAMinute("paywall.not_offered", `${network} ${cause}`, { traceId: "", network, cause });
}
