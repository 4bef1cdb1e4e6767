/**
 * Allowances that some keys of a policy have signed, and not yet enough of them. Such a one is none yet: no agent is told of it. Of one
 * agent the desk keeps one at a time, because each of two could be granted.
 */

import { canonicalJson } from "../../shared/crypto/digest.ts";
import { malformed, refused } from "../../shared/desk/codes.ts";
import type { HostedAnswer, ProposedMandate } from "../../shared/desk/hosted-api.ts";
import { CLOCK_SKEW_SECONDS, DESK_PROPOSAL_SECONDS, MAX_APPROVAL_AGE_SECONDS } from "../../shared/limits.ts";
import { ANY, type Mandate, mandateDigest, signedMandateSchema } from "../../shared/protocol/mandate.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import type { MemberProof } from "../../shared/protocol/proof.ts";
import { integer, row, text } from "../../shared/row.ts";
import { checkShape } from "../../shared/text/json.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import type { AskOf } from "./asks.ts";
import { type DeskContext, tell, type Told } from "./desk-context.ts";
import { findGrant, grantObstacle, keepGrant } from "./grants.ts";
import { note } from "./journal.ts";
import { verifyMember } from "./member.ts";
import { wholeProofs } from "./parts.ts";
import type { DeskStore } from "./store.ts";

const asProposal = row({ mandate: text(), proofs: text(), ends_at: integer() });

interface Proposal {
  mandate: Mandate;
  /** Of each key's account, its proof. */
  proofs: Record<string, MemberProof>;
  /** Unix seconds. */
  endsAt: number;
}

export function openProposals(store: DeskStore, now: number): Proposal[] {
  const found = store.sql("SELECT mandate, proofs, ends_at FROM proposal WHERE ends_at >= ? ORDER BY ends_at", now);
  return found.map(asProposal).map(({ mandate, proofs, ends_at }) => ({
    mandate: JSON.parse(mandate) as Mandate,
    proofs: JSON.parse(proofs) as Proposal["proofs"],
    endsAt: ends_at,
  }));
}

/** The proofs stay at the desk: without them a proposal that is dropped is gone. */
export function proposalView({ mandate, proofs, endsAt }: Proposal): ProposedMandate {
  return { mandate, signedBy: Object.keys(proofs), endsAt: formatTimestamp(endsAt) };
}

/** One key's proof over an allowance: the first proposes it, and the last that is needed grants it. */
export async function grantPart(
  desk: DeskContext,
  { mandate, proof, policy }: AskOf<"grantPart">,
): Promise<Told<HostedAnswer<"grantPart">>> {
  const { account, store } = desk;
  if (mandate.from !== account)
    return refused("request_differs", "The allowance is of another account.", "Sign in with that account, and grant it there.");
  const digest = mandateDigest(mandate);
  const proved = await verifyMember(desk, policy, proof, { type: "Mandate", digest });
  if (!proved.ok) return proved;
  const { key } = proved;

  const now = unixNow();
  return store.transact(() => {
    const known = { shortCode: shortCode(digest) };
    const granted = findGrant(store, digest);
    if (granted?.revokedAt === null) return tell({ ...known, whole: true, missing: 0 });
    if (granted) return refused("decided_meanwhile", "It is revoked.", "Make another.");
    const obstacle = grantObstacle(store, mandate, now);
    if (obstacle) return obstacle;
    const before = openProposals(store, now).find(({ mandate: { agent } }) => agent === mandate.agent);
    if (before && canonicalJson({ ...before.mandate }) !== canonicalJson({ ...mandate }))
      return refused("decided_meanwhile", "Another allowance is proposed for this agent.", "Sign or drop that one.");
    const grantedAt = Number(mandate.grantedAt);
    if (!before && (grantedAt < now - MAX_APPROVAL_AGE_SECONDS || grantedAt > now + CLOCK_SKEW_SECONDS))
      return refused("proof_expired", "It was made too long ago, or dropped.", "Make another.");
    const proofs = { ...before?.proofs, [key]: proof };
    note(store, now, "granted_in_part", { mandate: digest, agentKey: mandate.agent, total: mandate.total, key });
    const enough = wholeProofs(policy, proofs);
    if (!enough) {
      const endsAt = before?.endsAt ?? Math.min(now + DESK_PROPOSAL_SECONDS, Number(mandate.validBefore));
      keepProposal(store, { mandate, proofs, endsAt });
      return tell({ ...known, whole: false, missing: Number(policy.threshold) - Object.keys(proofs).length });
    }
    const signed = checkShape({ mandate, proof: { kind: "policy", policy, proofs: enough } }, signedMandateSchema);
    if (!signed.ok) return malformed("The allowance", signed.problem);
    endProposals(store, digest, now);
    keepGrant(store, signed.value);
    note(store, now, "granted", { mandate: digest, agentKey: mandate.agent, total: mandate.total });
    return tell({ ...known, whole: true, missing: 0 });
  });
}

/** One key is enough to drop what others propose, and a login is enough of it, as of a no. */
export function dropProposed({ store }: DeskContext, { mandate: digest }: AskOf<"dropProposed">): Told<HostedAnswer<"dropProposed">> {
  const now = unixNow();
  if (findGrant(store, digest)) return refused("decided_meanwhile", "It is granted already.", "Revoke it.");
  if (!endProposals(store, digest, now)) return refused("mandate_not_found");
  note(store, now, "proposal_dropped", { mandate: digest });
  return tell({ shortCode: shortCode(digest) });
}

function keepProposal(store: DeskStore, { mandate, proofs, endsAt }: Proposal): void {
  store.sql(
    "INSERT OR REPLACE INTO proposal (agent_key, digest, mandate, granted_at, ends_at, proofs) VALUES (?, ?, ?, ?, ?, ?)",
    mandate.agent,
    mandateDigest(mandate),
    JSON.stringify(mandate),
    Number(mandate.grantedAt),
    endsAt,
    JSON.stringify(proofs),
  );
}

/** One, or with `*` all that were made by then. @param until unix seconds @returns whether there was one */
export function endProposals(store: DeskStore, digest: string, until: number): boolean {
  const ended =
    digest === ANY
      ? store.sql("DELETE FROM proposal WHERE granted_at <= ? RETURNING 1", until)
      : store.sql("DELETE FROM proposal WHERE digest = ? RETURNING 1", digest);
  return ended.length > 0;
}
