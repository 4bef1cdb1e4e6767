/** What some keys of a policy have signed of a request, and not yet enough of them. It pays nothing. */

import { canonicalJson } from "../../shared/crypto/digest.ts";
import type { PartialApproval, PartObject } from "../../shared/desk/hosted-api.ts";
import { MAX_APPROVAL_AGE_SECONDS } from "../../shared/limits.ts";
import type { Policy } from "../../shared/protocol/policy.ts";
import type { MemberProof } from "../../shared/protocol/proof.ts";
import type { DeskStore } from "./store.ts";

/** Of each key's account, its proof. */
type Proofs = Record<string, MemberProof>;

interface Part {
  object: PartObject;
  proofs: Proofs;
}

/** @returns undefined if there is none that the other keys can still complete */
export function partOf(store: DeskStore, digest: string, now: number): Part | undefined {
  const [found] = store.sql(
    "SELECT object, proofs FROM part WHERE request = ? AND valid_before >= ? AND valid_after >= ?",
    digest,
    now,
    now - MAX_APPROVAL_AGE_SECONDS,
  );
  if (!found) return undefined;
  return {
    object: JSON.parse(String(found["object"])) as PartObject,
    proofs: JSON.parse(String(found["proofs"])) as Proofs,
  };
}

/** `other`: another key has signed another object for this request, and that can still be completed. */
export type PartKept = { ok: true; proofs: Proofs } | { ok: false; code: "other" };

/** Adds one key's proof. It is verified. @param key the account of the key */
export function keepPart(
  store: DeskStore,
  digest: string,
  { object, key, proof }: { object: PartObject; key: string; proof: MemberProof },
  now: number,
): PartKept {
  const before = partOf(store, digest, now);
  if (before && canonicalJson({ ...before.object }) !== canonicalJson({ ...object })) return { ok: false, code: "other" };
  const proofs = { ...before?.proofs, [key]: proof };
  const { validAfter, validBefore } = object.session ?? object.authorization;
  store.sql(
    `INSERT INTO part (request, object, valid_after, valid_before, proofs) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (request) DO UPDATE SET object = excluded.object, valid_after = excluded.valid_after,
         valid_before = excluded.valid_before, proofs = excluded.proofs`,
    digest,
    JSON.stringify(object),
    Number(validAfter),
    Number(validBefore),
    JSON.stringify(proofs),
  );
  return { ok: true, proofs };
}

/** The proofs in the order of the policy's keys, as many as it asks for; undefined while there are fewer. */
export function wholeProofs({ keys, threshold }: Policy, proofs: Proofs): MemberProof[] | undefined {
  const inOrder = keys.flatMap((key) => proofs[key] ?? []);
  return inOrder.length >= Number(threshold) ? inOrder.slice(0, Number(threshold)) : undefined;
}

export function partView({ object, proofs }: Part, policy: Policy | undefined): PartialApproval {
  return { ...object, proofs: Object.values(proofs), threshold: Number(policy?.threshold ?? 1) };
}
