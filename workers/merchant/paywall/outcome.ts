/** How a sale ends: the goods with a receipt, or a refusal. */
import type { Context } from "hono";
import type { Digest } from "../../../shared/crypto/digest.ts";
import { type ErrorCode, isErrorCode } from "../../../shared/errors.ts";
import { type PaymentRefusal, settleFailure } from "../../../shared/settlement/facilitator.ts";
import { encodeHeader, PAYMENT_RESPONSE } from "../../../shared/x402/headers.ts";
import type { SettleResponse } from "../../../shared/x402/x402.ts";
import { type Refusal, refusalResponse, WAIT } from "./answers.ts";
import type { Keeping } from "./identified.ts";
import { outlive } from "./run.ts";
import { signReceipt } from "./signed-terms.ts";
import { remember, type Sale, type SaleResult } from "./sale.ts";

/** @param lease the merchant's own lease on the payment, where it took one: it ends, and the payment with it */
export async function deliver(sale: Sale, settled: SettleResponse, lease: Digest | undefined, keeping?: Keeping): Promise<SaleResult> {
  const { c, challenge, signer } = sale;
  const receipt = await signReceipt(challenge, settled, signer);
  stamp(c, encodeHeader(receipt));
  if (keeping) outlive(c, keeping.paid(receipt));
  // Said even where the ledger keeps copies away: a run that began before, and ends after this one, must not bring the debt back.
  if (lease) outlive(c, remember(sale, lease, { state: "delivered" }));
  return { answered: true, delivered: true };
}

/** The receipt, on the handler's answer. Not by c.header, which copies the answer each time. */
function stamp(c: Context, receipt: string): void {
  // One without a body may be the seller's to use again, for others.
  if (c.res.body === null) c.res = new Response(null, c.res);
  try {
    c.res.headers.set(PAYMENT_RESPONSE, receipt);
  } catch {
    c.res = new Response(c.res.body, c.res); // the handler fetched it from somewhere: such an answer cannot be changed
    c.res.headers.set(PAYMENT_RESPONSE, receipt);
  }
  c.res.headers.set("Cache-Control", "private, no-store");
}

/** The handler ran, and what it made is thrown away, headers and all: it was not paid for. */
export function withhold(sale: Sale, receipt: SettleResponse): SaleResult {
  sale.c.res.body?.cancel().catch(() => undefined);
  return refuseUnpaid(sale, receipt);
}

/** The money did not move, or nobody knows whether it did. */
export function refuseUnpaid({ challenge }: Sale, receipt: SettleResponse) {
  return refuse({ code: codeOf(receipt), challenge, receipt });
}

export function refuse(refusal: Refusal) {
  return { answered: false, code: refusal.code, response: refusalResponse(refusal) } as const;
}

/** The facilitator said no. Terms go with it where a new payment is in order and ours are not stale as well. */
export function refuseFor({ challenge }: Sale, { code, payer, transaction, detail }: PaymentRefusal, receipt?: SettleResponse): SaleResult {
  if (code === "ledger_mismatch" || WAIT.has(code)) return refuse({ code });
  return refuse({ code, detail, challenge, offerAgain: true, receipt: receipt ?? settleFailure(code, payer, transaction) });
}

/** A facilitator that is not ours may have words of its own; buyers hear ours only. */
export function codeOf({ errorReason }: SettleResponse): ErrorCode {
  return isErrorCode(errorReason) ? errorReason : "unexpected_settle_error";
}
