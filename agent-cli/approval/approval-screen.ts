/**
 * What an owner reads before saying yes. Made only from the PaymentRequest whose digest is signed and the Authorization that
 * follows from it: facts first, then, framed apart, what the agent says and what the merchant says.
 */
import { displayAmount } from "../../shared/protocol/amount.ts";
import type { Authorization } from "../../shared/protocol/authorization.ts";
import { MAX_DESCRIPTION_LENGTH, MAX_REASON_SHOWN } from "../../shared/limits.ts";
import { type PaymentRequest, type RequestCheck, shortCode } from "../../shared/protocol/payment-request.ts";
import { showUnsafe } from "../../shared/text/text.ts";
import { parseTimestamp } from "../../shared/time.ts";
import type { PaymentRequired } from "../../shared/x402/x402.ts";
import { duration, field, frame, type Layout, wrap } from "../runtime/layout.ts";
import type { Pin } from "../records/merchant-pins.ts";
import type { RecordEntry } from "../records/decision-history.ts";
import type { PaymentRecord } from "../records/payment-journal.ts";
import { approvalWarnings } from "./warnings.ts";
import { coverageText, expiry, expiryText } from "../purchase/views.ts";

export interface ApprovalView {
  request: PaymentRequest;
  checked: Extract<RequestCheck, { ok: true }>;
  /** As it would be signed now. */
  authorization: Authorization;
  /** Unix seconds. */
  now: number;
  history: readonly RecordEntry[];
  /** Payments that were sent and of which nobody knows what became. */
  open: readonly PaymentRecord[];
  /** Above this many units a single key is not enough. */
  threshold: bigint;
  /** The ledger that the owner has configured. */
  ledger?: string | undefined;
  /** The merchant's own 402, where it was fetched and found to offer the same. */
  merchant?: PaymentRequired | undefined;
  /** What this machine knows of the merchant from earlier visits, and from making this request. */
  pin?: Pin | undefined;
}

export function approvalScreen(view: ApprovalView, layout: Layout): string[] {
  const { request, checked, authorization, now } = view;
  const { method, url, bodySha256 } = request.http;
  const expires = expiry(parseTimestamp(request.expiresAt) ?? now, now);
  const usable = Number(authorization.validBefore) - Number(authorization.validAfter);
  const fact = (label: string, value: string) => field(layout, label, value);
  const host = fact("To", new URL(url).host).map((line) => layout.ink("bold", line));
  return [
    layout.ink("bold", `PAYMENT REQUEST  ${shortCode(checked.digest)}`),
    "",
    ...fact(
      "Pay",
      `${displayAmount(authorization.value)} = ${authorization.value} units, exactly${authorization.ledger === undefined ? "" : ", once"}`,
    ),
    ...host,
    ...fact("Account", authorization.to),
    ...fact("Merchant", knownText(view.pin)),
    ...fact("For", showUnsafe(`${method} ${url}`)),
    ...(bodySha256 ? fact("Body", `SHA-256 ${bodySha256}`) : []),
    ...fact("Pays for", coverageText(checked.scope, request.http)),
    ...fact("From", authorization.from),
    ...fact("Network", `${authorization.network} (TEST)`),
    ...fact("Agent key", request.agent.publicKey),
    ...fact("Approve by", expiryText(expires)),
    ...fact("Then valid", `for ${duration(usable)}`),
    ...(view.merchant ? fact("Checked", "amount, account and terms are the merchant's own") : []),
    "",
    ...approvalWarnings(view).flatMap((warning) => wrap(`! ${warning}`, layout.width).map((line) => layout.ink("yellow", line))),
    "",
    ...frame(layout, "the agent says", agentSays(request)),
    ...frame(layout, "the merchant says", merchantSays(view)),
    "",
    // Again, right above the question: an address and words of the greatest length push the first lines off a screen.
    ...fact("Pay", displayAmount(authorization.value)),
    ...host,
    ...fact("Account", authorization.to),
  ];
}

function knownText(pin: Pin | undefined): string {
  if (!pin) return "not known on this machine";
  return `first seen ${pin.firstSeenAt}; ${pin.key ? `signs its terms with ${pin.key.publicKey.slice(0, 16)}…` : "does not sign its terms"}`;
}

function agentSays({ reason, agent, merchant }: PaymentRequest): string[] {
  return [
    showUnsafe(shortened(reason, MAX_REASON_SHOWN)),
    "",
    ...(agent.name ? [`It calls itself: ${showUnsafe(agent.name)}`] : []),
    `It calls the merchant: ${showUnsafe(merchant.name)}`,
  ];
}

function merchantSays({ checked, merchant }: ApprovalView): string[] {
  // Said in words of ours, and not for a merchant to hide behind words of its own.
  const { binding: _binding, ledger: _ledger, paymentFlow: _flow, ...extra } = checked.offer.extra ?? {};
  const description = merchant?.resource.description;
  const said = [
    ...(description ? [showUnsafe(shortened(description, MAX_DESCRIPTION_LENGTH))] : []),
    ...(Object.keys(extra).length > 0
      ? [`Its terms also say: ${showUnsafe(shortened(JSON.stringify(extra), MAX_DESCRIPTION_LENGTH))}`]
      : []),
  ];
  return said.length > 0 ? said : [merchant ? "nothing more" : "nothing: it was not asked (--check-terms asks it)"];
}

/**
 * Strangers' text must not push the facts off the screen. What is shown instead of an invisible character is longer than
 * the character, so the length that counts is the one on the screen.
 */
function shortened(text: string, max: number): string {
  const characters = Array.from(text);
  let room = max;
  const shown = characters.findIndex((character) => (room -= showUnsafe(character).length) < 0);
  return shown < 0 ? text : `${characters.slice(0, shown).join("")} … and ${characters.length - shown} more characters`;
}
