/** Asks the ledger which claim paid a call of a session, and checks what it says: the claim is its payee's, of this session, and covers it. */

import * as z from "zod";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { evidenceEntrySchema, signedCheckpointSchema } from "../../shared/evidence/entry-schema.ts";
import type { Evidence } from "../../shared/evidence/evidence.ts";
import { NETWORK } from "../../shared/lez.ts";
import { type Amount, amountSchema, chargeSchema } from "../../shared/protocol/amount.ts";
import { claimDigest, claimTransaction, isGenuineClaim, type SignedClaim, signedClaimSchema } from "../../shared/protocol/claim.ts";
import { sessionId, type SignedSession } from "../../shared/protocol/session.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { callFacilitator, type FacilitatorInput, secondsSchema } from "./client.ts";
import { otherLedger } from "./other-ledger.ts";

const answerSchema = z.looseObject({
  ledger: digestSchema,
  claimed: z.optional(chargeSchema),
  claim: z.optional(digestSchema),
  transaction: z.optional(digestSchema),
  value: z.optional(amountSchema),
  at: secondsSchema.optional(),
  signed: z.optional(signedClaimSchema),
  entry: z.optional(evidenceEntrySchema),
  checkpoint: z.optional(signedCheckpointSchema.shape.checkpoint),
  publicKey: z.optional(signedCheckpointSchema.shape.publicKey),
  signature: z.optional(signedCheckpointSchema.shape.signature),
});

export interface CallPayment {
  /** All that was claimed of the call's lane, in atomic units. */
  claimed: string;
  /** The first claim that reached the call. Absent before there is one. */
  claim?: {
    transaction: string;
    /** Unix seconds. */
    at: number;
    /** Absent if the ledger did not keep it, or if what it says is not the payee's claim of this call. */
    signed?: SignedClaim;
    /** Why not. */
    doubt?: string;
  };
  /** Absent if the ledger signs no checkpoints, or has pruned the entry. */
  book?: NonNullable<Evidence["ledger"]>;
}

/** @param reach what the lane had been charged once the call was served, in atomic units */
export async function askCallPayment(
  context: Context,
  input: FacilitatorInput,
  session: SignedSession,
  { lane, reach }: { lane: string; reach: Amount },
): Promise<Outcome<CallPayment>> {
  const body = { session, lane, amount: reach };
  const answer = await callFacilitator(context, input, { path: "/sessions/entry", body, answer: answerSchema });
  if (!answer.ok) {
    return answer.error.code === "not_found"
      ? fail("unsupported", "This facilitator cannot say which claim paid a call.", { hint: "Its operator can update it." })
      : answer;
  }
  const { ledger, claimed = "0", claim, transaction, at, signed, entry, checkpoint, publicKey, signature } = answer.data;
  const other = otherLedger(ledger, session.channelConfig.ledger);
  if (other) return fail("unsupported", `Nothing is known of the call: ${other}.`);
  if (claim === undefined || transaction === undefined || at === undefined) return succeed({ claimed });
  const doubt = await doubtOf(session, { lane, reach }, { transaction, signed });
  const book =
    entry && checkpoint && publicKey !== undefined && signature !== undefined
      ? { entries: [entry], checkpoint: { checkpoint, publicKey, signature } }
      : undefined;
  return succeed({
    claimed,
    claim: { transaction, at, ...(doubt === undefined ? signed && { signed } : { doubt }) },
    ...(book && doubt === undefined && { book }),
  });
}

/** Why the claim that the facilitator shows does not prove that the call was paid; undefined if it does. */
async function doubtOf(
  { channelConfig: session }: SignedSession,
  { lane, reach }: { lane: string; reach: Amount },
  { transaction, signed }: { transaction: string; signed: SignedClaim | undefined },
): Promise<string | undefined> {
  if (!signed) return "the ledger did not keep the claim as it was signed";
  const { claim, signature } = signed;
  if (claim.session !== sessionId(session) || claim.ledger !== session.ledger) return "the claim that it shows is of another session";
  if (!(await isGenuineClaim(claim, signature, session.receiver))) return "the claim that it shows was not signed by the payee";
  if (claimTransaction(NETWORK, claim) !== transaction) return `the claim that it shows, ${claimDigest(claim)}, has another transaction`;
  const entry = claim.lanes.find((each) => each.lane === lane);
  return entry && BigInt(entry.amount) >= BigInt(reach) ? undefined : "the claim that it shows does not reach this call";
}
