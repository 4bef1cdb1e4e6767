/**
 * Who signed an object for an account: its key, its passkey, or as many keys of its policy as the policy asks for. One union of proofs,
 * one function that verifies them. spec/protocol.md §17.
 */

import * as z from "zod/mini";
import { hexToBytes, publicKeySchema, signatureSchema } from "../crypto/bytes.ts";
import type { Digest, DigestType } from "../crypto/digest.ts";
import { verifyDigest } from "../crypto/ed25519.ts";
import { MAX_POLICY_KEYS } from "../limits.ts";
import { type AccountId, accountOfKey } from "./account.ts";
import { accountOfAssertion, assertionProblem, passkeyProofSchema, type PasskeyRules } from "./passkey.ts";
import { accountOfPolicy, type Policy, policySchema } from "./policy.ts";
import type { WalletSigner } from "./signer.ts";

const keyMembers = { publicKey: publicKeySchema, signature: signatureSchema };

/** A member of a policy. It brings its key; the policy has the hash alone. */
export const memberProofSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("ed25519"), ...keyMembers }),
  passkeyProofSchema,
]);
export type MemberProof = z.infer<typeof memberProofSchema>;

const policyProofSchema = z.strictObject({
  kind: z.literal("policy"),
  policy: policySchema,
  /** In the order of the policy's keys, over the same digest. */
  proofs: z
    .array(memberProofSchema)
    .check(z.refine(({ length }) => length >= 1 && length <= MAX_POLICY_KEYS, `must have 1 to ${MAX_POLICY_KEYS} entries`)),
});
export type PolicyProof = z.infer<typeof policyProofSchema>;

/** The proof of every account but a key's, whose key and signature stand beside the object. */
export const accountProofSchema = z.discriminatedUnion("kind", [passkeyProofSchema, policyProofSchema]);
export type AccountProof = z.infer<typeof accountProofSchema>;

/** Of an account of any kind, beside the object: exactly one of key and signature, or `proof`. */
export type Proof = KeyProof | { proof: AccountProof; publicKey?: undefined; signature?: undefined };
export interface KeyProof {
  publicKey: string;
  signature: string;
  proof?: undefined;
}

/** What an account's holder signs. A mandate's agent signs some of it too, under its own key. */
export type OwnedType = Extract<
  DigestType,
  | "Authorization"
  | "Mandate"
  | "Session"
  | "Refund"
  | "Decision"
  | "Revocation"
  | "Withdrawal"
  | "BooksAccess"
  | "BooksRevocation"
  | "Login"
  | "Pairing"
  | "DeskSetting"
>;

/** Signed by any one key of a policy: what reads, and what takes a power back. Everything else needs the policy's threshold. */
const OF_ANY_MEMBER: ReadonlySet<OwnedType> = new Set([
  "Decision",
  "Revocation",
  "Withdrawal",
  "BooksAccess",
  "BooksRevocation",
  "Login",
  "Pairing",
  "DeskSetting",
]);

/** How many keys of the policy sign it together. */
export function signersOf(type: OwnedType, { threshold }: Policy): number {
  return OF_ANY_MEMBER.has(type) ? 1 : Number(threshold);
}

/** What a proof is said to prove. */
export interface Claimed {
  type: OwnedType;
  /** Of the object, by its type. */
  digest: Digest;
  /** Whose order it is. */
  account: AccountId;
}

/** `problem`: which rule the proof breaks; absent for a key's signature, which has one. */
export type ProofVerdict = { ok: true } | { ok: false; problem?: string };

/**
 * Whether what controls the account signed the digest: the one function for all that an owner signs. Never throws.
 * @param proof of the checked shape
 */
export async function verifyProof(proof: Proof, claimed: Claimed, rules: PasskeyRules = {}): Promise<ProofVerdict> {
  const { digest, account } = claimed;
  if (proof.proof === undefined) {
    const signed = accountOf(proof) === account && (await verifyDigest(proof.signature, digest, proof.publicKey));
    return signed ? { ok: true } : { ok: false };
  }
  if (accountOf(proof) !== account) return { ok: false, problem: "proof: is of another account" };
  return proof.proof.kind === "policy"
    ? verifyPolicy(proof.proof, claimed, rules)
    : verdictOf(await memberProblem(proof.proof, digest, rules));
}

