/**
 * What a desk shows of a request on the chain itself: all that follows from the request. A key of the chain signs at a terminal alone, which
 * reads the rest from the chain: account, nonce, balance, and the fee that is signed.
 */

import { displayAmount } from "../protocol/amount.ts";
import type { NativeRequestCheck } from "../protocol/native-request.ts";
import { priceText } from "../protocol/offer.ts";
import { type ApprovalFacts, factsOf, type RequestView } from "./facts.ts";
import type { ApprovalView } from "./view.ts";

export interface NativeRequestView extends RequestView, Pick<ApprovalView, "threshold"> {
  checked: Extract<NativeRequestCheck, { ok: true }>;
}

export function nativeRequestFacts(view: NativeRequestView): ApprovalFacts {
  const { request, checked } = view;
  const { network, ledger, terms, value } = checked.native;
  return factsOf(view, {
    sum: { label: "Pay", value: priceText(request.payment) },
    price: [
      { label: "Pay", value: `${displayAmount(value)} = ${value} lepta, exactly`, strong: true },
      {
        label: "Fee",
        value: `on top, at most ${displayAmount(terms.maxFee)} = ${terms.maxFee} lepta by the offer; the terminal reads today's`,
      },
    ],
    chain: [
      { label: "From", value: "your account on the chain; the terminal reads its balance and nonce" },
      { label: "Network", value: `${network} (TEST), native LEZ transfer` },
      {
        label: "Chain",
        value: `genesis ${ledger.slice(0, 8)}…${ledger.slice(-4)} by the offer, which the terminal compares; the seller waits for: ${terms.finality}`,
      },
    ],
    payTo: checked.native.payee,
    usable: Number(request.payment.maxTimeoutSeconds),
  });
}
