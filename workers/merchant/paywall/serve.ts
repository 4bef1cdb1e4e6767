/** Serving a payment that fits the offer: in the flow of its route, and under the buyer's id where it has one. */
import { identifierOf, PAYMENT_IDENTIFIER } from "../../../shared/extensions/payment-identifier.ts";
import { serveAuthorized } from "./authorized.ts";
import { claimIdentifier, isKeeping, type Keeping } from "./identified.ts";
import type { CheckedOptions } from "./options.ts";
import { refuse } from "./outcome.ts";
import type { Sale, SaleResult } from "./sale.ts";
import { answerStoreOf } from "./bindings.ts";
import { serveUpfront } from "./upfront.ts";

export async function serve(sale: Sale, options: CheckedOptions): Promise<SaleResult> {
  const { c, order, challenge } = sale;
  const flow = options.flow === "upfront" ? serveUpfront : serveAuthorized;
  const sent = identifierOf(order.payment.extensions);
  if (sent.ok && sent.id === undefined && options.identifier !== "required") return flow(sale);
  const store = answerStoreOf(c, options, order);
  if (!store) return flow(sale);
  if (!sent.ok) return refuse({ code: "invalid_payload", detail: `extensions.${PAYMENT_IDENTIFIER}`, challenge, offerAgain: true });
  if (sent.id === undefined) return refuse({ code: "payment_identifier_required", challenge, offerAgain: true });
  const claimed = await claimIdentifier(sale, store, sent.id);
  if (!isKeeping(claimed)) return claimed;
  let result: SaleResult | undefined;
  try {
    result = await flow(sale, claimed);
    return result;
  } finally {
    // A refusal or a failed handler: the id is free again before its buyer hears of it. What is stored or paid stays.
    if (!isStanding(result, claimed)) await claimed.free();
  }
}

/** Delivered, or ready to be: there is a copy, and nobody has said that the money did not move. */
function isStanding(result: SaleResult | undefined, claimed: Keeping): boolean {
  if (result?.answered) return result.delivered;
  return claimed.kept() && (result === undefined || result.code === "settlement_pending");
}
