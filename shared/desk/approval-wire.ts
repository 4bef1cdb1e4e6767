/**
 * What a page needs to show an approval: the request as text, and what only its server knows. The page computes the rest itself
 * with the functions that the terminal uses, so that it shows what will be signed and not what it was told.
 */

import { MAX_FILE_BYTES } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import { paymentRequestSchema } from "../protocol/payment-request.ts";
import { checkForApproval, toSign } from "../protocol/what-is-signed.ts";
import type { ApprovalView, MandateStanding, OpenPayment, PastDecision } from "../screen/view.ts";
import { parseJson } from "../text/json.ts";

/** Bigints are decimal strings here. */
export interface ApprovalWire extends Pick<ApprovalView, "now" | "open" | "ledger" | "host" | "sent" | "pin" | "pinnedBefore" | "alsoAt"> {
  /** The JSON text of the request. */
  request: string;
  /** The account that pays. */
  from: AccountId;
  /** Seconds of validity, if shorter than offered. */
  expiresIn?: number | undefined;
  history: readonly PastDecision[];
  threshold: string;
  balance: { kind: "known"; spendable: string } | { kind: "unknown"; why: string };
  outstanding: { sum: string; requests: number };
  mandates: readonly MandateWire[];
}

interface MandateWire extends Omit<MandateStanding, "usage"> {
  usage:
    | { kind: "known"; left: string; period?: { left: string; paymentsLeft?: number | undefined; endsAt: string } | undefined }
    | { kind: "unknown"; why: string };
}

/** @param expiresIn seconds of validity, if the owner has shortened it */
export function approvalWire(view: ApprovalView, expiresIn: number | undefined): ApprovalWire {
  const { now, ledger, host, sent, pin, pinnedBefore, balance, outstanding, mandates, alsoAt } = view;
  return {
    request: JSON.stringify(view.request),
    from: view.authorization.from,
    ...(expiresIn !== undefined && { expiresIn }),
    now,
    history: view.history.map(pastDecision),
    open: view.open.map(({ requestDigest, url, payTo, amount }): OpenPayment => ({ requestDigest, url, payTo, amount })),
    threshold: view.threshold.toString(),
    ...(ledger !== undefined && { ledger }),
    host,
    sent,
    balance: balance.kind === "known" ? { kind: "known", spendable: balance.spendable.toString() } : balance,
    outstanding: { sum: outstanding.sum.toString(), requests: outstanding.requests },
    mandates: mandates.map(({ shortCode, mandate, usage }) => ({
      shortCode,
      mandate,
      usage:
        usage.kind === "unknown"
          ? usage
          : {
              kind: "known",
              left: usage.left.toString(),
              ...(usage.period && { period: { ...usage.period, left: usage.period.left.toString() } }),
            },
    })),
    ...(pin && { pin }),
    pinnedBefore,
    ...(alsoAt && { alsoAt }),
  };
}

/** A record on disk has more members than a screen needs. */
function pastDecision(entry: PastDecision): PastDecision {
  const { requestDigest, decision, at, agentKey, url, payTo, amount, from, validBefore, merchantKey } = entry;
  return { requestDigest, decision, at, agentKey, url, payTo, amount, from, validBefore, merchantKey };
}

export type ApprovalRead = { ok: true; view: ApprovalView } | { ok: false; problem: string };

/** Parses and checks the request, and computes its digest and what will be signed from its own text. */
export async function readApproval(wire: ApprovalWire): Promise<ApprovalRead> {
  const parsed = parseJson(wire.request, MAX_FILE_BYTES, paymentRequestSchema);
  if (!parsed.ok) return { ok: false, problem: `The request cannot be read: ${parsed.problem}.` };
  const request = parsed.value;
  const checked = await checkForApproval(request, wire.now);
  if (!checked.ok) return { ok: false, problem: `The request is not valid: ${checked.problem}.` };
  const { from, expiresIn, now, threshold, balance, outstanding, mandates, request: _, ...rest } = wire;
  return {
    ok: true,
    view: {
      ...rest,
      request,
      checked,
      ...toSign(request, checked, from, now, expiresIn),
      now,
      threshold: BigInt(threshold),
      balance: balance.kind === "known" ? { kind: "known", spendable: BigInt(balance.spendable) } : balance,
      outstanding: { sum: BigInt(outstanding.sum), requests: outstanding.requests },
      mandates: mandates.map(({ shortCode, mandate, usage }) => ({
        shortCode,
        mandate,
        usage:
          usage.kind === "unknown"
            ? usage
            : { ...usage, left: BigInt(usage.left), period: usage.period && { ...usage.period, left: BigInt(usage.period.left) } },
      })),
    },
  };
}
