/** Pairing an agent's key with an owner's account at a desk: the place where both meet, and what the owner's proof must say. */

import * as z from "zod";
import { bytesToHex, randomBytes } from "../../shared/crypto/bytes.ts";
import { openPairingSchema, PAIRINGS_PATH, type PairingAnswer, pairingAnswerSchema } from "../../shared/desk/agent-api.ts";
import { pairingPlace } from "../../shared/desk/pairing-place.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { SignedPairing } from "../../shared/protocol/desk.ts";
import { isGenuinePairing } from "../records/pairings.ts";
import { isLocalDesk, originOf, PLAIN_DESK } from "../runtime/config.ts";
import type { Context } from "../runtime/context.ts";
import { DESK_ANSWER_SECONDS, DESK_WAIT_SECONDS } from "../runtime/limits.ts";
import { fail, type Failure, type Outcome, succeed, type Success } from "../runtime/outcome.ts";
import { callDesk, type DeskCaller, type DeskFailure } from "./client.ts";

const SECRET_BYTES = 16;

/** What an agent asks a desk for. */
export interface Wanted {
  desk: string;
  /** The agent's public key. */
  agent: string;
  /** 32 hex digits. */
  secret: string;
  /** The owner's, if the agent's operator named it. */
  account?: AccountId | undefined;
}

export function newSecret(): string {
  return bytesToHex(randomBytes(SECRET_BYTES));
}

/** The desk that was named, else the configured one. Plain http is for a local stack, or for what the owner has opened by name. */
export function deskOrigin(context: Context, given: string | undefined): Outcome<string> {
  const config = context.config();
  if (!config.ok) return config;
  const { desk: configured, egress, file } = config.data;
  if (given === undefined) {
    if (configured !== undefined) return succeed(configured);
    return fail("not_set_up", "No desk is configured.", {
      hint: `Name the owner's: --desk https://desk.example, or "desk" in ${file}.`,
    });
  }
  const origin = originOf(given);
  if (origin === undefined) return fail("usage", "--desk must be an origin, as in https://desk.example.");
  if (origin.startsWith("https:") || isLocalDesk(origin) || egress.loopback.includes(origin)) return succeed(origin);
  return fail("insecure_url", `${origin} ${PLAIN_DESK.why}.`, { hint: PLAIN_DESK.fix });
}

const placeOf = ({ secret }: Wanted) => `${PAIRINGS_PATH}${pairingPlace(secret)}`;

/** Opens the place where the owner's proof will be. */
export async function openPlace(context: Context, caller: DeskCaller, wanted: Wanted): Promise<Success<unknown> | DeskFailure> {
  const { agent, account } = wanted;
  const body = openPairingSchema.parse({ agent, ...(account !== undefined && { account }) });
  return callDesk(context, caller, { method: "PUT", path: placeOf(wanted), body, answer: pairingAnswerSchema });
}

/** Looks into it, for as long as the desk may hold the question open. */
export async function lookIntoPlace(context: Context, caller: DeskCaller, wanted: Wanted): Promise<Success<PairingAnswer> | DeskFailure> {
  return callDesk(context, caller, {
    method: "GET",
    path: `${placeOf(wanted)}?wait=${DESK_WAIT_SECONDS}`,
    answer: pairingAnswerSchema,
    timeoutSeconds: DESK_WAIT_SECONDS + DESK_ANSWER_SECONDS,
  });
}

/** Why the desk's answer is no proof of the pairing that was asked for; undefined if it is. */
export async function pairingObjection(signed: SignedPairing, { desk, agent, secret, account }: Wanted): Promise<Failure | undefined> {
  const { pairing } = signed;
  const left = "Nothing is paired on this machine.";
  if (pairing.desk !== desk) return differs(`The proof is for another desk: ${pairing.desk}. ${left}`);
  if (pairing.agent !== agent) return differs(`The proof is for another agent's key. ${left}`);
  if (pairing.secret !== secret) return differs(`The proof is for another pairing link. ${left}`);
  if (account !== undefined && pairing.account !== account) {
    return differs(`The account ${pairing.account} confirmed it, and --owner names ${account}. ${left}`);
  }
  if (!(await isGenuinePairing(signed))) return differs(`The account ${pairing.account} did not sign what the desk sent. ${left}`);
  return undefined;
}

function differs(message: string): Failure {
  return fail("pairing_differs", message, {
    hint: "Do not trust this desk before you know why. Ask its operator, then pair again.",
  });
}

/** Tells the desk that the pairing is over. */
export async function endPairing(context: Context, caller: DeskCaller, account: AccountId): Promise<Success<unknown> | DeskFailure> {
  return callDesk(context, caller, { method: "POST", path: `/agent/${account}/unpair`, body: {}, answer: z.unknown() });
}
