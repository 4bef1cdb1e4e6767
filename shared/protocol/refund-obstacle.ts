/** Why a merchant cannot give a payment back by itself, so that its seller must. */

import type { ErrorCode } from "../errors.ts";

/** What a seller reads of each. A code of the error table that is not here speaks for itself. */
export const REFUND_OBSTACLES = {
  no_receipt_key: "the merchant has no RECEIPT_KEY that can sign",
  no_mandate: "the merchant has no REFUND_MANDATE: lez-agent-pay refund grant makes one",
  mandate_unusable: "REFUND_MANDATE is not the content of a file that lez-agent-pay refund grant wrote",
  mandate_of_another_key: "REFUND_MANDATE was granted to another key than the merchant's RECEIPT_KEY",
  no_facilitator: "the merchant's facilitator gives nothing back, or is chosen by a function of the route",
  no_access: "the facilitator shows the merchant no credits: set FACILITATOR_KEY, or bind the facilitator",
  outcome_unknown: "whether it was refunded is not known; refunding again is safe, since no payment goes back twice",
  mandate_mismatch: "the mandate is for another account or ledger, or does not allow this buyer",
  mandate_expired: "the mandate is over, or has not begun",
  mandate_revoked: "the mandate was revoked",
  mandate_exceeded: "the refund is beyond a limit of the mandate",
  insufficient_funds: "the account holds too little",
  refund_unknown: "the ledger knows no such payment",
  refund_expired: "the payment is older than 30 days, or the refund was signed too long before the facilitator answered",
  refund_exceeded: "a part of it was refunded meanwhile",
} as const satisfies Record<string, string>;

export type RefundObstacle = keyof typeof REFUND_OBSTACLES | ErrorCode;
