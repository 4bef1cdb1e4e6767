/** Turning a reservation into a payment, however often it takes to learn that it is one. */
import type { Reservation } from "../../../shared/backend.ts";
import { CAPTURE_ATTEMPTS } from "../../../shared/limits.ts";
import type { SettleResponse } from "../../../shared/x402.ts";
import { ask } from "./facilitator.ts";
import { settlementOf } from "./order.ts";
import type { Sale } from "./sale.ts";

/** Capturing twice is capturing once, so an answer that got lost is asked for again. undefined: nobody knows. */
export async function capture(sale: Sale, reservation: Reservation): Promise<SettleResponse | undefined> {
  const { facilitator, order } = sale;
  for (let attempt = 1; attempt <= CAPTURE_ATTEMPTS; attempt++) {
    const receipt = await ask(facilitator.capture(order, reservation));
    if (receipt) return receipt.errorReason === "settlement_pending" ? undefined : (settledBefore(sale, receipt) ?? receipt);
  }
  return undefined;
}

/**
 * A plain /settle that is repeated says that the nonce is used. Where it names this payment's own settlement, that is the
 * success whose answer was lost: this merchant is paid, and until now nobody has got anything for it.
 */
function settledBefore({ facilitator, order }: Sale, { errorReason, network, extra }: SettleResponse): SettleResponse | undefined {
  if (!facilitator.holdsNothing || errorReason !== "nonce_replayed") return undefined;
  const { exact } = order; // reading it takes longer than asking whether it is needed
  if (!exact) return undefined;
  const transaction = settlementOf(exact);
  const { from: payer, value: amount } = exact.authorization;
  return extra?.["transaction"] === transaction ? { success: true, payer, transaction, network, amount } : undefined;
}
