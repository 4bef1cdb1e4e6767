/** The owner's no: a Decision about a PaymentRequest. spec/protocol.md §7. */

import * as z from "zod/mini";
import { type Digest, digest, digestSchema } from "../crypto/digest.ts";
import { MAX_NOTE_LENGTH } from "../limits.ts";
import { humanText } from "../text/text.ts";
import { timestampSchema } from "../time.ts";
import { type AccountId, accountIdSchema } from "./account.ts";
import type { PasskeyRules } from "./passkey.ts";
import { accountOf, prove, type ProofSigner, type ProofVerdict, verifyProof, withProof } from "./proof.ts";

export const DECLINE_CODES = ["too_expensive", "wrong_payee", "not_needed", "unclear_reason", "duplicate", "policy", "other"] as const;

export const decisionSchema = z
  .strictObject({
    requestDigest: digestSchema,
    /** `declined`: never to be approved. `revoked`: approved once, cancelled before it was spent. */
    decision: z.enum(["declined", "revoked"]),
    code: z.enum(DECLINE_CODES),
    note: z.optional(humanText(MAX_NOTE_LENGTH)),
    decidedAt: timestampSchema,
    /** These three, if a proof is beside it: the key that is beside it otherwise says whose it is. */
    version: z.optional(z.literal("1")),
    /** The account that decides. */
    from: z.optional(accountIdSchema),
    ledger: z.optional(digestSchema),
  })
  .check(
    z.refine(
      ({ version, from, ledger }) => (version === undefined) === (from === undefined) && (from === undefined) === (ledger === undefined),
      "version, from and ledger go together",
    ),
  );
export type Decision = z.infer<typeof decisionSchema>;

export const signedDecisionSchema = withProof({ decision: decisionSchema, signed: z.literal(true) }).check(
  z.refine(({ decision, proof }) => (decision.from === undefined) === (proof === undefined), "from goes with proof, and with no key"),
);
export type SignedDecision = z.infer<typeof signedDecisionSchema>;

/** A decision as the agent gets it; unsigned if the owner's key was not at hand. */
export type DecisionRecord = SignedDecision | { decision: Decision; signed: false };

export function decisionDigest(decision: Decision): Digest {
  return digest("Decision", decision);
}

/** @param ledger the one that the request is to be paid on; required of an account that is no key's */
export async function recordDecision(decision: Decision, owner: ProofSigner, ledger?: Digest): Promise<SignedDecision>;
export async function recordDecision(decision: Decision, owner?: ProofSigner, ledger?: Digest): Promise<DecisionRecord>;
export async function recordDecision(decision: Decision, owner?: ProofSigner, ledger?: Digest): Promise<DecisionRecord> {
  if (!owner) return { decision, signed: false };
  if ("prove" in owner && ledger === undefined) throw new TypeError("a decision with a proof names its ledger");
  const full: Decision = "prove" in owner ? { ...decision, version: "1", from: owner.account, ledger } : decision;
  return { decision: full, signed: true, ...(await prove(decisionDigest(full), owner)) };
}

/** The account that decides: of the key, or the one that a decision with a proof names. */
export function deciderOf({ decision, ...record }: SignedDecision): AccountId {
  return decision.from ?? accountOf(record);
}

/** False only for a wrong signature; an unsigned record claims nothing. */
export async function isGenuineDecision(record: DecisionRecord, rules: PasskeyRules = {}): Promise<boolean> {
  return !record.signed || (await verifyDecision(record, rules)).ok;
}

/** Whether the account signed it that it is of. One key of a policy is enough. */
export async function verifyDecision(record: SignedDecision, rules: PasskeyRules): Promise<ProofVerdict> {
  const { decision, signed: _, ...proof } = record;
  return verifyProof(proof, { type: "Decision", digest: decisionDigest(decision), account: deciderOf(record) }, rules);
}
