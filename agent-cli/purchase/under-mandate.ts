/**
 * Pays a request within a mandate. No owner looks at such a payment, so the agent's tool first makes the checks that an owner's
 * would: the merchant itself, asked in this run, makes this very offer, and its account and key are the pinned ones.
 */

import { orderOf } from "../../shared/batch-settlement/deposit.ts";
import { canonicalJson } from "../../shared/crypto/digest.ts";
import { objectionToSession } from "../../shared/exact/mandate-checks.ts";
import { NETWORK } from "../../shared/lez.ts";
import { MAX_HEADER_BYTES } from "../../shared/limits.ts";
import { signWithin } from "../../shared/protocol/approval.ts";
import { allows, ANY, type Mandate } from "../../shared/protocol/mandate.ts";
import {
  checkPaymentRequest,
  checkSessionRequest,
  isNativeRequest,
  type PaymentRequest,
  requestDigest,
} from "../../shared/protocol/payment-request.ts";
import { sessionWithin } from "../../shared/protocol/session-approval.ts";
import { sessionTermsOf } from "../../shared/protocol/session-terms.ts";
import { sessionId, type SignedSession, signSession } from "../../shared/protocol/session.ts";
import type { MandateUsage } from "../../shared/screen/mandate-usage.ts";
import { unixNow } from "../../shared/time.ts";
import { encodeHeader } from "../../shared/x402/headers.ts";
import type { PaymentRequirements } from "../../shared/x402/x402.ts";
import type { FacilitatorInput } from "../facilitator/client.ts";
import { askUsage } from "../facilitator/mandate-status.ts";
import { identify, type Merchant } from "../merchant/merchant-identity.ts";
import { requireTerms } from "../merchant/terms.ts";
import { agentRules } from "../records/agent-rules.ts";
import { type KeptMandate, keptMandates } from "../records/mandates.ts";
import type { Payment } from "../records/payment-journal.ts";
import { findRequest } from "../records/request-store.ts";
import type { Context } from "../runtime/context.ts";
import type { HttpRequest } from "../runtime/exchange.ts";
import { MAX_MANDATES_TRIED, MIN_MANDATE_LEFT_SECONDS } from "../runtime/limits.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import type { Agent } from "./create-request.ts";
import { takeGranted } from "./granted-mandates.ts";
import { pairedDesk } from "./paired-desk.ts";
import { withId } from "./payment-identifier.ts";
import { requestRefused } from "./refusals.ts";
import { checkPayment } from "./send-payment.ts";

/**
 * The mandate that pays this request; of several the one that ends first. Undefined if none covers it, or has enough left.
 * @param identified the merchant, if it was asked in this run; else it is asked now
 */
export async function mandateFor(
  context: Context,
  input: FacilitatorInput & { agentFile?: string | undefined },
  request: PaymentRequest,
  identified?: Merchant,
): Promise<Outcome<KeptMandate | undefined>> {
  // A mandate is counted by the mock ledger; on the chain itself there is none.
  if (isNativeRequest(request)) return succeed(undefined);
  const kept = await keptMandateFor(context, input, request, identified);
  if (!kept.ok || kept.data) return kept;
  // Only before the owner would be asked: a mandate that pays needs no desk.
  const desk = await pairedDesk(context, request.agent.publicKey, input.agentFile);
  // A desk that does not answer has granted nothing: the owner is asked.
  const granted = desk && (await takeGranted(context, desk));
  return granted?.ok && granted.data > 0 ? keptMandateFor(context, input, request, identified) : kept;
}

async function keptMandateFor(
  context: Context,
  input: FacilitatorInput,
  request: PaymentRequest,
  identified: Merchant | undefined,
): Promise<Outcome<KeptMandate | undefined>> {
  const [kept, rules] = [await keptMandates(context), agentRules(context)];
  if (!kept.ok) return kept;
  if (!rules.ok) return rules;
  if (rules.data.get(request.agent.publicKey) === "blocked") return succeed(undefined);
  const now = unixNow();
  const covering = kept.data.mandates.filter(({ revokedAt, signed }) => revokedAt === undefined && covers(signed.mandate, request, now));
  let merchant = identified;
  for (const mandate of covering.slice(0, MAX_MANDATES_TRIED)) {
    const usage = await askUsage(context, input, mandate, now);
    // Without an answer it is tried: the ledger counts, whatever this machine knows.
    if (usage.ok && !hasLeft(usage.data, request)) continue;
    // Only a merchant that is about to be paid is asked again: for all others the request still waits for its owner.
    const asked = merchant ? succeed(merchant) : await identifyAgain(context, request);
    if (!asked.ok) return asked;
    merchant = asked.data;
    if (isKnownEnough(mandate.signed.mandate, request, merchant)) return succeed(mandate);
  }
  return succeed(undefined);
}

