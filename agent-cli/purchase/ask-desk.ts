/**
 * Asks the owner at a hosted desk: the desk takes a signed request and hands back what its owner decided. Its answers go through the
 * checks of a decision from another machine, and only the paired account's count. The first decision wins, there or here.
 */

import * as z from "zod";
import type { Digest } from "../../shared/crypto/digest.ts";
import { AGENT_PATH, type Asked, askedSchema, handedReceiptSchema } from "../../shared/desk/agent-api.ts";
import type { SignedJws } from "../../shared/extensions/offer-receipt.ts";
import { BATCH_SETTLEMENT } from "../../shared/lez.ts";
import { checkShape } from "../../shared/text/json.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { callDesk, type DeskFailure } from "../hosted-desk/client.ts";
import { noteOver, noteSending, noteTaken } from "../records/desk-asks.ts";
import type { InboxItem } from "../records/inbox.ts";
import { type Context, warn } from "../runtime/context.ts";
import { DESK_ANSWER_SECONDS, DESK_ASIDE_SECONDS, DESK_WAIT_SECONDS } from "../runtime/limits.ts";
import { fail, type Failure, succeed, type Success } from "../runtime/outcome.ts";
import { importDecision, importPayment, importSession } from "./import-decision.ts";
import type { PairedDesk } from "./paired-desk.ts";
import type { AtDesk } from "./purchase.ts";

/** What the desk's word about a request comes to on this machine. */
export type DeskWord =
  | { kind: "pending" }
  /** It is filed in the inbox, as every decision is. */
  | { kind: "decided" }
  /** The desk decides nothing about it any more. */
  | { kind: "over" }
  /** No answer, or none that holds: it is asked again. */
  | { kind: "silent"; failure: Failure }
  /** The desk takes this call neither now nor later. */
  | { kind: "refused"; failure: Failure };

/** Sends the request. The same request again is no second one. */
export async function sendToDesk(context: Context, desk: PairedDesk, { digest, request, terms }: InboxItem): Promise<DeskWord> {
  const noted = noteSending(context, { requestDigest: digest, desk: desk.desk, account: desk.account });
  if (!noted.ok) return { kind: "refused", failure: noted };
  const send = (body: object) => callDesk(context, desk, { method: "POST", path: pathOf(desk), body, answer: askedSchema });
  const whole = await send({ request, ...(terms && { terms }) });
  // The 402 is a claim that the desk can do without.
  const sent = !whole.ok && terms && whole.error.code === "payload_too_large" ? await send({ request }) : whole;
  if (sent.ok) {
    const taken = noteTaken(context, digest, formatTimestamp(unixNow()));
    if (!taken.ok) return { kind: "refused", failure: taken };
  }
  return wordOf(context, desk, digest, sent);
}

/** Asks for the decision, for as long as the desk may hold the question open. */
export async function awaitDesk(context: Context, desk: PairedDesk, digest: Digest): Promise<DeskWord> {
  const asked = await callDesk(context, desk, {
    method: "GET",
    path: `${pathOf(desk, digest)}?wait=${DESK_WAIT_SECONDS}`,
    answer: askedSchema,
    timeoutSeconds: DESK_WAIT_SECONDS + DESK_ANSWER_SECONDS,
  });
  return wordOf(context, desk, digest, asked);
}

/** Tells the desk that the request was withdrawn. What its owner had approved there before is not taken. */
export async function cancelAtDesk(context: Context, desk: PairedDesk, digest: Digest): Promise<Success<Asked["state"]> | DeskFailure> {
  const told = await callDesk(context, desk, {
    method: "POST",
    path: `${pathOf(desk, digest)}/cancel`,
    body: {},
    answer: askedSchema,
    timeoutSeconds: DESK_ASIDE_SECONDS,
  });
  return told.ok ? succeed(told.data.state) : told;
}

/** Hands in what the merchant answered to a payment that was approved at this desk. */
export async function handInAtDesk(
  context: Context,
  desk: PairedDesk,
  digest: Digest,
  handed: { transaction: string; receipt: SignedJws | undefined },
): Promise<Success<unknown> | DeskFailure> {
  const body = checkShape({ transaction: handed.transaction, ...(handed.receipt && { receipt: handed.receipt }) }, handedReceiptSchema);
  // A merchant's words that no desk takes.
  if (!body.ok) return { ...fail("invalid_file", `The merchant's receipt cannot be handed in: ${body.problem}.`), silent: false };
  return callDesk(context, desk, {
    method: "POST",
    path: `${pathOf(desk, digest)}/receipt`,
    body: body.value,
    answer: z.unknown(),
    timeoutSeconds: DESK_ASIDE_SECONDS,
  });
}

/** Sends it once, and says where it is. A desk that does not answer is asked again when its decision is waited for. */
export async function askAtDesk(context: Context, desk: PairedDesk, item: InboxItem): Promise<{ word: DeskWord; at: AtDesk }> {
  const word = await sendToDesk(context, desk, item);
  const at: AtDesk = { origin: desk.desk, account: desk.account };
  if (!("failure" in word)) return { word, at };
  const { message } = word.failure.error;
  warn(context, `${message} The request waits in the inbox of this machine.`);
  return { word, at: { ...at, problem: message } };
}

function pathOf({ account }: PairedDesk, digest?: Digest): string {
  return `${AGENT_PATH}${account}/requests${digest === undefined ? "" : `/${digest}`}`;
}

async function wordOf(context: Context, desk: PairedDesk, digest: Digest, asked: Success<Asked> | DeskFailure): Promise<DeskWord> {
  const word = await readWord(context, desk, digest, asked);
  // Also of a refusal: a desk that ends a pairing takes back what it had of the agent.
  if (word.kind === "pending" || word.kind === "silent") return word;
  const noted = noteOver(context, digest);
  return noted.ok ? word : { kind: "refused", failure: noted };
}

async function readWord(context: Context, desk: PairedDesk, digest: Digest, asked: Success<Asked> | DeskFailure): Promise<DeskWord> {
  if (!asked.ok) return { kind: asked.silent ? "silent" : "refused", failure: asked };
  const { data } = asked;
  if (data.requestDigest !== digest) return untrue(`The desk at ${desk.desk} answered about another request.`);
  if (data.state === "pending") return { kind: "pending" };
  if (data.state === "cancelled" || data.state === "expired") return { kind: "over" };
  const what = `What the desk at ${desk.desk} sent`;
  const expected = { digest, account: desk.account };
  if (data.state !== "approved" && data.decision.decision.decision !== data.state)
    return untrue(`${what} is not the decision that it announced.`);
  const filed =
    data.state !== "approved"
      ? await importDecision(context, data.decision, what, expected)
      : data.payment.accepted.scheme === BATCH_SETTLEMENT
        ? await importSession(context, data.payment, what, expected)
        : await importPayment(context, data.payment, what, expected);
  return filed.ok ? { kind: "decided" } : { kind: "silent", failure: filed };
}

function untrue(message: string): DeskWord {
  return { kind: "silent", failure: fail("request_differs", `${message} Nothing was filed.`) };
}
