/** Finds the payment of a request in the inbox, or says why none may be presented now. */

import { isNativeRequest, shortCode } from "../../shared/protocol/payment-request.ts";
import { duration } from "../../shared/screen/duration.ts";
import { unixNow } from "../../shared/time.ts";
import type { InboxItem } from "../records/inbox.ts";
import { findPayment, type Payment, paymentKey } from "../records/payment-journal.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Failure, type Next, type Outcome } from "../runtime/outcome.ts";
import { carriesId, paidTransaction, withId } from "./payment-identifier.ts";
import { decideBy, type Purchase, purchaseOf, purchaseView } from "./purchase.ts";
import { checkPayment } from "./send-payment.ts";

export async function paymentToPresent(context: Context, item: InboxItem): Promise<Outcome<Payment>> {
  const purchase = purchaseOf(context, item, unixNow());
  if (!purchase.ok) return purchase;
  const undecided = notApproved(purchase.data);
  if (undecided) return undecided;
  const { record } = purchase.data;
  // A payment that was presented before is presented again; the payment journal refuses any other.
  const presented = record?.state === "sent" || record?.state === "settled";
  const payload = presented ? record.payload : (item.payment ?? record?.payload);
  if (!payload)
    return fail("request_not_found", "The payment of this request is not on this machine.", { hint: "Name the payment's file." });
  return checkPayment(payload, `the payment of ${shortCode(item.digest)}`, isAnswerLeft(context));
}

/** The merchant may have kept the answer of a settled payment, so presenting it again is never too late. */
export const isAnswerLeft = (context: Context) => (payment: Payment) =>
  isUnderWay(context, payment) || (carriesId(withId(context, payment).payload) && paidTransaction(context, payment) !== undefined);

/** A transfer that was presented in time may be on its way to the chain: the merchant gives its goods for it after its statement has ended. */
function isUnderWay(context: Context, { authorization }: Payment): boolean {
  if (authorization.native === undefined) return false;
  const record = findPayment(context, paymentKey(authorization));
  return record.ok && record.data !== undefined && record.data.state !== "refused" && record.data.state !== "unsent";
}

/**
 * Why a request has no payment to present: not decided yet, refused, withdrawn or expired.
 * @param timeoutArgv the caller's --timeout, for `next`
 */
export function notApproved(purchase: Purchase, timeoutArgv: readonly string[] = []): Failure | undefined {
  const now = unixNow();
  const code = shortCode(purchase.digest);
  const details = { ...purchaseView(purchase, now) };
  const { decision } = details;
  const note = decision?.note ? ` The owner says: "${decision.note}"` : "";
  switch (purchase.state) {
    case "pending":
      return fail("approval_pending", `Request ${code} waits for its owner, for ${duration(decideBy(purchase.request) - now)} more.`, {
        retryable: true,
        hint: `${whoDecides(purchase)} lez-agent-pay approve ${code}`,
        details,
        next: waitFor(code, timeoutArgv),
      });
    case "declined":
      return fail("declined", `The owner declined request ${code} (${decision?.code}).${note}`, {
        hint: "This is final and nothing was paid. Do not repeat the request; ask for something else only if the owner's words call for it.",
        details,
      });
    case "revoked":
      return fail("payment_revoked", `The owner revoked the approval of ${code} (${decision?.code}).${note}`, {
        hint: "Do not pay. Ask the owner before you make another request.",
        details,
      });
    case "cancelled":
      return fail("request_cancelled", `The agent withdrew request ${code}.`, { details });
    case "expired":
      return fail(
        "request_expired",
        `Request ${code} expired: ${purchase.payment ? "its approval was not used in time" : "the owner did not decide in time"}.`,
        {
          hint: "Nothing was paid. Make a new request if it is still wanted.",
          details,
        },
      );
    default:
      return undefined;
  }
}

function whoDecides({ desk, request }: Purchase): string {
  // A desk shows and declines it, and has no key of the chain.
  if (isNativeRequest(request))
    return desk?.sentAt === undefined ? "The owner runs:" : `Shown at ${desk.origin}, it is signed at a terminal alone:`;
  if (desk && "problem" in desk) return "The desk gives no decision now. The owner decides here:";
  return desk?.sentAt === undefined ? "The owner runs:" : `The owner decides at ${desk.origin}, or here:`;
}

export function waitFor(code: string, timeoutArgv: readonly string[]): Next {
  return {
    argv: ["lez-agent-pay", "request", "wait", code, ...timeoutArgv],
    by: "agent",
    why: "wait for the owner's decision",
    afterSeconds: 5,
  };
}
