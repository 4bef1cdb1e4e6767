/** What some keys of a policy have signed of a request, and not yet enough of them. It pays nothing. */

import { canonicalJson } from "../../shared/crypto/digest.ts";
import type { PartialApproval } from "../../shared/desk/hosted-api.ts";
import { MAX_APPROVAL_AGE_SECONDS } from "../../shared/limits.ts";
import type { Authorization } from "../../shared/protocol/authorization.ts";
import type { Policy } from "../../shared/protocol/policy.ts";
import type { MemberProof } from "../../shared/protocol/proof.ts";
import type { DeskStore } from "./store.ts";

/** Of each key's account, its proof. */
type Proofs = Record<string, MemberProof>;

interface Part {
  authorization: Authorization;
  proofs: Proofs;
}

/** @returns undefined if there is none that the other keys can still complete */
export function partOf(store: DeskStore, digest: string, now: number): Part | undefined {
  const [found] = store.sql(
    "SELECT authorization, proofs FROM part WHERE request = ? AND valid_before >= ? AND valid_after >= ?",
    digest,
    now,
    now - MAX_APPROVAL_AGE_SECONDS,
  );
  if (!found) return undefined;
  return {
    authorization: JSON.parse(String(found["authorization"])) as Authorization,
    proofs: JSON.parse(String(found["proofs"])) as Proofs,
  };
}

/** `other`: another key has signed another object for this request, and that can still be completed. */
export type PartKept = { ok: true; proofs: Proofs } | { ok: false; code: "other" };

/** Adds one key's proof. It is verified. @param key the account of the key */
export function keepPart(
  store: DeskStore,
  digest: string,
  { authorization, key, proof }: { authorization: Authorization; key: string; proof: MemberProof },
  now: number,
): PartKept {
  const before = partOf(store, digest, now);
  if (before && canonicalJson({ ...before.authorization }) !== canonicalJson({ ...authorization })) return { ok: false, code: "other" };
  const proofs = { ...before?.proofs, [key]: proof };
  store.sql(
    `INSERT INTO part (request, authorization, valid_after, valid_before, proofs) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (request) DO UPDATE SET authorization = excluded.authorization, valid_after = excluded.valid_after,
         valid_before = excluded.valid_before, proofs = excluded.proofs`,
    digest,
    JSON.stringify(authorization),
    Number(authorization.validAfter),
    Number(authorization.validBefore),
    JSON.stringify(proofs),
  );
  return { ok: true, proofs };
}

/** The proofs in the order of the policy's keys, as many as it asks for; undefined while there are fewer. */
export function wholeProofs({ keys, threshold }: Policy, proofs: Proofs): MemberProof[] | undefined {
  const inOrder = keys.flatMap((key) => proofs[key] ?? []);
  return inOrder.length >= Number(threshold) ? inOrder.slice(0, Number(threshold)) : undefined;
}

export function partView({ authorization, proofs }: Part, policy: Policy | undefined): PartialApproval {
  return { authorization, proofs: Object.values(proofs), threshold: Number(policy?.threshold ?? 1) };
}
