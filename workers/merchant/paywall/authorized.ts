/** Flow `authorization`: hold the payer's money, run the handler, capture, answer. */
import type { Reservation } from "../../../shared/settlement/backend.ts";
import { randomDigest } from "../../../shared/crypto/digest.ts";
import { capture } from "./capture.ts";
import { ask } from "./facilitator.ts";
import type { Keeping } from "./identified.ts";
import { deliver, refuse, refuseFor, withhold } from "./outcome.ts";
import { resume } from "./resume.ts";
import { outlive, runHandler } from "./run.ts";
import { leavePending, pendingReceipt, type Sale, type SaleResult } from "./sale.ts";

/** @param keeping the buyer's id, where the payment has one: the answer is kept under it before the money moves */
export async function serveAuthorized(sale: Sale, keeping?: Keeping): Promise<SaleResult> {
  const { facilitator, order } = sale;
  const reserved = await ask(facilitator.reserve(order, keeping?.reservationId ?? randomDigest()));
  // Perhaps the hold was made and its answer lost: it frees itself, and the same payment can be presented again.
  if (!reserved) return refuse({ code: "facilitator_unavailable" });
  if (!reserved.ok) return (await resume(sale, reserved.code, keeping)) ?? refuseFor(sale, reserved);

  const { reservation, transaction } = reserved;
  const undelivered = (await runUnderHold(sale, reservation, transaction)) ?? (keeping && (await keepCopy(sale, reservation, keeping)));
  if (undelivered) return undelivered;
  const receipt = await capture(sale, reservation);
  if (receipt?.success) return deliver(sale, receipt, facilitator.holdsNothing ? reservation.reservationId : undefined, keeping);
  if (receipt) await ask(facilitator.release(order, reservation)); // refused for good: nobody has to wait for the hold to end
  // With a copy the store remembers what is pending; a second memory of it would run the handler a second time.
  return withhold(sale, receipt ?? (keeping ? pendingReceipt(sale) : await leavePending(sale, reservation)));
}

/** undefined: a copy of the answer is on disk. Without one nothing is captured, since the answer could not be brought again. */
async function keepCopy({ facilitator, order }: Sale, reservation: Reservation, keeping: Keeping): Promise<SaleResult | undefined> {
  const kept = await keeping.keep().catch(() => undefined);
  if (kept) return undefined;
  // Whoever has the claim now serves the payment under this very hold.
  if (kept === false) return refuse({ code: "payment_in_progress" });
  await ask(facilitator.release(order, reservation));
  return refuse({ code: "internal_error" });
}

/** undefined: the handler delivered, and its answer waits in `c.res` for the capture. */
async function runUnderHold(sale: Sale, reservation: Reservation, transaction: string): Promise<SaleResult | undefined> {
  const { facilitator, order } = sale;
  const release = () => ask(facilitator.release(order, reservation));
  const run = await runHandler(sale, { id: transaction, payer: reservation.payer });
  if (run.outcome === "delivered") return undefined;
  if (run.outcome === "late") {
    // The hold stays while the handler does, at most until it ends by itself: a second run does not begin beside the first.
    outlive(sale.c, run.over.then(release));
    return refuse({ code: "handler_timeout" });
  }
  // The buyer reads that nothing was paid, so the money is free before the answer leaves.
  await release();
  if (run.outcome === "threw") throw run.error;
  if (run.outcome === "spent") return refuse({ code: "internal_error" });
  return { answered: true, delivered: false };
}
