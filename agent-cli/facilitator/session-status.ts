/** Where a session stands, by the ledger that holds its deposit: the only word about it that is proof. */

import * as z from "zod";
import { canonicalJson, type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { NETWORK } from "../../shared/lez.ts";
import { MAX_SESSION_CONFIG_BYTES } from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { chargeSchema } from "../../shared/protocol/amount.ts";
import { type Session, sessionId, sessionSchema } from "../../shared/protocol/session.ts";
import { parseJson } from "../../shared/text/json.ts";
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

const answerSchema = z.looseObject({
  ledger: z.optional(digestSchema),
  status: z.enum(["unknown", "open", "closing", "closed"]),
  config: z.string().optional(),
  claimed: z.optional(chargeSchema),
  closesAt: secondsSchema.optional(),
  withdrawRequestedAt: secondsSchema.optional(),
  lanes: z.array(z.looseObject({ lane: z.string(), claimed: chargeSchema })).optional(),
  claims: z.array(claimSchema).optional(),
});

export type SessionStanding =
  | { status: "unknown" }
  | {
      status: "open" | "closing" | "closed";
      /** By the ledger's own copy, which has this id. */
      session: Session;
      claimed: string;
      /** Unix seconds: the last in which a claim is paid; of a closed session when it was closed. */
      closesAt: number | undefined;
      lanes: { lane: string; claimed: string }[];
      /** The newest first, as far as the ledger lists them. */
      claims: z.infer<typeof claimSchema>[];
    };

/** @param session what this machine knows of it; absent: the ledger's own copy is read */
export async function askSession(
  context: Context,
  input: FacilitatorInput,
  { id, from }: { id: Digest; from: AccountId },
  session?: Session,
): Promise<Outcome<SessionStanding>> {
  const path = `/sessions/${encodeURIComponent(NETWORK)}/${from}/${id}`;
  const answer = await callFacilitator(context, input, { path, answer: answerSchema, timeoutSeconds: BALANCE_TIMEOUT_SECONDS });
  if (!answer.ok) return answer;
  const { status, config, ledger, claimed = "0", closesAt, lanes = [], claims = [] } = answer.data;
  const other = ledger === undefined ? undefined : otherLedger(ledger, session?.ledger);
  if (other) return fail("unsupported", `Nothing is known of the session: ${other}.`);
  if (status === "unknown") return succeed({ status });
  const own = session ?? sessionOf(config, id);
  if (!own) return fail("network", "The facilitator does not say what was signed for this session.");
  if (config !== undefined && session && config !== canonicalJson(session))
    return fail("receipt_differs", "The ledger has another session under this id.");
  if (BigInt(claimed) > BigInt(own.deposit))
    return fail("receipt_differs", `The facilitator says that ${claimed} units were claimed, of a deposit of ${own.deposit}.`);
  return succeed({ status, session: own, claimed, closesAt, lanes, claims });
}

/** The ledger's copy, if it hashes to the id. */
function sessionOf(config: string | undefined, id: Digest): Session | undefined {
  const parsed = config === undefined ? undefined : parseJson(config, MAX_SESSION_CONFIG_BYTES, sessionSchema);
  return parsed?.ok && sessionId(parsed.value) === id ? parsed.value : undefined;
}
