/** The owner's own approvals, by which hosts, accounts and agents are known, and from which the day's sum is made. */

import { formatTimestamp } from "../time.ts";
import type { PastDecision } from "./view.ts";

/** Approvals that were not revoked. */
export function standingApprovals(history: readonly PastDecision[]): PastDecision[] {
  const revoked = new Set(history.filter(({ decision }) => decision === "revoked").map(({ requestDigest }) => requestDigest));
  return history.filter(({ decision, requestDigest }) => decision === "approved" && !revoked.has(requestDigest));
}

/** What was approved on this day in UTC. @param now unix seconds */
export function approvedToday(history: readonly PastDecision[], now: number): { sum: bigint; requests: number } {
  const today = formatTimestamp(now).slice(0, 10);
  const amounts = standingApprovals(history)
    .filter(({ at }) => at.startsWith(today))
    .map(({ amount }) => BigInt(amount));
  return { sum: amounts.reduce((sum, amount) => sum + amount, 0n), requests: amounts.length };
}
