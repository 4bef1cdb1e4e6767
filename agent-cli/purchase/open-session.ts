/**
 * Opens the session that a PaymentRequest asks for: within a mandate or by the owner's approval, with the first voucher in the same
 * request. Killed anywhere and run again, it presents the same session again, which sets its deposit aside once.
 */

import { canonicalJson, type Digest } from "../../shared/crypto/digest.ts";
import { FACILITATOR_DECIDES } from "../../shared/protocol/passkey.ts";
import { checkSessionRequest, shortCode } from "../../shared/protocol/payment-request.ts";
import { verifyProof } from "../../shared/protocol/proof.ts";
import { sessionFor } from "../../shared/protocol/session-approval.ts";
import { sessionId, type SignedSession } from "../../shared/protocol/session.ts";
import { FIRST_LANE } from "../../shared/protocol/voucher.ts";
import { formatTimestamp, parseTimestamp, unixNow } from "../../shared/time.ts";
import { askSession } from "../facilitator/session-status.ts";
import { httpRequest } from "../merchant/curl-request.ts";
import { checkAudit, record } from "../records/audit-log.ts";
import { findRequest } from "../records/request-store.ts";
import { beginSession } from "../records/session-calls.ts";
import { changeSession, type KeptSession, sessionRecord } from "../records/sessions.ts";
import type { Context } from "../runtime/context.ts";
import type { HttpRequest } from "../runtime/exchange.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { fail, type Failure, type Outcome, refuse, succeed } from "../runtime/outcome.ts";
import { type Agent, openAgent } from "./create-request.ts";
import type { Bought, FlowInput, Underway } from "./flow.ts";
import { neverPaid, type PurchaseOutcome } from "./payment-outcome.ts";
import { approvedSession, type Purchase } from "./purchase.ts";
import { requestRefused } from "./refusals.ts";
import { callInSession, newCall, present } from "./session-call.ts";
import { offerToKnow } from "./session-offers.ts";

/** The session as its owner approved it, checked against the request. */
export async function sessionToOpen({
  digest,
  request,
  payment,
}: Pick<Purchase, "digest" | "request" | "payment">): Promise<Outcome<SignedSession>> {
  const signed = payment && approvedSession(payment);
  if (!signed) return fail("request_not_found", `The owner's approval of ${shortCode(digest)} is not on this machine.`);
  const { channelConfig: session, ...proof } = signed;
  // Only the owner's clock and account are not in the request. A shorter life is the owner's to choose.
  const made = Number(session.validAfter);
  const checked = await checkSessionRequest(request, Math.min(made, Math.floor(parseTimestamp(request.expiresAt) ?? 0)));
  if (!checked.ok) return requestRefused(checked);
  const expected = sessionFor(request, checked, session.from, made, Number(session.expiresAt));
  if (canonicalJson({ ...expected }) !== canonicalJson({ ...session }))
    return fail("request_differs", "The session that was approved is not the one of the request. Nothing was sent.", {
      hint: "Let the agent make a new request.",
    });
  const proved = await verifyProof(proof, { type: "Session", digest: sessionId(session), account: session.from }, FACILITATOR_DECIDES);
  if (!proved.ok) return refuse("invalid_signature", EXIT.differs, "The session was not signed by its account. Nothing was sent.");
  return succeed(signed);
}

/** Presents a signed session with the first voucher of it. */
export async function openSession(
  context: Context,
  input: FlowInput,
  { digest }: Pick<Purchase, "digest">,
  signed: SignedSession,
): Promise<PurchaseOutcome<Bought>> {
  const recordable = checkAudit(context);
  if (!recordable.ok) return recordable;
  const agent = await openAgent(context, input.agentFile);
  if (!agent.ok) return agent;
  const asked = await requestOf(context, input, digest);
  if (!asked.ok) return asked;
  const { http, offer } = asked.data;
  const known = offerToKnow(http, offer, asked.data.required);
  if (!known.ok) return known;
  const id = sessionId(signed.channelConfig);
  const now = formatTimestamp(unixNow());
  const began = await beginSession(
    context,
    { signed, state: "opening", changedAt: now, lane: FIRST_LANE, lanes: [], calls: [], offers: [known.data] },
    newCall(context, http, offer),
    offer.extra?.["binding"] as Digest | undefined,
    agent.data.signer,
  );
  if (!began.ok) return began;
  const noted = await record(context, "session_signed", factsOfSession(signed));
  if (!noted.ok) return noted;
  return presentFirst(context, input, http, id, agent.data);
}

/** Presents a session again that was presented before, without an answer. */
export async function openAgain(context: Context, input: FlowInput, purchase: Purchase): Promise<PurchaseOutcome<Bought>> {
  const { session, digest } = purchase;
  if (!session) return fail("internal", "This session is in an impossible state.");
  const agent = await openAgent(context, input.agentFile);
  if (!agent.ok) return agent;
  const asked = await requestOf(context, input, digest);
  if (!asked.ok) return asked;
  if (Number(session.signed.channelConfig.validBefore) >= unixNow())
    return presentFirst(context, input, asked.data.http, session.id, agent.data);
  return askOpened(context, input, session);
}

