/** What a merchant keeps of the ledger's answer about a session: its standing, and neither its text nor its lanes. */

import type { SessionStanding, SessionStatus } from "../../../../shared/settlement/backend.ts";

export function standingFrom(answer: SessionStanding | Exclude<SessionStatus, { status: "unknown" }>): SessionStanding {
  const { id, payer, status, deposit, claimed, expiresAt, closesAt, withdrawRequestedAt, at } = answer;
  const withdrawn = withdrawRequestedAt === undefined ? {} : { withdrawRequestedAt };
  return { id, payer, status, deposit, claimed, expiresAt, closesAt, ...withdrawn, at };
}
