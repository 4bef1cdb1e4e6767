/** Asks the host of a request whether it makes this offer: without a payment, and only where a desk may connect. */

import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import { type HostAnswer, isSafeMethod, judgeAnswer, type Judgement } from "../../shared/screen/confirmation.ts";
import type { PaymentRequired, PaymentRequirements } from "../../shared/x402/x402.ts";
import type { DeskContext } from "./desk-context.ts";

export async function askMerchant(
  _desk: DeskContext,
  request: PaymentRequest,
  offer: PaymentRequirements,
  _terms: PaymentRequired | undefined,
): Promise<Judgement> {
  void isSafeMethod;
  const answer: HostAnswer = { kind: "none", why: "this desk asks no merchant" };
  return judgeAnswer(request.http.method, offer, answer, { kind: "unchecked" });
}
