/**
 * Whether what was signed is the owner's yes to this request, and to nothing else. The desk asks before it keeps an approval; the agent
 * asks before it presents one, because a desk can hand it anything. Pure: no clock but the caller's, no network.
 */

import { canonicalJson } from "../crypto/digest.ts";
import { CLOCK_SKEW_SECONDS, MAX_APPROVAL_AGE_SECONDS } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import { authorizationFor } from "../protocol/approval.ts";
import { type Authorization, authorizationDigest } from "../protocol/authorization.ts";
import { exactPayloadSchema } from "../protocol/exact-payload.ts";
import type { PasskeyRules } from "../protocol/passkey.ts";
import {
  checkPaymentRequest,
  checkSessionRequest,
  isNativeRequest,
  type PaymentRequest,
  type RequestCheck,
} from "../protocol/payment-request.ts";
import { type Proof, verifyProof } from "../protocol/proof.ts";
import { sessionFor } from "../protocol/session-approval.ts";
import { type Session, sessionId, signedSessionSchema } from "../protocol/session.ts";
import { checkShape } from "../text/json.ts";
import { formatTimestamp, parseTimestamp } from "../time.ts";
import type { PaymentPayload } from "../x402/x402.ts";

/** Times are unix seconds. */
export interface ApprovalFacts {
  from: AccountId;
  validAfter: number;
  validBefore: number;
}

export type ApprovalCheck =
  | ({ ok: true } & ApprovalFacts)
  /** `problem` is a clause that names the member: `payload.authorization.value is "2", and the request asks for "1"`. */
  | { ok: false; code: "request_differs" | "invalid_signature" | "payment_expired" | "proof_expired"; problem: string };

type Checked = Extract<RequestCheck, { ok: true }>;

/**
 * @param payment as the owner's page, or a desk, hands it over
 * @param account whose yes counts
 * @param rules whether passkeys of http://localhost count
 */
export async function checkApproval(
  request: PaymentRequest,
  payment: PaymentPayload,
  account: AccountId,
  rules: PasskeyRules,
): Promise<ApprovalCheck> {
  if (isNativeRequest(request)) return differs(`it is paid on ${request.payment.network}, the chain itself, which no desk signs for`);
  const { x402Version: _, accepted, resource, payload, ...more } = payment;
  const [unknown] = Object.keys(more);
  if (unknown !== undefined) return differs(`${JSON.stringify(unknown)} is in it, and no approval has it`);
  if (canonicalJson(accepted) !== request.payment.offer) return differs("accepted is not the offer of the request");
  if (canonicalJson(resource ?? null) !== canonicalJson({ url: request.http.url }))
    return differs("resource is not the address of the request");
  return request.payment.session ? checkSession(request, payload, account, rules) : checkExact(request, payload, account, rules);
}

async function checkExact(request: PaymentRequest, payload: unknown, account: AccountId, rules: PasskeyRules): Promise<ApprovalCheck> {
  const exact = checkShape(payload, exactPayloadSchema);
  if (!exact.ok) return differs(`payload.${exact.problem}`);
  const { authorization, publicKey, signature, proof, ...more } = exact.value;
  const [unknown] = Object.keys(more);
  if (unknown !== undefined) return differs(`payload.${unknown} is in it, and no approval has it`);
  const facts = await checkAuthorization(request, authorization, account);
  if (!facts.ok) return facts;
  const given = { publicKey, signature, proof } as Proof;
  const proved = await verifyProof(given, { type: "Authorization", digest: authorizationDigest(authorization), account }, rules);
  return proved.ok ? facts : unsigned(proved.problem);
}

/** What one key of several signs: the whole object, before it pays anything. Its proof is the caller's to verify. */
export async function checkAuthorization(
  request: PaymentRequest,
  authorization: Authorization,
  account: AccountId,
): Promise<ApprovalCheck> {
  const validAfter = Number(authorization.validAfter);
  const checked = await checkPaymentRequest(request, lastMoment(request, validAfter));
  if (!checked.ok) return differs(`the request is not valid: ${checked.problem}`);
  const expected = authorizationFor(request, checked, account, validAfter, Number(authorization.validBefore) - validAfter);
  return compared("payload.authorization", expected, authorization, factsOf(authorization));
}

