/** The owner's no: a Decision about a PaymentRequest. spec/protocol.md §7. */

import * as z from "zod/mini";
import { publicKeySchema, signatureSchema } from "../crypto/bytes.ts";
import { type Digest, digest, digestSchema } from "../crypto/digest.ts";
import { verifyDigest } from "../crypto/ed25519.ts";
import { MAX_NOTE_LENGTH } from "../limits.ts";
import { humanText } from "../text/text.ts";
import { timestampSchema } from "../time.ts";
import type { WalletSigner } from "./signer.ts";

export const DECLINE_CODES = ["too_expensive", "wrong_payee", "not_needed", "unclear_reason", "duplicate", "policy", "other"] as const;

export const decisionSchema = z.strictObject({
  requestDigest: digestSchema,
  /** `declined`: never to be approved. `revoked`: approved once, cancelled before it was spent. */
  decision: z.enum(["declined", "revoked"]),
  code: z.enum(DECLINE_CODES),
  note: z.optional(humanText(MAX_NOTE_LENGTH)),
  decidedAt: timestampSchema,
});
export type Decision = z.infer<typeof decisionSchema>;

export const signedDecisionSchema = z.strictObject({
  decision: decisionSchema,
  signed: z.literal(true),
  publicKey: publicKeySchema,
  signature: signatureSchema,
});
export type SignedDecision = z.infer<typeof signedDecisionSchema>;

/** A decision as the agent gets it; unsigned if the owner's key was not at hand. */
export type DecisionRecord = SignedDecision | { decision: Decision; signed: false };

export function decisionDigest(decision: Decision): Digest {
  return digest("Decision", decision);
}

export async function recordDecision(decision: Decision, owner: WalletSigner): Promise<SignedDecision>;
export async function recordDecision(decision: Decision, owner?: WalletSigner): Promise<DecisionRecord>;
export async function recordDecision(decision: Decision, owner?: WalletSigner): Promise<DecisionRecord> {
  if (!owner) return { decision, signed: false };
  return { decision, signed: true, publicKey: owner.publicKey, signature: await owner.sign(decisionDigest(decision)) };
}

/** False only for a wrong signature; an unsigned record claims nothing. */
export async function isGenuineDecision(record: DecisionRecord): Promise<boolean> {
  return !record.signed || verifyDigest(record.signature, decisionDigest(record.decision), record.publicKey);
}
