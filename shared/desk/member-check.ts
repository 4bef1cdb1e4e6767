/** One key of several: whether it belongs to a policy, and has signed. The desk asks it of a call, an owner's tool of what a desk hands out. */

import type { AccountId } from "../protocol/account.ts";
import type { PasskeyRules } from "../protocol/passkey.ts";
import type { Policy } from "../protocol/policy.ts";
import { accountOf, type Claimed, type MemberProof, type Proof, verifyProof } from "../protocol/proof.ts";

/** `key`: the account of the key. `problem` is a sentence without its full stop. */
export type MemberCheck = { ok: true; key: AccountId } | { ok: false; problem: string };

/** Whether a key of the policy has signed this. Never throws. */
export async function checkMember(
  policy: Policy,
  proof: MemberProof,
  claimed: Pick<Claimed, "type" | "digest">,
  rules: PasskeyRules,
): Promise<MemberCheck> {
  const alone: Proof = proof.kind === "webauthn" ? { proof } : { publicKey: proof.publicKey, signature: proof.signature };
  const key = accountOf(alone);
  if (!policy.keys.includes(key)) return { ok: false, problem: "The proof is of no key of the account" };
  const proved = await verifyProof(alone, { ...claimed, account: key }, rules);
  return proved.ok
    ? { ok: true, key }
    : { ok: false, problem: `The proof does not count: ${proved.problem ?? "the key did not sign this"}` };
}
