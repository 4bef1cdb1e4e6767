/** Offers (entries of `accepts`): whether a client accepted exactly what was offered. */

import { canonicalJson, digestSchema } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { BATCH_SETTLEMENT, UPTO } from "../lez.ts";
import type { PaymentRequirements } from "../x402/x402.ts";
import { displayAmount } from "./amount.ts";
import { sessionTermsOf } from "./session-terms.ts";
import { isUnitPrice } from "./usage.ts";

/** Members of `extra` whose meaning x402 reserves; a client may not add or change them. */
const RESERVED_EXTRA = ["paymentFlow", "assetTransferMethod"];

/** The scalar members in the order of their checks, each with its error code. */
const SCALARS = [
  ["scheme", "unsupported_scheme"],
  ["network", "invalid_network"],
  ["asset", "asset_mismatch"],
  ["payTo", "recipient_mismatch"],
  ["amount", "amount_mismatch"],
] as const;

/**
 * Compares the client's echo with the offer, exactly. Equal but for additional keys in `extra`, where absent, null
 * and {} are the same. Returns the first difference's code, or undefined when the echo is good. x402 v2 §6.1.
 */
export function compareOffer(accepted: PaymentRequirements, offer: PaymentRequirements): ErrorCode | undefined {
  for (const [member, code] of SCALARS) if (accepted[member] !== offer[member]) return code;
  const theirs = accepted.extra ?? {};
  const ours = offer.extra ?? {};
  const differs = (key: string) => !sameJson(theirs[key], ours[key]);
  if ("ledger" in ours && differs("ledger")) return "ledger_mismatch";
  if ("binding" in ours && differs("binding")) return "binding_mismatch";
  if (Object.keys(ours).some(differs) || RESERVED_EXTRA.some(differs)) return "offer_mismatch";
  const members = new Set([...Object.keys(accepted), ...Object.keys(offer)]);
  members.delete("extra");
  for (const member of members) if (!sameJson(accepted[member], offer[member])) return "offer_mismatch";
  return undefined;
}

/** True when the mechanism can honour every member of `extra` that changes what a payment means. null is absent. */
export function supportsExtra({ scheme, extra }: PaymentRequirements): boolean {
  const { paymentFlow, assetTransferMethod, splits, ledger } = extra ?? {};
  const isUpto = scheme === UPTO;
  const isSession = scheme === BATCH_SETTLEMENT;
  // What `upto` costs is known after the answer, and a session is paid by claims.
  const flow = isAbsent(paymentFlow) || paymentFlow === "authorization" || (paymentFlow === "upfront" && !isUpto && !isSession);
  const split = isAbsent(splits) || (Array.isArray(splits) && splits.length === 0);
  const priced = !isUpto || isUnitPrice(extra ?? {});
  const opens = !isSession || sessionTermsOf({ extra }) !== undefined;
  return flow && split && priced && opens && isAbsent(assetTransferMethod) && (isAbsent(ledger) || digestSchema.safeParse(ledger).success);
}

/** What an offer costs, for people: `0.00001 LGO`, or `at most 0.00001 LGO` of scheme `upto`. */
export function priceText({ scheme, amount }: Pick<PaymentRequirements, "scheme" | "amount">): string {
  return `${scheme === UPTO ? "at most " : ""}${displayAmount(amount)}`;
}

/** True if the merchant takes the money before it answers. */
export function isUpfront({ extra }: PaymentRequirements): boolean {
  return extra?.["paymentFlow"] === "upfront";
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

/** Requirements can arrive as objects, not as JSON: a value without canonical form equals nothing. */
function sameJson(a: unknown, b: unknown): boolean {
  if (isPlain(a) || isPlain(b)) return a === b; // nearly every member of an offer; a canonical form costs more
  try {
    return canonicalJson(a) === canonicalJson(b);
  } catch {
    return false;
  }
}

function isPlain(value: unknown): boolean {
  return value === undefined || value === null || typeof value === "string" || typeof value === "boolean";
}

/**
 * Whether a client's extensions contain what was advertised under the same keys. A client may leave keys out, send keys that
 * were not advertised, and add members. x402 v2 §5.2.
 */
export function echoesExtensions(
  sent: Record<string, unknown> | null | undefined,
  advertised: Record<string, unknown> | null | undefined,
): boolean {
  return Object.entries(sent ?? {}).every(([key, value]) => {
    const offered = advertised && Object.hasOwn(advertised, key) ? infoOf(advertised[key]) : undefined;
    return offered === undefined || contains(infoOf(value), offered);
  });
}

function infoOf(extension: unknown): unknown {
  return typeof extension === "object" && extension !== null && "info" in extension ? extension.info : undefined;
}

/** `value` may have more members, recursively; everything else is equal. */
function contains(value: unknown, part: unknown): boolean {
  if (typeof part !== "object" || part === null || Array.isArray(part)) return sameJson(value, part);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.entries(part).every(
    ([key, member]) => Object.hasOwn(value, key) && contains((value as Record<string, unknown>)[key], member),
  );
}
