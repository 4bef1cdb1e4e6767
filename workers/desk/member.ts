/** One key of several: whether it belongs to the account's policy, and has signed. */

import { type DeskRefusal, refused } from "../../shared/desk/codes.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { accountOfPolicy, type Policy } from "../../shared/protocol/policy.ts";
import { accountOf, type Claimed, type MemberProof, type Proof, verifyProof } from "../../shared/protocol/proof.ts";
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
  const alone: Proof = proof.kind === "webauthn" ? { proof } : { publicKey: proof.publicKey, signature: proof.signature };
  const key = accountOf(alone);
  if (!policy.keys.includes(key)) return refused("invalid_signature", "The proof is of no key of the account.");
  const proved = await verifyProof(alone, { ...claimed, account: key }, passkeyRules(env));
  if (proved.ok) return { ok: true, key };
  return refused("invalid_signature", `The proof does not count: ${proved.problem ?? "the key did not sign this"}.`);
}
