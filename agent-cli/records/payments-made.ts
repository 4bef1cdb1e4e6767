/** The payments that the audit log has, each once, with what it says of them elsewhere: agent, reason, request. */

import type { Digest } from "../../shared/crypto/digest.ts";
import { NETWORK } from "../../shared/lez.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import type { Context } from "../runtime/context.ts";
import type { AuditEntry } from "./audit-log.ts";
import { findRequest } from "./request-store.ts";

export interface MadePayment {
  /** RFC 3339, in UTC: when this machine learned of it. */
  at: string;
  /** The agent's name, else its key; empty if the log does not know it. */
  agent: string;
  /** The host that was paid. */
  merchant: string;
  method: string;
  url: string;
  /** Empty for a request of 0.1 whose files are gone. */
  reason: string;
  /** Atomic units. Of scheme `upto`: what was charged, once that is known. */
  amount: string;
  /** Which money: LGO of the mock ledger and of a chain are two, which no sum may mix. */
  network: string;
  /** On the chain itself: the most that its fee can be, beside the amount. */
  maxFee?: string | undefined;
  transaction: string;
  /** Its short code; empty for a payment without a request. */
  request: string;
  /** The code of the mandate that paid it; empty if the owner approved it. */
  mandate: string;
}

/** Oldest first. Logs of 0.1 have a payment once more for each time that its answer was fetched: only the first counts. */
export function paymentsMade(context: Context, entries: readonly AuditEntry[]): MadePayment[] {
  const asked = new Map<string, AuditEntry["facts"]>();
  const made = new Map<string, MadePayment>();
  for (const { at, event, facts } of entries) {
    const { requestDigest = "", transaction, amount } = facts;
    asked.set(requestDigest, { ...asked.get(requestDigest), ...facts });
    const before = made.get(transaction ?? "");
    // Of scheme upto: until it is known what was charged, all that was signed counts.
    if (before && facts["charged"] !== undefined) before.amount = facts["charged"];
    if (event !== "settled" || transaction === undefined || amount === undefined || made.has(transaction)) continue;
    const known = { ...storedFacts(context, requestDigest), ...asked.get(requestDigest) };
    const { method = "", url = "", reason = "", agent, agentKey = "" } = known;
    made.set(transaction, {
      at,
      agent: agent ?? agentKey,
      merchant: URL.canParse(url) ? new URL(url).host : url,
      method,
      url,
      reason,
      amount: facts["charged"] ?? amount,
      network: facts["network"] ?? NETWORK,
      maxFee: facts["maxFee"],
      transaction,
      request: requestDigest === "" ? "" : shortCode(requestDigest as Digest),
      // Its own fact: an earlier payment of the request, within a mandate, may have been refused.
      mandate: facts["mandate"] === undefined ? "" : shortCode(facts["mandate"] as Digest),
    });
  }
  return [...made.values()];
}

/** What a log of 0.1 does not say of a request, from the agent's own files. */
function storedFacts(context: Context, digest: string): AuditEntry["facts"] {
  const stored = digest === "" ? undefined : findRequest(context, digest as Digest);
  if (!stored?.ok) return {};
  const { agent, reason } = stored.data.request;
  return { agentKey: agent.publicKey, ...(agent.name !== undefined && { agent: agent.name }), reason };
}
