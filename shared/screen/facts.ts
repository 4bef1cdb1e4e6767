/**
 * What an owner reads before a yes, derived only from the PaymentRequest whose digest is signed and the Authorization that
 * follows from it. Facts are ours; the words of agent and merchant are apart, and safe to show.
 */

import { UPTO } from "../lez.ts";
import { MAX_DESCRIPTION_LENGTH, MAX_REASON_SHOWN } from "../limits.ts";
import { displayAmount, isAmount } from "../protocol/amount.ts";
import { priceText } from "../protocol/offer.ts";
import { type PaymentRequest, shortCode } from "../protocol/payment-request.ts";
import type { Session } from "../protocol/session.ts";
import { formatTimestamp, parseTimestamp } from "../time.ts";
import type { PaymentRequirements } from "../x402/x402.ts";
import { approvedToday } from "./approvals.ts";
import type { Confirmation, OfferSignatureCheck } from "./confirmation.ts";
import { coverageText } from "./coverage.ts";
import { deadlineText, duration } from "./duration.ts";
import { shortened, showUnsafe } from "./escapes.ts";
import type { Fact } from "./fact.ts";
import { standingText } from "./mandate-standing.ts";
import { nativeChainFacts, nativePriceFacts } from "./native-facts.ts";
import { refundTextOf } from "./refund-terms.ts";
import { bodyTitle, type SentRequest, sentParagraphs } from "./sent-request.ts";
import type { ApprovalView, MerchantPin } from "./view.ts";

export type { Fact };

export interface ApprovalFacts {
  shortCode: string;
  facts: Fact[];
  /** Paragraphs in the agent's words. */
  agentSays: string[];
  /** Headers and body of the request, as paragraphs. Empty if there are none. */
  agentSends: string[];
  /** Paragraphs in the merchant's words. */
  merchantSays: string[];
  /** Repeated right above the question: long texts push the first lines off a screen. */
  decisive: Fact[];
}

export function approvalFacts(view: ApprovalView): ApprovalFacts {
  const { request, checked, authorization, session, native } = view;
  const once = authorization.ledger === undefined ? "" : ", once";
  const price = native
    ? nativePriceFacts(native)
    : session
      ? sessionFacts(session, checked.offer)
      : priceFacts(checked.offer, authorization.value, once);
  const sum = session ? { label: "Set aside", value: displayAmount(session.deposit) } : { label: "Pay", value: priceText(request.payment) };
  const chain = native ? nativeChainFacts(native) : ledgerFacts(view);
  const usable = Number(authorization.validBefore) - Number(authorization.validAfter);
  return factsOf(view, { sum, price, chain, payTo: authorization.to, usable });
}

/** What the screen of every request needs, of the ledger or of the chain. */
export type RequestView = Pick<ApprovalView, "request" | "checked" | "now" | "host" | "sent" | "pin">;

interface Words {
  sum: Fact;
  price: readonly Fact[];
  /** The paying account, and where it pays. */
  chain: readonly Fact[];
  payTo: string;
  /** Seconds. */
  usable: number;
}

/** The facts of a request, around what differs by how it is paid. */
export function factsOf(view: RequestView, { sum, price, chain, payTo, usable }: Words): ApprovalFacts {
  const { request, checked, now } = view;
  const { method, url, bodySha256 } = request.http;
  const expires = parseTimestamp(request.expiresAt) ?? now;
  const host: Fact = { label: "To", value: new URL(url).host, strong: true };
  const account: Fact = { label: "Account", value: payTo };
  return {
    shortCode: shortCode(checked.digest),
    facts: [
      ...price,
      host,
      account,
      { label: "Merchant", value: pinText(view.pin) },
      { label: "For", value: showUnsafe(`${method} ${url}`) },
      ...(bodySha256 ? [{ label: "Body", value: bodyText(view.sent, bodySha256) }] : []),
      { label: "Pays for", value: coverageText(checked.scope, request.http) },
      ...chain,
      { label: "Agent key", value: request.agent.publicKey },
      { label: "Approve by", value: deadlineText(formatTimestamp(expires), expires - now) },
      { label: "Then valid", value: `for ${duration(usable)}` },
      ...hostFacts(view.host),
    ],
    agentSays: agentSays(request),
    agentSends: sentParagraphs(view.sent),
    merchantSays: merchantSays(view),
    decisive: [
      sum,
      ...price.filter(({ label }) => label === "Fee"),
      host,
      account,
      ...(view.host.kind === "unconfirmed" ? [{ label: "Terms", value: NOT_CONFIRMED, strong: true as const }] : []),
    ],
  };
}

/** The paying account, on the mock ledger. */
function ledgerFacts(view: ApprovalView): Fact[] {
  const { authorization, mandates, request } = view;
  return [
    { label: "From", value: authorization.from },
    { label: "Balance", value: balanceText(view, BigInt(authorization.value)) },
    { label: "Today", value: todayText(view) },
    ...mandates.map((standing, i) => ({ label: i === 0 ? "Mandate" : "", value: standingText(standing, request) })),
    { label: "Network", value: `${authorization.network} (TEST)` },
  ];
}

