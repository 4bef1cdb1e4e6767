/** Turning a reservation into a payment, however often it takes to learn that it is one. */
import type { Reservation } from "../../../shared/settlement/backend.ts";
import { CAPTURE_ATTEMPTS } from "../../../shared/limits.ts";
import type { SettleResponse } from "../../../shared/x402/x402.ts";
import { ask } from "./facilitator.ts";
import type { Sale } from "./sale.ts";

/** Capturing twice is capturing once, so an answer that got lost is asked for again. undefined: nobody knows. */
export async function capture(sale: Sale, reservation: Reservation): Promise<SettleResponse | undefined> {
  const { facilitator, order } = sale;
  for (let attempt = 1; attempt <= CAPTURE_ATTEMPTS; attempt++) {
    const receipt = await ask(facilitator.capture(order, reservation));
    if (receipt) return receipt.errorReason === "settlement_pending" ? undefined : receipt;
  }
  return undefined;
}
