/**
 * What keys of a policy have signed of a request, as a desk hands it to the next key: whether it is what the request asks for, and which keys
 * have signed it. The desk is not believed. Pure: no clock but the caller's, no network.
 */

import { canonicalJson } from "../crypto/digest.ts";
import type { AccountId } from "../protocol/account.ts";
import { authorizationDigest } from "../protocol/authorization.ts";
import type { PasskeyRules } from "../protocol/passkey.ts";
import type { PaymentRequest } from "../protocol/payment-request.ts";
import { accountOfPolicy, type Policy } from "../protocol/policy.ts";
import type { Claimed, MemberProof } from "../protocol/proof.ts";
import { sessionId } from "../protocol/session.ts";
import { type Checked, type ToSign, toSign } from "../protocol/what-is-signed.ts";
import { type ApprovalCheck, checkAge, checkAuthorization, checkSessionObject } from "./approval-check.ts";
import type { PartObject } from "./hosted-api.ts";
import { checkMember } from "./member-check.ts";

export interface SignedPart {
  /** What the next key signs too: made here, from the request's own text. */
  made: ToSign;
  /** Accounts of keys, each once. */
  signedBy: AccountId[];
}

/** `part` is absent if the keys can no longer complete what was signed: they sign anew. */
export type PartCheck = { ok: true; part?: SignedPart } | Extract<ApprovalCheck, { ok: false }>;

/** What is proved of a part: its type and its digest. */
export function partClaim({ session, authorization }: PartObject): Pick<Claimed, "type" | "digest"> {
  return session ? { type: "Session", digest: sessionId(session) } : { type: "Authorization", digest: authorizationDigest(authorization) };
}

/** Whether the object is the one that the request asks of this account. */
export function checkPartObject(request: PaymentRequest, object: PartObject, account: AccountId): Promise<ApprovalCheck> {
  return object.session ? checkSessionObject(request, object.session, account) : checkAuthorization(request, object.authorization, account);
}

/**
 * @param request that passed `checkForApproval`, which gave `checked`
 * @param now unix seconds
 * @param rules whether passkeys of http://localhost count
 */
export async function checkPart(
  { request, checked }: { request: PaymentRequest; checked: Checked },
  { object, proofs }: { object: PartObject; proofs: readonly MemberProof[] },
  policy: Policy,
  now: number,
  rules: PasskeyRules,
): Promise<PartCheck> {
  const account = accountOfPolicy(policy);
  const facts = await checkPartObject(request, object, account);
  if (!facts.ok) return facts;
  if (checkAge(facts, now)) return { ok: true };
  const made = toSign(request, checked, account, facts.validAfter, facts.validBefore - facts.validAfter);
  // The end of a session is in the object, and the request has asked for it.
  if (canonicalJson(made.session ?? made.authorization) !== canonicalJson(object.session ?? object.authorization))
    return { ok: false, code: "request_differs", problem: "it ends at another time than the request asks for" };
  const claimed = partClaim(object);
  const signedBy: AccountId[] = [];
  for (const proof of proofs) {
    const member = await checkMember(policy, proof, claimed, rules);
    if (!member.ok) return { ok: false, code: "invalid_signature", problem: member.problem };
    if (!signedBy.includes(member.key)) signedBy.push(member.key);
  }
  return { ok: true, part: { made, signedBy } };
}
