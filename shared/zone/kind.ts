/** What a facilitator's `/supported` says of payments on the chain itself: the `extra` of their kind. spec/scheme_exact_lez_native.md. */

import * as z from "zod/mini";
import { digestSchema } from "../crypto/digest.ts";
import { type NativeNetwork, SCHEME, X402_VERSION } from "../lez.ts";
import { MAX_FINALITY_DEPTH } from "../limits.ts";
import { checkShape, type Parsed } from "../text/json.ts";
import type { Finality } from "./lane-row.ts";
import { TRANSFER_METHOD } from "./terms.ts";

export const DIALECT = "v0.3";

/** `head`, `depth:1` to `depth:64`, or `final`. */
export const finalitySchema = z.custom<Finality>(isFinality, `must be "head", "depth:1" to "depth:${MAX_FINALITY_DEPTH}", or "final"`);

/** Decimal lepta, at most u128. */
export const leptaSchema = z.string().check(z.regex(/^(0|[1-9][0-9]{0,38})$/, "must be a decimal number of lepta"));

/** A facilitator may say more. An offer copies what is listed here. */
export const nativeKindSchema = z.looseObject({
  assetTransferMethod: z.literal(TRANSFER_METHOD),
  paymentFlow: z.literal("upfront"),
  /** The hash of block 1. */
  ledger: digestSchema,
  /** The channel below, if the facilitator checks it. */
  channel: z.optional(digestSchema),
  dialect: z.literal(DIALECT),
  /** The largest `max_fee` that it takes, in lepta. */
  maxFee: leptaSchema,
  /** What an offer's `finality` may say. */
  finalities: z.array(finalitySchema).check(z.minLength(1)),
  /** From block to block: how long to wait before asking again. */
  blockSeconds: z.int().check(z.minimum(1), z.maximum(3600)),
});
export type NativeKind = z.infer<typeof nativeKindSchema>;

interface Kind {
  x402Version: number;
  scheme: string;
  network: string;
  extra?: unknown;
}

/**
 * The kind of one network in a facilitator's answer.
 * @returns undefined if the facilitator does not offer the network now
 */
export function nativeKindOf({ kinds }: { kinds: readonly Kind[] }, network: NativeNetwork): Parsed<NativeKind> | undefined {
  const kind = kinds.find((kind) => kind.x402Version === X402_VERSION && kind.scheme === SCHEME && kind.network === network);
  return kind && checkShape(kind.extra, nativeKindSchema);
}

function isFinality(value: unknown): value is Finality {
  if (value === "head" || value === "final") return true;
  const depth = typeof value === "string" ? /^depth:([1-9][0-9]?)$/.exec(value)?.[1] : undefined;
  return depth !== undefined && Number(depth) <= MAX_FINALITY_DEPTH;
}
