/** What an owner has to type to approve, and whether it was typed. */

import { ASSET_SYMBOL } from "../lez.ts";
import { displayAmount, parseAmount } from "../protocol/amount.ts";
import { shortCode } from "../protocol/payment-request.ts";
import { readable } from "./sent-request.ts";
import type { ApprovalView } from "./view.ts";

/**
 * `amount`: a large sum, typed as the amount or the short code. `code`: something is unproved or unread, or a second account may pay as
 * well, so only the short code counts.
 */
export type RequiredAnswer = "yes" | "amount" | "code";

export function requiredAnswer({ host, sent, authorization, threshold, alsoAt }: ApprovalView): RequiredAnswer {
  const body = readable(sent.body);
  if (alsoAt || host.kind === "unconfirmed" || body === "unseen" || body === "part") return "code";
  return BigInt(authorization.value) > threshold ? "amount" : "yes";
}

/** Whether the owner typed what this approval needs. Where a yes is enough, nothing needs to be typed. */
export function isRightAnswer(view: ApprovalView, typed: string): boolean {
  const required = requiredAnswer(view);
  if (required === "yes") return true;
  return sameCode(typed, shortCode(view.checked.digest)) || (required === "amount" && isTypedAmount(typed, view.authorization.value));
}

export function wrongAnswerText(required: RequiredAnswer): string {
  return `That is not ${required === "amount" ? "the amount, nor the short code" : "the short code"} of this request.`;
}

export function sameCode(typed: string, expected: string): boolean {
  return plainCode(typed) === plainCode(expected);
}

function plainCode(code: string): string {
  return code.toUpperCase().replace(/[\s-]/g, "");
}

/** @param typed `2.5`, `2.5 LGO`, `2.5LGO` or `2500000000` @param amount atomic units */
export function isTypedAmount(typed: string, amount: string | bigint): boolean {
  const text = typed.trim().toUpperCase();
  return parseAmount(text) === amount.toString() || [text, `${text} ${ASSET_SYMBOL}`].includes(displayAmount(amount));
}
