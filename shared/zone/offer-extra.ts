/** The `extra` of an offer on the chain itself: what the facilitator's kind says, and what the seller chooses within it. */

import { NATIVE_FINAL_THRESHOLD } from "../limits.ts";
import type { Parsed } from "../text/json.ts";
import type { NativeKind } from "./kind.ts";
import type { Finality } from "./lane-row.ts";

/** What a seller may choose. */
export interface NativeChoice {
  /** Lepta; absent: what the facilitator takes. */
  maxFee?: string | undefined;
  /** Absent: by the amount. */
  finality?: Finality | undefined;
  statement?: "required" | "optional" | undefined;
}

export interface NativeOfferExtra extends Pick<NativeKind, "assetTransferMethod" | "paymentFlow" | "ledger" | "dialect" | "maxFee"> {
  finality: Finality;
  statement: "required" | "optional";
}

/**
 * All of `extra` but the binding.
 * @param amount lepta
 * @returns a problem if the facilitator does not have the finality
 */
export function nativeOfferExtra(kind: NativeKind, choice: NativeChoice, amount: bigint): Parsed<NativeOfferExtra> {
  const { assetTransferMethod, paymentFlow, ledger, dialect, maxFee: most, finalities } = kind;
  const { statement = "required", finality = amount > NATIVE_FINAL_THRESHOLD ? "final" : "head" } = choice;
  if (!finalities.includes(finality)) {
    return { ok: false, code: "invalid_payload", problem: `the facilitator has no finality "${finality}", but ${finalities.join(", ")}` };
  }
  const maxFee = choice.maxFee !== undefined && BigInt(choice.maxFee) < BigInt(most) ? choice.maxFee : most;
  return { ok: true, value: { assetTransferMethod, paymentFlow, ledger, dialect, maxFee, finality, statement } };
}
