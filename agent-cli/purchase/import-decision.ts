/** An owner's decision from another machine: checked against the request that it is about, then filed as on one machine. */

import { canonicalJson, type Digest } from "../../shared/crypto/digest.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { approvalNonce } from "../../shared/protocol/authorization.ts";
import { deciderOf, type DecisionRecord, isGenuineDecision } from "../../shared/protocol/decision.ts";
import { FACILITATOR_DECIDES } from "../../shared/protocol/passkey.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import { appendEntry } from "../records/audit-log.ts";
import { type InboxItem, look, put } from "../records/inbox.ts";
import { authorizationOf } from "../records/payment-journal.ts";
import type { Context } from "../runtime/context.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";
import { paymentDifference } from "./approved-request.ts";
import { sessionToOpen } from "./open-session.ts";
import { approvedSession } from "./purchase.ts";
import { checkPayment } from "./send-payment.ts";

export interface Imported {
  item: InboxItem;
  decision: "approved" | "declined" | "revoked";
  /** It was filed before. */
  already: boolean;
}

/** What a decision must be, where it is known before it is read: about this request, and of this account. */
export interface Expected {
  digest: Digest;
  account: AccountId;
}

export async function importPayment(
  context: Context,
  payload: PaymentPayload,
  what: string,
  expected?: Expected,
): Promise<Outcome<Imported>> {
  const payment = await checkPayment(payload, what, () => false);
  if (!payment.ok) return payment;
  const { authorization } = payment.data;
  const { requestDigest: digest, from, nonce } = authorization;
  if (digest === undefined) return fail("request_differs", `${what} was not signed for a request. ${UNFILED}`);
  if (nonce !== approvalNonce(from, digest)) {
    return fail(
      "request_differs",
      `${what} does not have the nonce of this request, so it could be paid beside another approval. ${UNFILED}`,
    );
  }
  const other = unexpected(what, { digest, account: from }, expected);
  return other ?? fileApproval(context, payload, { digest, from }, async ({ request }) => paymentDifference(request, payment.data));
}

/** The approval of a session: what `approve` wrote for a request that asks for one. */
export async function importSession(
  context: Context,
  payload: PaymentPayload,
  what: string,
  expected?: Expected,
): Promise<Outcome<Imported>> {
  const session = approvedSession(payload)?.channelConfig;
  if (!session) return fail("invalid_file", `${what} is not the approval of a session: its payload is none.`);
  const { requestDigest: digest, from, validBefore } = session;
  if (digest === undefined) return fail("request_differs", `${what} was not signed for a request. ${UNFILED}`);
  const other = unexpected(what, { digest, account: from }, expected);
  if (other) return other;
  if (Number(validBefore) < unixNow()) {
    return fail("payment_expired", `The approval of this session expired at ${formatTimestamp(Number(validBefore))}. ${UNFILED}`, {
      hint: "Ask the owner for a new approval.",
    });
  }
  return fileApproval(context, payload, { digest, from }, async (item) => {
    if (canonicalJson(payload.accepted) !== item.request.payment.offer)
      return fail("request_differs", `${what} accepts other terms than the request. ${UNFILED}`);
    const checked = await sessionToOpen({ ...item, payment: payload });
    return checked.ok ? undefined : checked;
  });
}

/** @param objection to an approval of this request, if it is not one */
function fileApproval(
  context: Context,
  payload: PaymentPayload,
  { digest, from }: { digest: Digest; from: AccountId },
  objection: (item: InboxItem) => Promise<Failure | undefined>,
): Promise<Outcome<Imported>> {
  return exclusively(context, async () => {
    const item = await itemOf(context, digest);
    if (!item.ok) return item;
    const { payment: before } = item.data;
    const refused = (await objection(item.data)) ?? decidedBefore(item.data);
    if (refused) return refused;
    if (before && canonicalJson(before.payload) === canonicalJson(payload.payload)) return done(item.data, "approved", true);
    if (before && payerOf(before) !== from) {
      return fail(
        "decided_meanwhile",
        `Request ${shortCode(digest)} has a payment of another account already: each of the two could be paid. ${UNFILED}`,
      );
    }
    const noted = appendEntry(context, "imported", { requestDigest: digest, decision: "approved", from });
    if (!noted.ok) return noted;
    const filed = put(context, digest, "payment", payload);
    return filed.ok ? done(item.data, "approved", false) : filed;
  });
}

