/** What an owner has to type to approve. */
import type { ApprovalView } from "./view.ts";

/** `amount`: a large sum, typed as the amount or the short code. `code`: something on the screen is unproved, so only the short code counts. */
export type RequiredAnswer = "yes" | "amount" | "code";

export function requiredAnswer({ host, authorization, threshold }: ApprovalView): RequiredAnswer {
  if (host.kind === "unconfirmed") return "code";
  return BigInt(authorization.value) > threshold ? "amount" : "yes";
}
