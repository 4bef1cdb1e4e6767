/**
 * What an owner reads before saying yes. Made only from the PaymentRequest whose digest is signed and the Authorization that
 * follows from it: facts first, then, framed apart, what the agent says and what the merchant says.
 */
import { displayAmount } from "../shared/amount.ts";
import type { Authorization } from "../shared/authorization.ts";
import { APPROVAL_TYPED_THRESHOLD, MAX_DESCRIPTION_LENGTH } from "../shared/limits.ts";
import { type PaymentRequest, type RequestCheck, shortCode } from "../shared/payment-request.ts";
import { showUnsafe } from "../shared/text.ts";
import { parseTimestamp } from "../shared/time.ts";
import type { PaymentRequired } from "../shared/x402.ts";
import { duration, field, frame, type Layout, wrap } from "./layout.ts";
import type { RecordEntry } from "./owner-record.ts";
import { coverageText, expiry, expiryText } from "./views.ts";

export interface ApprovalView {
  request: PaymentRequest;
  checked: Extract<RequestCheck, { ok: true }>;
  /** As it would be signed now. */
  authorization: Authorization;
  /** Unix seconds. */
  now: number;
  history: readonly RecordEntry[];
  /** The merchant's own 402, where it was fetched and found to offer the same. */
  merchant?: PaymentRequired | undefined;
}

export function approvalScreen(view: ApprovalView, layout: Layout): string[] {
  const { request, checked, authorization, now } = view;
  const { method, url, bodySha256 } = request.http;
  const expires = expiry(parseTimestamp(request.expiresAt) ?? now, now);
  const usable = Number(authorization.validBefore) - Number(authorization.validAfter);
  const fact = (label: string, value: string) => field(layout, label, value);
  return [
    layout.ink("bold", `PAYMENT REQUEST  ${shortCode(checked.digest)}`),
    "",
    ...fact("Pay", `${displayAmount(authorization.value)} = ${authorization.value} units, exactly, once`),
    ...fact("To", new URL(url).host).map((line) => layout.ink("bold", line)),
    ...fact("Account", authorization.to),
    ...fact("For", showUnsafe(`${method} ${url}`)),
    ...(bodySha256 ? fact("Body", `SHA-256 ${bodySha256}`) : []),
    ...fact("Pays for", coverageText(checked.scope, request.http)),
    ...fact("From", authorization.from),
    ...fact("Network", `${authorization.network} (TEST)`),
    ...fact("Agent key", request.agent.publicKey),
    ...fact("Approve by", expiryText(expires)),
    ...fact("Then valid", `for ${duration(usable)}`),
    ...(view.merchant ? fact("Checked", "amount, account and terms are the merchant's own") : []),
    "",
    ...approvalWarnings(view).flatMap((warning) => wrap(`! ${warning}`, layout.width).map((line) => layout.ink("yellow", line))),
    "",
    ...frame(layout, "the agent says", agentSays(request)),
    ...frame(layout, "the merchant says", merchantSays(view)),
  ];
}

function agentSays({ reason, agent, merchant }: PaymentRequest): string[] {
  return [
    showUnsafe(reason),
    "",
    ...(agent.name ? [`It calls itself: ${showUnsafe(agent.name)}`] : []),
    `It calls the merchant: ${showUnsafe(merchant.name)}`,
  ];
}

function merchantSays({ checked, merchant }: ApprovalView): string[] {
  const { binding: _binding, ledger: _ledger, ...extra } = checked.offer.extra ?? {};
  const description = merchant?.resource.description;
  const said = [
    ...(description ? [showUnsafe(shortened(description))] : []),
    ...(Object.keys(extra).length > 0 ? [`Its terms also say: ${showUnsafe(JSON.stringify(extra))}`] : []),
  ];
  return said.length > 0 ? said : [merchant ? "nothing more" : "nothing: it was not asked (--check-terms asks it)"];
}

/** A merchant's text has no limit of its own, and must not push the facts off the screen. */
function shortened(text: string): string {
  const characters = Array.from(text);
  const more = characters.length - MAX_DESCRIPTION_LENGTH;
  return more <= 0 ? text : `${characters.slice(0, MAX_DESCRIPTION_LENGTH).join("")} … and ${more} more characters`;
}

const NEAR_SECONDS = 600;
const MANY = 5;

/** What deserves a second look. Facts of the request and of the owner's own record; no opinion of the agent's. */
function approvalWarnings({ request, checked, history, now }: ApprovalView): string[] {
  const url = new URL(request.http.url);
  const { hostname } = url;
  const near = history.filter(({ at }) => now - (parseTimestamp(at) ?? 0) < NEAR_SECONDS);
  const sameTerms = (entry: RecordEntry) =>
    entry.url === request.http.url && entry.payTo === request.payment.payTo && entry.amount === request.payment.amount;
  const approved = history.filter(({ decision }) => decision === "approved");
  const warnings: [boolean, string][] = [
    [checked.scope === "none", "This payment is tied to no request: the merchant could give something else for it."],
    [
      approved.some(({ requestDigest }) => requestDigest === checked.digest),
      "You approved this very request before. It is paid once, however often you approve.",
    ],
    [near.some((entry) => entry.decision === "declined" && sameTerms(entry)), "You declined the same terms a few minutes ago."],
    [near.length >= MANY, `This is request number ${near.length + 1} within ten minutes.`],
    [!approved.some(({ payTo }) => payTo === request.payment.payTo), "First payment to this account."],
    [!history.some(({ agentKey }) => agentKey === request.agent.publicKey), "This agent's key is seen for the first time."],
    [url.protocol === "http:", "The connection is not encrypted (http:)."],
    [/^[0-9.]+$|^\[/.test(hostname), "The merchant is named by an IP address, not by a domain."],
    [url.port !== "", `An unusual port: ${url.port}.`],
    [/(^|\.)xn--/.test(hostname), "The domain has non-Latin letters; it may imitate another. It is shown in its ASCII form."],
    [BigInt(request.payment.amount) > APPROVAL_TYPED_THRESHOLD, "A large amount."],
  ];
  return warnings.filter(([applies]) => applies).map(([, text]) => text);
}
