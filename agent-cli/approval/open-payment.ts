/** The approval screen's view of a record in the payment journal. */

import type { OpenPayment } from "../../shared/screen/view.ts";
import { authorizationOf, type PaymentRecord } from "../records/payment-journal.ts";

export function openPaymentOf({ payload, url }: PaymentRecord): OpenPayment {
  const { to, value, requestDigest } = authorizationOf(payload);
  return { requestDigest, url, payTo: to, amount: value };
}
