/** Flow `upfront`: settle, run the handler, answer. What the handler then does not deliver stays owed. */
import { randomDigest } from "../../../shared/crypto/digest.ts";
import { ask } from "./facilitator.ts";
import type { Keeping } from "./identified.ts";
import { verifyOrder } from "./order.ts";
import { codeOf, refuse, refuseFor, refuseUnpaid } from "./outcome.ts";
import { resume } from "./resume.ts";
import { runPaid } from "./run-paid.ts";
import { leavePending, type Sale, type SaleResult } from "./sale.ts";

/** @param keeping the buyer's id, where the payment has one: the answer is kept under it before it leaves */
export async function serveUpfront(sale: Sale, keeping?: Keeping): Promise<SaleResult> {
  const { facilitator, order } = sale;
  const id = keeping?.reservationId ?? randomDigest();
  const receipt = await ask(facilitator.settle(order, id));
  if (receipt?.success) return runPaid(sale, receipt, id, facilitator.holdsNothing, keeping);
  if (receipt && receipt.errorReason !== "settlement_pending") {
    const code = codeOf(receipt);
    return (await resume(sale, code, keeping)) ?? refuseFor(sale, { ok: false, code }, receipt);
  }
  // Nobody knows whether the money moved. Asking for the capture of this very id will tell.
  // Nor whether anybody has looked at the signature; and only payers get a place in memory.
  const verified = await verifyOrder(order);
  if (!verified.ok) return refuse({ code: "facilitator_unavailable" });
  const { payer, nonce } = verified.payment;
  return refuseUnpaid(sale, await leavePending(sale, { payer, nonce, reservationId: id }));
}
