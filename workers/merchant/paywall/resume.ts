/** A payment that the ledger will not have (any more): perhaps it was paid, and its buyer is still owed something. */
import { randomDigest } from "../../../shared/crypto/digest.ts";
import type { ErrorCode } from "../../../shared/errors.ts";
import { HOLD_SECONDS } from "../../../shared/limits.ts";
import { capture } from "./capture.ts";
import { ask } from "./facilitator.ts";
import type { Keeping } from "./identified.ts";
import { memoryKey } from "./order.ts";
import { codeOf, refuse, refuseFor, refuseUnpaid } from "./outcome.ts";
import { runPaid } from "./run-paid.ts";
import { pendingReceipt, remember, type Sale, type SaleResult } from "./sale.ts";

/** @returns undefined when nothing is owed, and the refusal stands */
export async function resume(sale: Sale, code: ErrorCode, keeping?: Keeping): Promise<SaleResult | undefined> {
  if (code !== "nonce_replayed" && code !== "payment_expired") return undefined;
  const lease = randomDigest();
  const begun = await ask(sale.memory().resume(memoryKey(sale.order), lease, HOLD_SECONDS));
  if (!begun) return refuse({ code: "facilitator_unavailable" });
  if (!begun.granted) return refuse({ code: "payment_in_progress" });

  const { remembered } = begun;
  if (remembered?.state === "paid") return runPaid(sale, remembered.receipt, lease, true, keeping);
  if (remembered?.state !== "pending") return undefined;
  const receipt = await capture(sale, remembered.reservation);
  if (receipt?.success) return runPaid(sale, receipt, lease, true, keeping);
  await remember(sale, lease, receipt ? undefined : remembered);
  // That the nonce was used is a ledger's own word; without one it was only this memory's, and now it is known that nothing was paid.
  if (receipt) return sale.facilitator.holdsNothing ? refuseFor(sale, { ok: false, code: codeOf(receipt) }, receipt) : undefined;
  return refuseUnpaid(sale, pendingReceipt(sale));
}