/** One sum first: all of the deposit can go to this payee, and to no other. */
function sessionFacts(session: Session, { amount }: PaymentRequirements): Fact[] {
  const { deposit, validAfter, expiresAt, withdrawDelay } = session;
  const back = formatTimestamp(Number(expiresAt) + Number(withdrawDelay));
  return [
    { label: "Set aside", value: `${displayAmount(deposit)} = ${deposit} units, for this payee alone`, strong: true },
    { label: "Worst case", value: "all of it: the agent signs each call without asking, and one call may take all" },
    { label: "A call", value: `at most ${displayAmount(amount)} by this offer; other calls here may cost more` },
    { label: "Until", value: `${formatTimestamp(Number(expiresAt))} (${duration(Number(expiresAt) - Number(validAfter))})` },
    { label: "Then", value: `unspent money is yours again by itself on ${back} at the latest` },
  ];
}

/** Of `upto` the most that can be charged is what is paid: the merchant alone says how much of it. */
function priceFacts({ scheme, extra }: PaymentRequirements, value: string, once: string): Fact[] {
  const pay = `${displayAmount(value)} = ${value} units`;
  if (scheme !== UPTO) return [{ label: "Pay", value: `${pay}, exactly${once}` }];
  const { unit, unitPrice } = extra ?? {};
  const priced = typeof unit === "string" && isAmount(unitPrice);
  return [
    { label: "Pay", value: `at most ${pay}${once}; the merchant says how much, and the rest stays yours` },
    ...(priced ? [{ label: "Price", value: `${displayAmount(unitPrice)} per ${showUnsafe(unit)}, as the merchant counts them` }] : []),
  ];
}

function balanceText({ balance, outstanding: { sum, requests } }: ApprovalView, amount: bigint): string {
  if (balance.kind === "unknown") return `not known: ${showUnsafe(balance.why)}`;
  const left = balance.spendable - sum - amount;
  const others = requests === 0 ? "" : ` and ${requests} approved before`;
  const after = left < 0n ? `not enough for this${others}` : `${displayAmount(left)} after this${others}`;
  return `${displayAmount(balance.spendable)}, ${after}`;
}

function todayText({ history, now }: ApprovalView): string {
  const { sum, requests } = approvedToday(history, now);
  return requests === 0
    ? "you approved nothing before this"
    : `you approved ${displayAmount(sum)} before this, in ${requests} ${requests === 1 ? "request" : "requests"}`;
}

function bodyText({ body }: SentRequest, bodySha256: string): string {
  const what = body.kind === "text" || body.kind === "binary" ? bodyTitle(body).replace(/^Body: /, "") : "NOT SHOWN";
  return `${what}; SHA-256 ${bodySha256}`;
}

const NOT_CONFIRMED = "not confirmed by this host";

function hostFacts(host: Confirmation): Fact[] {
  if (host.kind === "confirmed") {
    const how = host.by === "terms" ? "" : "; asked without the body it names another price, but it signed this one";
    return [{ label: "Checked", value: `amount, account and terms are the merchant's own${how}` }];
  }
  return [
    { label: "Checked", value: `${NOT_CONFIRMED}: ${showUnsafe(host.why)}`, strong: true },
    { label: "Signed", value: signatureText(host.signature) },
  ];
}

function signatureText(signature: OfferSignatureCheck): string {
  if (signature.kind === "unchecked") return "not checked";
  if (signature.kind === "unsigned") return `no: ${showUnsafe(signature.why)}`;
  return `the agent has these terms with a signature of the key that this host publishes, ${signature.publicKey.slice(0, 16)}…`;
}

function pinText(pin: MerchantPin | undefined): string {
  if (!pin) return "not known here";
  return `first seen ${pin.firstSeenAt}; ${pin.key ? `signs its terms with ${pin.key.publicKey.slice(0, 16)}…` : "does not sign its terms"}`;
}

/** What a decision is about, for the questions of `decline` and `revoke`. */
export function requestFacts(request: PaymentRequest): Pick<ApprovalFacts, "facts" | "agentSays"> {
  const { http, payment } = request;
  return {
    facts: [
      { label: "Pay", value: priceText(payment) },
      { label: "To", value: new URL(http.url).host, strong: true },
      { label: "Account", value: payment.payTo },
      { label: "For", value: showUnsafe(`${http.method} ${http.url}`) },
    ],
    agentSays: agentSays(request),
  };
}

function agentSays({ reason, agent, merchant }: PaymentRequest): string[] {
  return [
    showUnsafe(shortened(reason, MAX_REASON_SHOWN)),
    "",
    ...(agent.name ? [`It calls itself: ${showUnsafe(agent.name)}`] : []),
    `It calls the merchant: ${showUnsafe(merchant.name)}`,
  ];
}

function merchantSays({ checked, host }: RequestView): string[] {
  // Facts and warnings state these members; a merchant must not hide them among members of its own.
  const { binding: _binding, ledger: _ledger, paymentFlow: _flow, ...others } = checked.offer.extra ?? {};
  const { unit: _unit, unitPrice: _unitPrice, ...unpriced } = others;
  const extra = checked.offer.scheme === UPTO ? unpriced : others;
  const description = host.kind === "confirmed" ? host.required.resource.description : undefined;
  const refunds = host.kind === "confirmed" ? refundTextOf(host.required.extensions) : undefined;
  const said = [
    ...(description ? [showUnsafe(shortened(description, MAX_DESCRIPTION_LENGTH))] : []),
    ...(Object.keys(extra).length > 0
      ? [
          `${host.kind === "confirmed" ? "Its terms also say" : "The terms in the request also say"}: ${showUnsafe(shortened(JSON.stringify(extra), MAX_DESCRIPTION_LENGTH))}`,
        ]
      : []),
    ...(refunds === undefined ? [] : [`Refunds: ${refunds}`]),
  ];
  return said.length > 0 ? said : [host.kind === "confirmed" ? "nothing more" : "nothing that it has confirmed"];
}