/** Too late to be opened: the ledger knows whether it was. */
async function askOpened(context: Context, input: FlowInput, session: KeptSession): Promise<PurchaseOutcome<Bought>> {
  const { channelConfig } = session.signed;
  const standing = await askSession(context, input, { id: session.id, from: channelConfig.from }, channelConfig);
  if (!standing.ok && standing.exit === EXIT.interrupted) return standing;
  const hint = "No money is lost: what is not claimed is the payer's again when the session ends.";
  if (!standing.ok)
    return fail("outcome_unknown", `It is unknown whether session ${session.shortCode} is open: ${standing.error.message}`, { hint });
  const isKnown = standing.data !== undefined;
  const noted = await conclude(context, session.id, isKnown ? "open" : "refused", isKnown ? undefined : "payment_expired");
  if (!noted.ok) return noted;
  if (!isKnown) return neverPaid(fail("payment_expired", `Session ${session.shortCode} was never opened, and nothing was set aside.`));
  return fail("outcome_unknown", `Session ${session.shortCode} is open, and its first answer never arrived.`, {
    hint: "Run the command with --again: it makes the next call in the session.",
  });
}

async function presentFirst(
  context: Context,
  input: FlowInput,
  http: HttpRequest,
  id: Digest,
  agent: Agent,
): Promise<PurchaseOutcome<Bought>> {
  const kept = sessionRecord(context, id);
  if (!kept.ok) return kept;
  const [call] = kept.data?.calls ?? [];
  // Another process has ended the first call meanwhile.
  if (!kept.data || !call) return lost(id);
  const went = await present(context, { ...input, again: false }, { http, session: kept.data, agent }, call);
  const after = sessionRecord(context, id);
  if (after.ok && after.data && after.data.state !== "opening") {
    const event = after.data.state === "refused" ? "session_refused" : "session_opened";
    const more = after.data.code === undefined ? {} : { code: after.data.code };
    const noted = await record(context, event, { ...factsOfSession(kept.data.signed), ...more });
    if (!noted.ok) return noted;
  }
  return went.kind === "bought" ? went.outcome : lost(id);
}

function lost(id: Digest): Failure {
  return fail("busy", `Another lez-agent-pay has just presented session ${shortCode(id)}.`, { hint: "Run the same command again." });
}

/** The next call in a session that its request has opened. */
export async function callAgain(context: Context, input: FlowInput, purchase: Underway): Promise<PurchaseOutcome<Bought>> {
  const { session, digest } = purchase;
  if (!session) return fail("internal", "This session is in an impossible state.");
  if (session.state !== "open")
    return neverPaid(fail("request_expired", `Session ${session.shortCode} is over.`, { hint: "Fetch the URL again without --resume." }));
  const agent = await openAgent(context, input.agentFile);
  if (!agent.ok) return agent;
  const asked = await requestOf(context, input, digest);
  if (!asked.ok) return asked;
  const went = await callInSession(context, { ...input, again: false }, asked.data.http, session, agent.data);
  if (went.kind === "bought") return went.outcome;
  const why = went.kind === "free" ? "the merchant wants no money for it now" : went.why;
  return neverPaid(fail("request_expired", `Session ${session.shortCode} does not pay this: ${why}.`));
}

/** The HTTP request of a stored PaymentRequest, and the offer that it accepts. */
async function requestOf(context: Context, { allowHttp }: FlowInput, digest: Digest) {
  const stored = findRequest(context, digest);
  if (!stored.ok) return stored;
  const { request, headers, body, required } = stored.data;
  const checked = await checkSessionRequest(request, parseTimestamp(request.createdAt) ?? 0);
  if (!checked.ok) return requestRefused(checked);
  const http = await httpRequest(context, { allowHttp, url: request.http.url, method: request.http.method });
  if (!http.ok) return http;
  const whole: HttpRequest = { ...http.data, headers: [...headers, ...http.data.headers], ...(body.length > 0 && { body }) };
  return succeed({ http: whole, offer: checked.offer, required });
}

/** What the ledger said of a session that was to be opened. */
function conclude(context: Context, id: Digest, state: "open" | "refused", code?: string): Promise<Outcome<undefined>> {
  return changeSession(context, id, (before) => {
    if (!before) return fail("session_not_found", `The record of session ${id} has gone.`);
    const after = { ...before, state, changedAt: formatTimestamp(unixNow()), ...(code !== undefined && { code }) };
    return succeed({ after, result: undefined });
  });
}

/** A session's facts in the audit log. */
export function factsOfSession({ channelConfig: session }: Pick<SignedSession, "channelConfig">): Record<string, string> {
  const { from, to, signer, deposit, asset, network, ledger, origin, expiresAt, withdrawDelay, requestDigest, mandate } = session;
  return {
    session: sessionId(session),
    ...(requestDigest && { requestDigest }),
    from,
    payTo: to,
    agentKey: signer,
    deposit,
    asset,
    network,
    ledger,
    origin,
    expiresAt,
    withdrawDelay,
    ...(mandate && { mandate }),
  };
}
