/** Signs for the account of a policy with keys that are at hand. */

import type { Digest } from "../crypto/digest.ts";
import { accountOfPolicy, type Policy } from "./policy.ts";
import type { MemberProof, ProofSigner } from "./proof.ts";
import type { WalletSigner } from "./signer.ts";

/** A member of a policy: its key, or what makes its passkey's proof. */
export type MemberSigner = WalletSigner | { readonly account: WalletSigner["account"]; prove(digest: Digest): Promise<MemberProof> };

/** @param members as many as what is signed asks for, each a key of the policy; in any order */
export function policySigner(policy: Policy, members: readonly MemberSigner[]): ProofSigner {
  const inOrder = policy.keys.flatMap((key) => members.filter(({ account }) => account === key));
  return {
    account: accountOfPolicy(policy),
    prove: async (digest) => ({ kind: "policy", policy, proofs: await Promise.all(inOrder.map((member) => memberProof(member, digest))) }),
  };
}

async function memberProof(member: MemberSigner, digest: Digest): Promise<MemberProof> {
  if ("prove" in member) return member.prove(digest);
  return { kind: "ed25519", publicKey: member.publicKey, signature: await member.sign(digest) };
}
