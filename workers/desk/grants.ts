/** The allowances that the owner granted here. Each is its owner's signature; the desk only hands it to its agent. */

import type { Digest } from "../../shared/crypto/digest.ts";
import { type DeskRefusal, refused } from "../../shared/desk/codes.ts";
import { MAX_DESK_MANDATES } from "../../shared/limits.ts";
import { ANY, type Mandate, mandateDigest, type SignedMandate } from "../../shared/protocol/mandate.ts";
import { integer, nullable, row, text } from "../../shared/row.ts";
import { pairedAgent } from "./agents.ts";
import type { DeskStore } from "./store.ts";

export interface Grant {
  digest: Digest;
  signed: SignedMandate;
  /** Unix seconds. */
  revokedAt: number | null;
}

const asGrant = row({ digest: text<Digest>(), signed: text(), revoked_at: nullable(integer()) });

function grantOf(found: Record<string, unknown>): Grant {
  const { digest, signed, revoked_at } = asGrant(found);
  return { digest, signed: JSON.parse(signed) as SignedMandate, revokedAt: revoked_at };
}

/** Why the desk takes no such allowance now. */
export function grantObstacle(store: DeskStore, { agent, validBefore }: Mandate, now: number): DeskRefusal | undefined {
  if (!pairedAgent(store, agent)) return refused("not_paired");
  if (Number(validBefore) < now) return refused("proof_expired", "This allowance is over already.", "Grant another one.");
  if (openGrants(store, now).length >= MAX_DESK_MANDATES)
    return refused("desk_full", `The desk keeps ${MAX_DESK_MANDATES} open allowances.`, "Revoke one first.");
  return undefined;
}

export function findGrant(store: DeskStore, digest: string): Grant | undefined {
  const [found] = store.sql("SELECT digest, signed, revoked_at FROM mandate WHERE digest = ?", digest);
  return found && grantOf(found);
}

/** @returns false if it is there already */
export function keepGrant(store: DeskStore, signed: SignedMandate): boolean {
  const { agent, grantedAt, validBefore } = signed.mandate;
  const kept = store.sql(
    `INSERT INTO mandate (digest, agent_key, signed, granted_at, valid_before) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (digest) DO NOTHING RETURNING seq`,
    mandateDigest(signed.mandate),
    agent,
    JSON.stringify(signed),
    Number(grantedAt),
    Number(validBefore),
  );
  return kept.length > 0;
}

export function openGrants(store: DeskStore, now: number, agentKey?: string): Grant[] {
  const open = "SELECT digest, signed, revoked_at FROM mandate WHERE revoked_at IS NULL AND valid_before >= ?";
  const found =
    agentKey === undefined
      ? store.sql(`${open} ORDER BY seq DESC`, now)
      : store.sql(`${open} AND agent_key = ? ORDER BY seq DESC`, now, agentKey);
  return found.map(grantOf);
}

/** The newest first. */
export function allGrants(store: DeskStore, limit: number): Grant[] {
  return store.sql("SELECT digest, signed, revoked_at FROM mandate ORDER BY seq DESC LIMIT ?", limit).map(grantOf);
}

/** Ends one, or all that were granted by then. @param revokedAt unix seconds of the owner's revocation @returns what it ended here */
export function endGrants(store: DeskStore, mandate: Digest | typeof ANY, revokedAt: number): Digest[] {
  const ended =
    mandate === ANY
      ? store.sql("UPDATE mandate SET revoked_at = ? WHERE revoked_at IS NULL AND granted_at <= ? RETURNING digest", revokedAt, revokedAt)
      : store.sql("UPDATE mandate SET revoked_at = ? WHERE revoked_at IS NULL AND digest = ? RETURNING digest", revokedAt, mandate);
  return ended.map(row({ digest: text<Digest>() })).map(({ digest }) => digest);
}