function covers(mandate: Mandate, request: PaymentRequest, now: number): boolean {
  const { scheme, network, asset, payTo, offer, session } = request.payment;
  const { extra } = JSON.parse(offer) as { extra?: { ledger?: unknown } };
  return (
    mandate.agent === request.agent.publicKey &&
    mandate.network === network &&
    mandate.asset === asset &&
    mandate.ledger === extra?.ledger &&
    Number(mandate.validAfter) <= now &&
    now + MIN_MANDATE_LEFT_SECONDS <= Number(mandate.validBefore) &&
    (session ? coversSession(mandate, request) : BigInt(request.payment.amount) <= BigInt(mandate.perPayment)) &&
    allows(mandate.schemes, scheme) &&
    allows(mandate.payees, payTo) &&
    allows(mandate.origins, new URL(request.http.url).origin)
  );
}

/** The limit for one payment is not one of a session: its limits are its own. */
function coversSession({ session: most }: Mandate, { payment: { session: asked, offer } }: PaymentRequest): boolean {
  const terms = sessionTermsOf(JSON.parse(offer) as Pick<PaymentRequirements, "extra">);
  return (
    most !== undefined &&
    asked !== undefined &&
    terms !== undefined &&
    BigInt(asked.deposit) <= BigInt(most.deposit) &&
    Number(asked.seconds) <= Number(most.seconds) &&
    terms.withdrawDelay <= Number(most.withdrawDelay)
  );
}

/** Where any account may be paid, only a host that the owner named, or that was known before, may say which. */
function isKnownEnough({ payees, origins }: Mandate, { http, payment }: PaymentRequest, { view, before }: Merchant): boolean {
  const named: readonly string[] = origins;
  const known = before !== undefined || named.includes(new URL(http.url).origin);
  return view.payTo === payment.payTo && (payees[0] !== ANY || known);
}

function hasLeft({ status, left, period }: MandateUsage, { payment }: PaymentRequest): boolean {
  const amount = BigInt(payment.session?.deposit ?? payment.amount);
  const inPeriod = !period || (BigInt(period.left.amount) >= amount && (period.paymentsLeft ?? 1) > 0);
  return status === "open" && BigInt(left.amount) >= amount && inPeriod;
}

/** Asks the merchant whether it still makes the offer of a request that was made in an earlier run, and identifies it. */
async function identifyAgain(context: Context, request: PaymentRequest): Promise<Outcome<Merchant>> {
  const stored = findRequest(context, requestDigest(request));
  if (!stored.ok) return stored;
  const { headers, body } = stored.data;
  const http: HttpRequest = { ...request.http, headers, ...(body.length > 0 && { body }) };
  const terms = await requireTerms(context, http, { network: NETWORK });
  if (!terms.ok) return terms;
  const { required, offers, sessions } = terms.data;
  const offer = [...offers, ...sessions].find((candidate) => canonicalJson(candidate) === request.payment.offer);
  if (!offer) {
    return fail("terms_differ", "The merchant does not make the offer of this request any more. Nothing was paid.", {
      hint: "Fetch the URL again with another reason or with --again: that asks for today's terms.",
    });
  }
  return identify(context, http.url, { required, offer });
}

/** Signs the session that a request asks for within a mandate; undefined if the mandate would not carry it. */
export async function signSessionWithinMandate(
  request: PaymentRequest,
  { signed }: KeptMandate,
  { signer }: Agent,
): Promise<Outcome<SignedSession | undefined>> {
  const now = unixNow();
  const checked = await checkSessionRequest(request, now);
  if (!checked.ok) return requestRefused(checked);
  const channelConfig = sessionWithin(signed.mandate, request, checked, now);
  // The facilitator's own check: what it would refuse is not worth a signature.
  if (await objectionToSession(orderOf(channelConfig), sessionId(channelConfig), signed)) return succeed(undefined);
  return succeed({ channelConfig, ...(await signSession(channelConfig, signer)), mandate: signed });
}

/** Signs the payment of a request within a mandate; undefined if it would not fit into a header. */
export async function signWithinMandate(
  context: Context,
  request: PaymentRequest,
  { signed }: KeptMandate,
  { signer }: Agent,
): Promise<Outcome<Payment | undefined>> {
  const now = unixNow();
  const checked = await checkPaymentRequest(request, now);
  if (!checked.ok) return requestRefused(checked);
  const payload = await signWithin(signed, request, checked, signer, now);
  const payment = await checkPayment(payload, "the payment within the mandate", () => false);
  if (!payment.ok) return payment;
  const sent = withId(context, payment.data);
  return succeed(encodeHeader(sent.payload).length > MAX_HEADER_BYTES ? undefined : sent);
}
