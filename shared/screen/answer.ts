/** What an owner has to type to approve. */

import { readable } from "./sent-request.ts";
import type { ApprovalView } from "./view.ts";

/** `amount`: a large sum, typed as the amount or the short code. `code`: something is unproved or unread, so only the short code counts. */
export type RequiredAnswer = "yes" | "amount" | "code";

export function requiredAnswer({ host, sent, authorization, threshold }: ApprovalView): RequiredAnswer {
  const body = readable(sent.body);
  if (host.kind === "unconfirmed" || body === "unseen" || body === "part") return "code";
  return BigInt(authorization.value) > threshold ? "amount" : "yes";
}
