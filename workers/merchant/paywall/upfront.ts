/** Flow `upfront`: settle, run the handler, answer. What the handler then does not deliver stays owed. */
import { randomDigest } from "../../../shared/digest.ts";
import { HOLD_SECONDS } from "../../../shared/limits.ts";
import { ask } from "./facilitator.ts";
import type { Keeping } from "./identified.ts";
import { orderKey, reservationOf } from "./order.ts";
import { codeOf, refuse, refuseFor } from "./outcome.ts";
import { resume } from "./resume.ts";
import { runPaid } from "./run-paid.ts";
import { leavePending, type Sale, type SaleResult } from "./sale.ts";

/** @param keeping the buyer's id, where the payment has one: the answer is kept under it before it leaves */
export async function serveUpfront(sale: Sale, keeping?: Keeping): Promise<SaleResult> {
  const { facilitator, order, challenge } = sale;
  const id = keeping?.reservationId ?? randomDigest();
  const receipt = await ask(facilitator.settle(order, id));
  if (receipt?.success) {
    // Paid for, and therefore owed, whatever becomes of this Worker; copies wait meanwhile. With an id its claim sees to that.
    const owed = { state: "paid", receipt } as const;
    if (!facilitator.holdsNothing && !keeping) await ask(sale.memory().begin(orderKey(order), id, HOLD_SECONDS, owed));
    return runPaid(sale, receipt, id, facilitator.holdsNothing || !keeping, keeping);
  }
  if (receipt && receipt.errorReason !== "settlement_pending") {
    const code = codeOf(receipt);
    return (await resume(sale, code, keeping)) ?? refuseFor(sale, { ok: false, code }, receipt);
  }
  // Nobody knows whether the money moved. Asking for the capture of this very id will tell.
  const { exact } = order;
  if (!exact) return refuse({ code: "facilitator_unavailable" });
  return refuse({ code: "settlement_pending", challenge, receipt: await leavePending(sale, reservationOf(exact, id)) });
}
