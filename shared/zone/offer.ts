/** Whether an offer is one of a payment on the chain itself that a payer can make: the payer's side of `terms.ts`. */

import { type Digest, digestSchema } from "../crypto/digest.ts";
import { ASSET, isNativeNetwork, type NativeNetwork, SCHEME } from "../lez.ts";
import { MAX_AMOUNT, MAX_FINALITY_DEPTH } from "../limits.ts";
import { isLezAccountId, isSystemAccount, type LezAccountId } from "./account.ts";
import type { Finality } from "./lane-row.ts";
import { type NativeTerms, nativeTermsOf } from "./terms.ts";

/** What is read of an entry of `accepts`. */
export interface OfferedTerms {
  scheme: string;
  network: string;
  asset: string;
  amount: string;
  payTo: string;
  extra?: Record<string, unknown> | null | undefined;
}

export interface PayableOffer {
  network: NativeNetwork;
  /** The hash of the chain's block 1. */
  ledger: Digest;
  terms: NativeTerms;
  payee: LezAccountId;
  /** Lepta. */
  value: bigint;
}

export type OfferRefusal =
  | "unsupported_scheme"
  | "invalid_network"
  | "asset_mismatch"
  | "unsupported_extra"
  | "ledger_mismatch"
  | "amount_mismatch"
  | "recipient_mismatch";

export type ReadOffer = ({ ok: true } & PayableOffer) | { ok: false; code: OfferRefusal; problem: string };

/** The facilitator's list is no business of the payer: any finality that there is can be paid for. */
const EVERY_FINALITY: readonly Finality[] = [
  "head",
  "final",
  ...Array.from({ length: MAX_FINALITY_DEPTH }, (_, i): Finality => `depth:${i + 1}`),
];

/** Never throws. @param offer of any network */
export function readNativeOffer(offer: OfferedTerms): ReadOffer {
  const { scheme, network, asset, amount, payTo } = offer;
  const extra = offer.extra ?? {};
  if (!isNativeNetwork(network)) return refused("invalid_network", `${network} is no network of the chain itself`);
  if (scheme !== SCHEME) return refused("unsupported_scheme", `on ${network} one payment pays one request: there is no "${scheme}"`);
  if (asset !== ASSET) return refused("asset_mismatch", "the offer asks for another asset than the native token");
  const value = /^[1-9][0-9]{0,38}$/.test(amount) ? BigInt(amount) : 0n;
  if (value < 1n || value > MAX_AMOUNT) return refused("amount_mismatch", "the offer's amount is not a transfer's");
  const terms = nativeTermsOf(extra, value, { maxFee: MAX_AMOUNT, finalities: EVERY_FINALITY });
  if (!terms) return refused("unsupported_extra", "the offer's terms are not those of a native transfer of v0.3");
  const ledger = digestSchema.safeParse(extra["ledger"]).data;
  if (!ledger) return refused("ledger_mismatch", "the offer does not name its chain");
  if (!isLezAccountId(payTo)) return refused("recipient_mismatch", "payTo is no account");
  if (isSystemAccount(payTo)) return refused("recipient_mismatch", "payTo is an account of the chain itself");
  return { ok: true, network, ledger, terms, payee: payTo, value };
}

function refused(code: OfferRefusal, problem: string): ReadOffer {
  return { ok: false, code, problem };
}