async function checkSession(request: PaymentRequest, payload: unknown, account: AccountId, rules: PasskeyRules): Promise<ApprovalCheck> {
  const { type, ...rest } = payload as Record<string, unknown>;
  if (type !== "deposit") return differs('payload.type is not "deposit"');
  const signed = checkShape(rest, signedSessionSchema);
  if (!signed.ok) return differs(`payload.${signed.problem}`);
  const { channelConfig: session, mandate, publicKey, signature, proof } = signed.value;
  if (mandate) return differs("payload.mandate is in it, and no approval has it");
  const facts = await checkSessionObject(request, session, account);
  if (!facts.ok) return facts;
  const given = { publicKey, signature, proof } as Proof;
  const proved = await verifyProof(given, { type: "Session", digest: sessionId(session), account }, rules);
  return proved.ok ? facts : unsigned(proved.problem);
}

/** As `checkAuthorization`, of a request that asks for a session. */
export async function checkSessionObject(request: PaymentRequest, session: Session, account: AccountId): Promise<ApprovalCheck> {
  const validAfter = Number(session.validAfter);
  const checked = await checkSessionRequest(request, lastMoment(request, validAfter));
  if (!checked.ok) return differs(`the request is not valid: ${checked.problem}`);
  const expected: Session = sessionFor(request, checked satisfies Checked, account, validAfter, Number(session.expiresAt));
  return compared("payload.channelConfig", expected, session, factsOf(session));
}

/**
 * Whether an approval is new enough to be kept, and lasts longer than now: the desk's check, beside `checkApproval`.
 * @param now unix seconds
 */
export function checkAge(
  { validAfter, validBefore }: Omit<ApprovalFacts, "from">,
  now: number,
): Extract<ApprovalCheck, { ok: false }> | undefined {
  if (validBefore < now) return { ok: false, code: "payment_expired", problem: `it ended at ${formatTimestamp(validBefore)}` };
  if (validAfter < now - MAX_APPROVAL_AGE_SECONDS || validAfter > now + CLOCK_SKEW_SECONDS)
    return {
      ok: false,
      code: "proof_expired",
      problem: `it was signed at ${formatTimestamp(validAfter)}; the clock here says ${formatTimestamp(now)}`,
    };
  return undefined;
}

/** When the owner read the request, as far as it matters: whether it has expired is the caller's question. */
function lastMoment(request: PaymentRequest, signedAt: number): number {
  return Math.min(signedAt, parseTimestamp(request.expiresAt) ?? 0);
}

function factsOf({ from, validAfter, validBefore }: Pick<Authorization, "from" | "validAfter" | "validBefore">): ApprovalFacts {
  return { from, validAfter: Number(validAfter), validBefore: Number(validBefore) };
}

/** Every member, so that the first that differs has a name. */
function compared(at: string, expected: object, signed: object, facts: ApprovalFacts): ApprovalCheck {
  const wanted = expected as Record<string, string | undefined>;
  const given = signed as Record<string, string | undefined>;
  const name = [...Object.keys(wanted), ...Object.keys(given)].find((key) => wanted[key] !== given[key]);
  if (name === undefined) return { ok: true, ...facts };
  return differs(`${at}.${name} is ${quoted(given[name])}, and the request asks for ${quoted(wanted[name])}`);
}

function quoted(value: string | undefined): string {
  return value === undefined ? "absent" : JSON.stringify(value);
}

function differs(problem: string): Extract<ApprovalCheck, { ok: false }> {
  return { ok: false, code: "request_differs", problem };
}

function unsigned(problem = "the account's holder did not sign this"): Extract<ApprovalCheck, { ok: false }> {
  return { ok: false, code: "invalid_signature", problem };
}
