/** What an open mandate has left, and why it does not pay a request that its agent asks for. */

import { displayAmount } from "../protocol/amount.ts";
import { allows } from "../protocol/mandate.ts";
import type { PaymentRequest } from "../protocol/payment-request.ts";
import { bar } from "./bar.ts";
import { showUnsafe } from "./escapes.ts";
import type { MandateStanding } from "./view.ts";

/** `7F3K-9QPD: ██████████████░░░░░░ used, 0.000005 LGO of 0.0000175 LGO left, not enough for this` */
export function standingText({ shortCode, mandate, usage }: MandateStanding, request: PaymentRequest): string {
  const total = displayAmount(mandate.total);
  if (usage.kind === "unknown") return `${shortCode}: ${total} in all; how much of it is left is not known: ${showUnsafe(usage.why)}`;
  const why = refusalText({ mandate, usage }, request);
  const used = (BigInt(mandate.total) - usage.left).toString();
  return `${shortCode}: ${bar(used, mandate.total)} used, ${displayAmount(usage.left)} of ${total} left${why === undefined ? "" : `, ${why}`}`;
}

/** Undefined if nothing that is known here speaks against it: the mandate may be younger than the request. */
function refusalText(
  { mandate, usage }: { mandate: MandateStanding["mandate"]; usage: Extract<MandateStanding["usage"], { kind: "known" }> },
  { http, payment }: PaymentRequest,
): string | undefined {
  const amount = BigInt(payment.amount);
  const { left, period } = usage;
  if (!allows(mandate.schemes, payment.scheme)) return `not for payments of scheme "${payment.scheme}"`;
  if (!allows(mandate.payees, payment.payTo) || !allows(mandate.origins, new URL(http.url).origin)) return "not for this merchant";
  if (amount > BigInt(mandate.perPayment)) return `for payments of at most ${displayAmount(mandate.perPayment)}`;
  if (amount > left) return "not enough for this";
  if (period && (amount > period.left || period.paymentsLeft === 0)) return `not enough for this before ${period.endsAt}`;
  return undefined;
}
