/** Creates a PaymentRequest: from the merchant's terms and the agent's reason to a signed file in the owner's inbox. */

import type { Digest } from "../../shared/crypto/digest.ts";
import { UPTO } from "../../shared/lez.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import type { BindingScope } from "../../shared/protocol/binding.ts";
import { checkNativeRequest } from "../../shared/protocol/native-request.ts";
import { priceText } from "../../shared/protocol/offer.ts";
import {
  checkPaymentRequest,
  checkSessionRequest,
  isNativeRequest,
  newPaymentRequest,
  type PaymentRequest,
  requestDigest,
  shortCode,
  signPaymentRequest,
} from "../../shared/protocol/payment-request.ts";
import { meaningfulLength } from "../../shared/protocol/reason.ts";
import { unixNow } from "../../shared/time.ts";
import type { PaymentRequired, PaymentRequirements } from "../../shared/x402/x402.ts";
import { findKey, type RoleSigner, unlockKey } from "../keys/key-file.ts";
import { boundRequest } from "../merchant/curl-request.ts";
import { coverage } from "../merchant/terms.ts";
import { agentRules } from "../records/agent-rules.ts";
import { checkAudit, record } from "../records/audit-log.ts";
import { put } from "../records/inbox.ts";
import { findRequest, storeRequest } from "../records/request-store.ts";
import type { Context } from "../runtime/context.ts";
import type { HttpRequest } from "../runtime/exchange.ts";
import { notifyOwner } from "../runtime/notifier.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";
import { requestRefused } from "./refusals.ts";

export interface Agent {
  signer: RoleSigner<"agent">;
  name?: string | undefined;
}

/** The agent's own key, opened. It signs requests, and within a mandate payments and the end of that mandate. */
export async function openAgent(context: Context, agentFile: string | undefined): Promise<Outcome<Agent>> {
  const found = findKey(context, "agent", agentFile);
  if (!found.ok) return found;
  const { key } = found.data;
  const signer = await unlockKey(key, "agent");
  return signer.ok ? succeed({ signer: signer.data, name: key.name }) : signer;
}

export interface RequestInput {
  http: HttpRequest;
  offer: PaymentRequirements;
  /** The 402 that the offer is from; absent when the merchant was not asked. */
  required?: PaymentRequired | undefined;
  reason: string;
  merchantName?: string | undefined;
  /** Seconds that the owner has to decide. */
  expiresIn: number;
  /** For an offer of `batch-settlement`: what the session sets aside, and how many seconds it lasts. */
  session?: { deposit: Amount; seconds: number } | undefined;
}

export interface CreatedRequest {
  request: PaymentRequest;
  digest: Digest;
  shortCode: string;
  scope: BindingScope;
  required?: PaymentRequired | undefined;
}

/** Signs a request that passes the owner's checks. Writes nothing. */
export async function createRequest(context: Context, agent: Agent, input: RequestInput): Promise<Outcome<CreatedRequest>> {
  const tooShort = shortReason(context, input.reason);
  if (tooShort) return tooShort;
  const recordable = checkAudit(context);
  if (!recordable.ok) return recordable;
  const scope = coverage(input.http, input.offer);
  if (!scope.ok) return scope;
  const now = unixNow();
  const named = { publicKey: agent.signer.publicKey, name: agent.name };
  const body = newPaymentRequest({ ...input, agent: named, http: boundRequest(input.http) }, now);
  const request = await signPaymentRequest(body, agent.signer);
  // The owner's tool runs the same check.
  const check = isNativeRequest(request) ? checkNativeRequest : input.session ? checkSessionRequest : checkPaymentRequest;
  const checked = await check(request, now);
  if (!checked.ok) return requestRefused(checked);
  return succeed({ request, digest: checked.digest, shortCode: shortCode(checked.digest), scope: scope.data, required: input.required });
}

/** Enforces the configured minimum on both sides: the agent is told before it asks, and the owner sees no shorter reason. */
export function shortReason(context: Context, reason: string): Failure | undefined {
  const config = context.config();
  if (!config.ok) return config;
  const { reasonMinimum } = config.data;
  if (meaningfulLength(reason) >= reasonMinimum) return undefined;
  return fail("usage", `The reason must say why in at least ${reasonMinimum} visible characters.`, {
    hint: "The owner decides by it: say what you buy, and what for.",
  });
}

/**
 * Stores the HTTP request, puts the PaymentRequest into the inbox and records it in the audit log. Safe to repeat.
 * @param quietly the owner is not told: a mandate covers it
 */
export async function fileRequest(
  context: Context,
  { request, digest, required }: Pick<CreatedRequest, "request" | "digest" | "required">,
  http: HttpRequest,
  quietly = false,
): Promise<Outcome<undefined>> {
  const recordable = checkAudit(context);
  if (!recordable.ok) return recordable;
  const stored = storeRequest(context, request, http, required, quietly);
  if (!stored.ok) return stored;
  // First: a reader that finds the request also finds what it claims.
  const claimed = required ? put(context, digest, "terms", required) : succeed(undefined);
  if (!claimed.ok) return claimed;
  const filed = put(context, digest, "request", request);
  if (!filed.ok) return filed;
  const written = await record(context, "requested", requestFacts(request, digest));
  if (!written.ok) return written;
  if (!quietly) await tellOwner(context, request);
  return succeed(undefined);
}

/** Tells the owner of a request that no mandate has paid after all: once, in whichever run it turns out. */
export async function askAfterAll(context: Context, digest: Digest): Promise<Outcome<undefined>> {
  const stored = findRequest(context, digest);
  // The inbox has it all the same, and an owner on another machine was never told by this one.
  if (!stored.ok || !stored.data.quiet) return succeed(undefined);
  const { request, required } = stored.data;
  await tellOwner(context, request);
  return storeRequest(context, request, stored.data, required);
}

/** Runs the owner's notifier. A muted agent stays mute. */
async function tellOwner(context: Context, request: PaymentRequest): Promise<void> {
  const rules = agentRules(context);
  if (!rules.ok || rules.data.has(request.agent.publicKey)) return;
  await notifyOwner(context, shortCode(requestDigest(request)), priceText(request.payment));
}

/** A request's facts in the audit log. */
export function requestFacts({ http, payment, agent, reason }: PaymentRequest, digest: Digest): Record<string, string> {
  return {
    requestDigest: digest,
    method: http.method,
    url: http.url,
    ...(payment.scheme === UPTO && { scheme: UPTO }),
    amount: payment.amount,
    ...(payment.session && { scheme: payment.scheme, deposit: payment.session.deposit }),
    asset: payment.asset,
    payTo: payment.payTo,
    agentKey: agent.publicKey,
    ...(agent.name !== undefined && { agent: agent.name }),
    reason,
  };
}