/** An unsigned refusal names no account. It is believed: its bearer could withhold an approval just as well. */
export async function importDecision(
  context: Context,
  record: DecisionRecord,
  what: string,
  expected?: Expected,
): Promise<Outcome<Imported>> {
  const { requestDigest: digest, decision, code } = record.decision;
  const other = unexpected(what, { digest, account: record.signed ? deciderOf(record) : expected?.account }, expected);
  if (other) return other;
  if (!(await isGenuineDecision(record, FACILITATOR_DECIDES)))
    return fail("request_differs", `The signature of ${what} does not fit it. ${UNFILED}`);
  if (decision === "revoked" && !record.signed) return fail("request_differs", `A revocation is signed, and ${what} is not. ${UNFILED}`);
  return exclusively(context, async () => {
    const item = await itemOf(context, digest);
    if (!item.ok) return item;
    const { payment, cancelled } = item.data;
    if (item.data[decision]) return done(item.data, decision, true);
    if (decision === "declined" && cancelled) return cancelledHere(item.data);
    const signer = record.signed ? deciderOf(record) : undefined;
    if (signer !== undefined && payment && payerOf(payment) !== signer) {
      return fail("request_differs", `${what} is signed by another account than the one that approved. ${UNFILED}`);
    }
    const noted = appendEntry(context, "imported", { requestDigest: digest, decision, code, signed: record.signed ? "yes" : "no" });
    if (!noted.ok) return noted;
    const filed = put(context, digest, decision, record);
    return filed.ok ? done(item.data, decision, false) : filed;
  });
}

const UNFILED = "Nothing was filed.";

function unexpected(
  what: string,
  of: { digest: Digest; account: AccountId | undefined },
  expected: Expected | undefined,
): Failure | undefined {
  if (!expected) return undefined;
  if (of.digest !== expected.digest) return fail("request_differs", `${what} is about another request. ${UNFILED}`);
  if (of.account === expected.account) return undefined;
  return fail("request_differs", `${what} is of the account ${of.account}, and this agent is paired with ${expected.account}. ${UNFILED}`);
}

/** Of a payment, or of a session. */
function payerOf(approved: PaymentPayload): AccountId {
  return approvedSession(approved)?.channelConfig.from ?? authorizationOf(approved).from;
}

async function itemOf(context: Context, digest: InboxItem["digest"]): Promise<Outcome<InboxItem>> {
  const item = await look(context, digest);
  if (!item.ok) return item;
  if (item.data) return succeed(item.data);
  return fail("request_not_found", `This decides request ${shortCode(digest)}, which is not in the inbox of this machine. ${UNFILED}`, {
    hint: "Import it on the machine where the request was made.",
  });
}

/** The first decision wins, wherever it was made. */
function decidedBefore(item: InboxItem): Failure | undefined {
  const no = item.revoked ?? item.declined;
  if (no) {
    const { decision, decidedAt } = no.decision;
    return fail("declined", `The owner ${decision} request ${shortCode(item.digest)} at ${decidedAt}. That is final. ${UNFILED}`);
  }
  return item.cancelled ? cancelledHere(item) : undefined;
}

function cancelledHere({ digest, cancelled }: InboxItem): Failure {
  return fail("request_cancelled", `Request ${shortCode(digest)} was cancelled at ${cancelled?.at ?? "an earlier time"}. ${UNFILED}`, {
    hint: "Do not use the approval. To make it unusable, its owner runs: lez-agent-pay revoke",
  });
}

function done(item: InboxItem, decision: Imported["decision"], already: boolean): Outcome<Imported> {
  return succeed({ item, decision, already });
}
