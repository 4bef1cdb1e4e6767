/** A request and an allowance as the page lists them. */

import type { Digest } from "../../shared/crypto/digest.ts";
import type { MandateItem, RequestItem, RequestState } from "../../shared/desk/api.ts";
import { isNativeRequest, shortCode } from "../../shared/protocol/payment-request.ts";
import { mandateLimits, mandateUsage, type MandateUse } from "../../shared/screen/mandate-usage.ts";
import { money } from "../../shared/screen/money.ts";
import type { MandateStanding } from "../../shared/screen/view.ts";
import { formatTimestamp } from "../../shared/time.ts";
import type { Answer } from "./facilitator.ts";
import type { Grant } from "./grants.ts";
import { priceOf } from "./money.ts";
import { decisionOf, requestOf, type RequestRow } from "./requests.ts";

/** @param now unix seconds */
export function itemOf(kept: RequestRow, now: number): RequestItem {
  const request = requestOf(kept);
  const record = decisionOf(kept);
  const { session, asset, payTo, network } = request.payment;
  return {
    shortCode: shortCode(kept.digest),
    requestDigest: kept.digest,
    state: shownState(kept),
    method: request.http.method,
    url: request.http.url,
    price: priceOf(request),
    ...(kept.charged !== null && { charged: money(kept.charged, asset) }),
    ...(session && { session: { deposit: money(session.deposit, asset), seconds: Number(session.seconds) } }),
    payTo,
    network,
    ...(kept.state === "cancelled" && isNativeRequest(request) && { decidedElsewhere: true as const }),
    agentKey: request.agent.publicKey,
    reason: request.reason,
    createdAt: request.createdAt,
    expiresAt: request.expiresAt,
    expiresInSeconds: Math.max(0, kept.expires_at - now),
    ...(record && {
      decision: {
        code: record.decision.code,
        ...(record.decision.note !== undefined && { note: record.decision.note }),
        decidedAt: record.decision.decidedAt,
        signed: record.signed,
      },
    }),
    ...(kept.transaction_id !== null && { transaction: kept.transaction_id }),
    ...(kept.outcome === "unpaid" && { refusal: "payment_expired" }),
  };
}

/** The ledger's word counts more than a decision: a revocation can come too late. */
function shownState({ state, outcome }: RequestRow): RequestState {
  if (outcome === "paid") return "paid";
  if (outcome === "opened") return "sent";
  if (outcome === "unpaid" && state === "approved") return "refused";
  return state === "none" ? "pending" : state;
}

/** @param use what the ledger says of it */
export function mandateItem({ digest, signed: { mandate } }: Grant, use: Answer<MandateUse>, now: number): MandateItem {
  return {
    shortCode: shortCode(digest),
    mandate: digest,
    agentKey: mandate.agent,
    ...mandateLimits(mandate),
    expiresAt: formatTimestamp(Number(mandate.validBefore)),
    expiresInSeconds: Math.max(0, Number(mandate.validBefore) - now),
    ...(use.ok ? { usage: mandateUsage(mandate, use.value, now) } : { problem: use.why }),
  };
}

/** What the screen of a request says of an allowance. @returns undefined if the ledger says that it is over */
export function standingOf(
  { digest, signed: { mandate } }: { digest: Digest; signed: Grant["signed"] },
  use: Answer<MandateUse>,
  now: number,
): MandateStanding | undefined {
  const known = { shortCode: shortCode(digest), mandate };
  if (!use.ok) return { ...known, usage: { kind: "unknown", why: use.why } };
  const { status, left, period } = mandateUsage(mandate, use.value, now);
  if (status !== "open") return undefined;
  return {
    ...known,
    usage: {
      kind: "known",
      left: BigInt(left.amount),
      ...(period && { period: { left: BigInt(period.left.amount), paymentsLeft: period.paymentsLeft, endsAt: period.endsAt } }),
    },
  };
}
