/** What an offer on the chain itself says in `extra`. spec/scheme_exact_lez_native.md. */

import { type Digest, digestSchema } from "../crypto/digest.ts";
import { MAX_AMOUNT, NATIVE_FINAL_THRESHOLD } from "../limits.ts";
import type { Finality } from "./lane-row.ts";

export interface NativeTerms {
  finality: Finality;
  /** Whether a payment needs a statement. Without one it belongs to the request that it is presented for first. */
  statement: "required" | "optional";
  /** The largest fee that a payment may declare, in lepta. */
  maxFee: bigint;
  /** Of the request that the offer is for. */
  binding: Digest | undefined;
}

/** What a facilitator offers for one network. */
export interface NativeOffer {
  /** Lepta. */
  maxFee: bigint;
  finalities: readonly Finality[];
}

export const TRANSFER_METHOD = "transaction";

/**
 * Reads the terms, every member of which changes what a payment means. null is absent.
 * @param amount of the offer, in lepta
 * @returns undefined if they ask for something that this facilitator does not do
 */
export function nativeTermsOf(extra: Record<string, unknown>, amount: bigint, offered: NativeOffer): NativeTerms | undefined {
  const { assetTransferMethod, paymentFlow, dialect, splits, statement, maxFee } = extra;
  const fee = typeof maxFee === "string" && /^(0|[1-9][0-9]{0,38})$/.test(maxFee) ? BigInt(maxFee) : MAX_AMOUNT + 1n;
  const finality = extra["finality"] ?? (amount > NATIVE_FINAL_THRESHOLD ? "final" : "head");
  const isOffered = offered.finalities.find((one) => one === finality);
  const isWhole = isAbsent(splits) || (Array.isArray(splits) && splits.length === 0);
  const isNative = assetTransferMethod === TRANSFER_METHOD && (isAbsent(paymentFlow) || paymentFlow === "upfront") && dialect === "v0.3";
  const wanted = statement ?? "required";
  const binding = digestSchema.safeParse(extra["binding"]).data;
  const isBound = binding !== undefined || isAbsent(extra["binding"]);
  if (!isNative || !isWhole || !isBound || isOffered === undefined || fee > offered.maxFee) return undefined;
  return wanted === "required" || wanted === "optional" ? { finality: isOffered, statement: wanted, maxFee: fee, binding } : undefined;
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}
