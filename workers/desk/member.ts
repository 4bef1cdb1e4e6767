/** One key of several: whether it belongs to the account's policy, and has signed. */

import { type DeskRefusal, refused } from "../../shared/desk/codes.ts";
import { checkMember } from "../../shared/desk/member-check.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { accountOfPolicy, type Policy } from "../../shared/protocol/policy.ts";
import type { Claimed, MemberProof } from "../../shared/protocol/proof.ts";
import type { DeskContext } from "./desk-context.ts";
import { passkeyRules } from "./env.ts";

/** Whether a key of the account's policy has signed this. @returns the account of the key */
export async function verifyMember(
  { account, env }: DeskContext,
  policy: Policy,
  proof: MemberProof,
  claimed: Pick<Claimed, "type" | "digest">,
): Promise<{ ok: true; key: AccountId } | DeskRefusal> {
  if (accountOfPolicy(policy) !== account) return refused("request_differs", "The policy is of another account.");
  const checked = await checkMember(policy, proof, claimed, passkeyRules(env));
  return checked.ok ? checked : refused("invalid_signature", `${checked.problem}.`);
}
