/** Where a session stands, by the ledger that holds its deposit: the only word about it that is proof. And the way to end it there. */

import * as z from "zod";
import { canonicalJson, type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { NETWORK } from "../../shared/lez.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { chargeSchema } from "../../shared/protocol/amount.ts";
import { type Session, sessionId, sessionSchema } from "../../shared/protocol/session.ts";
import type { SignedWithdrawal } from "../../shared/protocol/withdrawal.ts";
import type { Context } from "../runtime/context.ts";
import { BALANCE_TIMEOUT_SECONDS } from "../runtime/limits.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { callFacilitator, type FacilitatorInput, secondsSchema } from "./client.ts";
import { otherLedger } from "./other-ledger.ts";

const claimSchema = z.looseObject({
  claim: digestSchema,
  transaction: digestSchema,
  entry: z.int().nonnegative(),
  value: chargeSchema,
  at: secondsSchema,
});
export type ClaimSeen = z.infer<typeof claimSchema>;

const answerSchema = z.looseObject({
  ledger: digestSchema,
  status: z.enum(["unknown", "open", "closing", "closed"]),
  channelConfig: z.optional(sessionSchema),
  claimed: z.optional(chargeSchema),
  closesAt: secondsSchema.optional(),
  claims: z.array(claimSchema).optional(),
});

export interface SessionStanding {
  status: "open" | "closing" | "closed";
  session: Session;
  /** Atomic units. */
  claimed: string;
  /** Unix seconds: the last in which a claim is paid; of a closed session when it was closed. */
  closesAt: number | undefined;
  /** The newest first, as far as the ledger lists them. */
  claims: ClaimSeen[];
}

/**
 * @param session what this machine knows of it; absent: the ledger's own copy is read
 * @returns undefined if the ledger does not know it
 */
export async function askSession(
  context: Context,
  input: FacilitatorInput,
  { id, from }: { id: Digest; from: AccountId },
  session?: Session,
): Promise<Outcome<SessionStanding | undefined>> {
  const path = `/sessions/${encodeURIComponent(NETWORK)}/${from}/${id}`;
  const answer = await callFacilitator(context, input, { path, answer: answerSchema, timeoutSeconds: BALANCE_TIMEOUT_SECONDS });
  if (!answer.ok) return answer;
  const { status, channelConfig, ledger, claimed = "0", closesAt, claims = [] } = answer.data;
  const other = otherLedger(ledger, session?.ledger);
  if (other) return fail("unsupported", `Nothing is known of the session: ${other}.`);
  if (status === "unknown") return succeed(undefined);
  const theirs = channelConfig && sessionId(channelConfig) === id ? channelConfig : undefined;
  if (channelConfig && (!theirs || (session && canonicalJson({ ...session }) !== canonicalJson({ ...theirs }))))
    return fail("receipt_differs", "The facilitator names another session under this id.");
  const own = session ?? theirs;
  if (!own || own.ledger !== ledger) return fail("network", "The facilitator does not say what was signed for this session.");
  if (BigInt(claimed) > BigInt(own.deposit))
    return fail("receipt_differs", `The facilitator says that ${claimed} units were claimed, of a deposit of ${own.deposit}.`);
  return succeed({ status, session: own, claimed, closesAt, claims });
}

const withdrawnSchema = z.looseObject({ success: z.literal(true), id: digestSchema });

/** Asks the ledger for the rest of a session. The same again changes nothing. */
export async function sendWithdrawal(context: Context, input: FacilitatorInput, signed: SignedWithdrawal): Promise<Outcome<undefined>> {
  const answer = await callFacilitator(context, input, { path: "/sessions/withdraw", body: signed, answer: withdrawnSchema });
  if (!answer.ok) return answer;
  if (answer.data.id === signed.withdrawal.session) return succeed(undefined);
  return fail("receipt_differs", "The facilitator's answer is about another session.");
}
