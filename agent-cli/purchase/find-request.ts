/** Finds a request by its short code, id or digest, as commands print them. */

import { existsSync } from "node:fs";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { nameField } from "../command-line/fields.ts";
import { type InboxItem, look, requestsInInbox } from "../records/inbox.ts";
import { keptSessions } from "../records/sessions.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";

const meta = { positional: true, value: "request", description: "its short code, id or digest" };
export const requestField = nameField.meta(meta);
export const optionalRequestField = nameField.optional().meta(meta);

const CALL = "or the code or the commitment of a call in a session";
const tool = { takes: "text" as const, description: `${meta.description}; ${CALL}` };
/** For commands that also take a file, and a call in a session. */
export const requestOrFileField = nameField.meta({ ...meta, description: `${meta.description}, or its file; ${CALL}`, tool });
const payment = {
  positional: true,
  description: "the request's code, or the signed payment's file",
  tool: { ...tool, description: meta.description },
};
export const paymentField = nameField.meta(payment);
export const paymentOrCallField = nameField.meta({ ...payment, description: `${payment.description}; ${CALL}`, tool });

const CODE = /^[0-9A-HJKMNP-TV-Z]{4}-?[0-9A-HJKMNP-TV-Z]{4}$/i;
/** Of a call in a session: `<session>:<lane>:<serial>`. */
export const COMMITMENT = /^[0-9a-f]{64}:(?:0|[0-9a-f]{32}):[1-9][0-9]{0,15}$/;
const ID = /^pr_[0-9a-z]{16,40}$/;

/** Whether a word names a file and not a request. An existing file wins; over MCP no word is a file. */
export function namesFile({ downloads }: Context, word: string): boolean {
  return downloads === undefined && (existsSync(word) || !looksLikeRequest(word));
}

function looksLikeRequest(word: string): boolean {
  return CODE.test(word) || ID.test(word) || COMMITMENT.test(word) || digestSchema.safeParse(word).success;
}

/** Whether a word is a request's code or digest, written as commands print them. */
export function namesRequest(word: string): boolean {
  return CODE.test(word) || digestSchema.safeParse(word).success;
}

export async function findInInbox(context: Context, word: string): Promise<Outcome<InboxItem>> {
  const digests = requestsInInbox(context);
  if (!digests.ok) return digests;
  const found: InboxItem[] = [];
  for (const digest of digests.data) {
    if (!ID.test(word) && !names(word, digest)) continue;
    const item = await look(context, digest);
    // An unreadable request fails the command that names it, and hides no other.
    if (!item.ok && !names(word, digest)) continue;
    if (!item.ok) return item;
    if (item.data && (names(word, digest) || item.data.request.id === word)) found.push(item.data);
  }
  const [first, second] = found;
  if (!first) {
    return fail("request_not_found", `There is no request "${word}" in the inbox of this machine.`, {
      hint: ofSession(context, word) ?? "lez-agent-pay request list shows all of them.",
    });
  }
  return second ? fail("usage", `"${word}" names more than one request.`, { hint: "Use the digest." }) : succeed(first);
}

/** A call prints its session's code, and the calls have codes of their own. */
function ofSession(context: Context, word: string): string | undefined {
  const kept = keptSessions(context);
  const session = kept.ok ? kept.data.sessions.find(({ id }) => names(word, id)) : undefined;
  return session && `It is a session. lez-agent-pay session show ${session.shortCode} lists its calls: name one of them.`;
}

export function names(word: string, digest: Digest): boolean {
  return word === digest || word.toUpperCase().replace("-", "") === shortCode(digest).replace("-", "");
}