async function verifyPolicy({ policy, proofs }: PolicyProof, { type, digest }: Claimed, rules: PasskeyRules): Promise<ProofVerdict> {
  const wanted = signersOf(type, policy);
  if (proofs.length !== wanted) return verdictOf(`proofs: has ${proofs.length}, and needs exactly ${wanted}`);
  let last = -1;
  for (const [i, proof] of proofs.entries()) {
    const place = policy.keys.indexOf(accountOfKind(proof));
    if (place < 0) return verdictOf(`proofs.${i}: is of no key of the policy`);
    if (place <= last) return verdictOf(`proofs.${i}: must be in the order of the keys, each at most once`);
    last = place;
  }
  for (const [i, proof] of proofs.entries()) {
    const problem = await memberProblem(proof, digest, rules);
    if (problem !== undefined) return verdictOf(`proofs.${i}.${problem}`);
  }
  return { ok: true };
}

/** The account that a proof speaks for, whether or not it proves anything. */
export function accountOf(proof: Proof): AccountId {
  return proof.proof === undefined ? accountOfKey(hexToBytes(proof.publicKey)) : accountOfKind(proof.proof);
}

/** By the derivation of its kind, and no other. */
function accountOfKind(proof: AccountProof | MemberProof): AccountId {
  if (proof.kind === "policy") return accountOfPolicy(proof.policy);
  return proof.kind === "webauthn" ? accountOfAssertion(proof) : accountOfKey(hexToBytes(proof.publicKey));
}

/** Whether a key signed the digest, whosever key it is. */
export async function isSignedByKey({ publicKey, signature }: Proof, digest: Digest): Promise<boolean> {
  return publicKey !== undefined && verifyDigest(signature, digest, publicKey);
}

/** Whether a key is one of the policy that this proof shows. An agent's key must be none: it would spend without a mandate. */
export function isKeyOfPolicy(publicKey: string, { proof }: Proof): boolean {
  return proof?.kind === "policy" && proof.policy.keys.includes(accountOfKey(hexToBytes(publicKey)));
}

async function memberProblem(proof: MemberProof, digest: Digest, rules: PasskeyRules): Promise<string | undefined> {
  if (proof.kind === "webauthn") return assertionProblem(proof, digest, rules);
  return (await verifyDigest(proof.signature, digest, proof.publicKey)) ? undefined : "signature: the key did not sign this";
}

function verdictOf(problem: string | undefined): ProofVerdict {
  return problem === undefined ? { ok: true } : { ok: false, problem: `proof.${problem}` };
}

/** Members of an object that carries a proof. `eitherProof` makes them one. */
export const proofMembers = {
  publicKey: z.optional(publicKeySchema),
  signature: z.optional(signatureSchema),
  proof: z.optional(accountProofSchema),
};

/** The schema of an object together with its proof, and nothing else. */
export function withProof<Shape extends z.core.$ZodShape>(shape: Shape) {
  return eitherProof<z.infer<z.ZodMiniObject<Shape, z.core.$strict>>>(z.strictObject({ ...shape, ...proofMembers }));
}

/** The same of a payload, which is open for members of other readers. */
export function payloadWithProof<Shape extends z.core.$ZodShape>(shape: Shape) {
  return eitherProof<z.infer<z.ZodMiniObject<Shape, z.core.$loose>>>(z.looseObject({ ...shape, ...proofMembers }));
}

/**
 * An object with `proofMembers` whose type says that it has exactly one proof, as its check does. Not a union of two objects: a problem of
 * any member would be one of two.
 */
export function eitherProof<Rest>(object: z.ZodMiniObject<typeof proofMembers & z.core.$ZodLooseShape, z.core.$ZodObjectConfig>) {
  return object.check(hasOneProof) as unknown as z.ZodMiniType<Rest & Proof> & { _zod: { propValues: z.core.util.PropValues } };
}

/** Names the member that is missing, or too much. */
const hasOneProof = z.check<Partial<Record<keyof Proof, unknown>>>(({ value, issues }) => {
  const complain = (member: keyof Proof, message: string) => issues.push({ code: "custom", path: [member], message, input: value });
  const { publicKey, signature, proof } = value;
  if (proof !== undefined) {
    if (publicKey !== undefined || signature !== undefined) complain("proof", "stands alone, without publicKey and signature");
  } else if (publicKey === undefined) complain("publicKey", "is missing, and so is proof");
  else if (signature === undefined) complain("signature", "is missing");
});

/** Signs for an account of any kind: the key of one, or whatever makes its proof. */
export type ProofSigner = WalletSigner | { readonly account: AccountId; prove(digest: Digest): Promise<AccountProof> };

export async function prove(digest: Digest, signer: WalletSigner): Promise<KeyProof>;
export async function prove(digest: Digest, signer: ProofSigner): Promise<Proof>;
export async function prove(digest: Digest, signer: ProofSigner): Promise<Proof> {
  if ("prove" in signer) return { proof: await signer.prove(digest) };
  return { publicKey: signer.publicKey, signature: await signer.sign(digest) };
}
