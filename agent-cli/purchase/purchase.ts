/** The state of one request, from its files in the inbox and its record in the payment journal. */

import * as z from "zod";
import type { AccountId } from "../../shared/protocol/account.ts";
import { type PaymentRequest, shortCode } from "../../shared/protocol/payment-request.ts";
import { type SignedSession, signedSessionSchema } from "../../shared/protocol/session.ts";
import { money } from "../../shared/screen/money.ts";
import { parseTimestamp } from "../../shared/time.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import { AGENT_RULES } from "../records/agent-rules.ts";
import { askedAt, type DeskAskRecord } from "../records/desk-asks.ts";
import type { InboxItem } from "../records/inbox.ts";
import { authorizationOf, findPayment, type PaymentRecord } from "../records/payment-journal.ts";
import { type KeptSession, SESSION_STATES, sessionOfRequest } from "../records/sessions.ts";
import type { Context } from "../runtime/context.ts";
import { expiry, expirySchema } from "../runtime/expiry.ts";
import { moneySchema, price } from "../runtime/money.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { refundTermsSchema, refundTermsView } from "./refund-terms.ts";

export const PURCHASE_STATES = [
  /** The owner has not decided. */
  "pending",
  "approved",
  "declined",
  /** The agent withdrew it. */
  "cancelled",
  /** The owner did not decide in time, or the approval expired unused. */
  "expired",
  /** The owner revoked the approval. */
  "revoked",
  /** It was presented, and may have been paid. */
  "sent",
  "paid",
  "refused",
] as const;
export type PurchaseState = (typeof PURCHASE_STATES)[number];

export interface Purchase extends InboxItem {
  state: PurchaseState;
  /** Its record in the payment journal, if it was presented. */
  record?: PaymentRecord;
  /** The session that it asked for, once that was presented. */
  session?: KeptSession;
  /** The hosted desk that has it. */
  desk?: AtDesk;
}

/** Where its owner is asked besides the inbox of this machine. */
export interface AtDesk {
  origin: string;
  account: AccountId;
  /** When the desk took it. Absent: it has not, as far as this machine knows. */
  sentAt?: string | undefined;
  /** Why this run has no answer of the desk. */
  problem?: string | undefined;
}

/** Refusals after which the owner's own approval can still pay the request. The last two are a facilitator's that knows no mandates. */
const BEYOND_MANDATE = [
  "mandate_exceeded",
  "mandate_expired",
  "mandate_mismatch",
  "mandate_revoked",
  "invalid_payload",
  "invalid_signature",
];

/** Whether this request was presented within a mandate, and refused. Then its owner is asked, and no other mandate pays it. */
export function wasBeyondMandate(record: PaymentRecord | undefined): boolean {
  const within = record !== undefined && authorizationOf(record.payload).mandate !== undefined;
  return within && record.state === "refused" && BEYOND_MANDATE.includes(record.code ?? "");
}

/** The same of a session that an agent opened within a mandate. */
export function sessionWasBeyondMandate(session: KeptSession | undefined): boolean {
  const within = session?.signed.channelConfig.mandate !== undefined;
  return within && session.state === "refused" && BEYOND_MANDATE.includes(session.code ?? "");
}

/** @param now unix seconds */
export function purchaseOf(context: Context, item: InboxItem, now: number): Outcome<Purchase> {
  const asked = askedAt(context, item.digest);
  if (!asked.ok) return asked;
  const made = withoutDesk(context, item, now);
  return made.ok && asked.data ? succeed({ ...made.data, desk: atDesk(asked.data) }) : made;
}

function withoutDesk(context: Context, item: InboxItem, now: number): Outcome<Purchase> {
  if (item.request.payment.session) {
    const session = sessionOfRequest(context, item.digest);
    if (!session.ok) return session;
    return succeed({ ...item, state: stateOfSession(item, session.data, now), ...(session.data && { session: session.data }) });
  }
  const record = findPayment(context, item.digest);
  if (!record.ok) return record;
  return succeed({ ...item, state: stateOf(item, record.data, now), ...(record.data && { record: record.data }) });
}

/** An open session outranks every decision: it is closed by a command of its own. */
function stateOfSession(item: InboxItem, session: KeptSession | undefined, now: number): PurchaseState {
  if (session && ["open", "closing", "closed"].includes(session.state)) return "paid";
  if (item.revoked) return "revoked";
  if (session?.state === "opening") return "sent";
  if (session && !sessionWasBeyondMandate(session)) return "refused";
  if (item.declined) return "declined";
  if (item.payment) return Number(approvedSession(item.payment)?.channelConfig.validBefore ?? 0) < now ? "expired" : "approved";
  if (item.cancelled) return "cancelled";
  return decideBy(item.request) < now ? "expired" : "pending";
}

/** The session that an owner has signed. */
export function approvedSession({ payload }: PaymentPayload): SignedSession | undefined {
  const { type: _, ...signed } = payload as Record<string, unknown>;
  const read = signedSessionSchema.safeParse(signed);
  return read.success ? read.data : undefined;
}

/** A settlement outranks every decision, and a revocation every other word about the payment. */
function stateOf(item: InboxItem, record: PaymentRecord | undefined, now: number): PurchaseState {
  if (record?.state === "settled") return "paid";
  if (item.revoked) return "revoked";
  if (record?.state === "sent") return "sent";
  if (record?.state === "refused" && !wasBeyondMandate(record)) return "refused";
  if (item.declined) return "declined";
  if (item.payment) return Number(authorizationOf(item.payment).validBefore) < now ? "expired" : "approved";
  if (item.cancelled) return "cancelled";
  return decideBy(item.request) < now ? "expired" : "pending";
}

export function atDesk({ desk, account, sentAt }: DeskAskRecord): AtDesk {
  return { origin: desk, account, sentAt };
}

export function decideBy(request: PaymentRequest): number {
  return parseTimestamp(request.expiresAt) ?? 0;
}

export const deskSchema = z.strictObject({
  origin: z.string(),
  account: z.string(),
  /** Absent if the desk has not taken it. It is asked again when its decision is waited for. */
  sentAt: z.string().optional(),
  problem: z.string().optional(),
});

export const purchaseSchema = z.strictObject({
  shortCode: z.string(),
  id: z.string(),
  requestDigest: z.string(),
  state: z.enum(PURCHASE_STATES),
  method: z.string(),
  url: z.string(),
  price: moneySchema,
  /** Of scheme `upto`: what was charged, as its merchant or the ledger says. */
  charged: moneySchema.optional(),
  /** What this machine has read in the payer's journal, the last time that status was asked. */
  refunded: moneySchema.optional(),
  /** Of a request for a session: what it sets aside, for how long, and what became of it. `price` is the most for one call. */
  session: z
    .strictObject({
      deposit: moneySchema,
      seconds: z.number(),
      shortCode: z.string().optional(),
      state: z.enum(SESSION_STATES).optional(),
    })
    .optional(),
  payTo: z.string(),
  /** On which money is paid. */
  network: z.string(),
  agentKey: z.string(),
  /** The owner's hosted desk, where the request was sent. */
  desk: deskSchema.optional(),
  /** The owner's rule about this agent, in the owner's own lists. */
  agentRule: z.enum(AGENT_RULES).optional(),
  reason: z.string(),
  /** What the seller says of refunds, by the 402 that the agent kept. `approve` shows it if the host confirms its terms. */
  refunds: refundTermsSchema.optional(),
  createdAt: z.string(),
  /** Until when the owner may approve. */
  ...expirySchema,
  /** The owner's refusal or revocation, if there is one. */
  decision: z.strictObject({ code: z.string(), note: z.string().optional(), decidedAt: z.string(), signed: z.boolean() }).optional(),
  transaction: z.string().optional(),
  /** Of its presentations, for the seller. */
  trace: z.string().optional(),
  /** The code of the mandate within which it was presented. Absent if the owner approved it. */
  mandate: z.string().optional(),
  /** Why a payment was refused. */
  refusal: z.string().optional(),
});
export type PurchaseView = z.infer<typeof purchaseSchema>;

export function purchaseView(
  { digest, request, state, terms, declined, revoked, record, session, desk }: Purchase,
  now: number,
): PurchaseView {
  const no = revoked ?? declined;
  const presented = state === "sent" || state === "paid" || state === "refused";
  const mandate = presented ? (record ? authorizationOf(record.payload) : session?.signed.channelConfig)?.mandate : undefined;
  const { asset, session: asked } = request.payment;
  return {
    shortCode: shortCode(digest),
    id: request.id,
    requestDigest: digest,
    state,
    method: request.http.method,
    url: request.http.url,
    price: price(request.payment),
    ...(record?.charged !== undefined && { charged: money(record.charged, request.payment.asset) }),
    ...(asked && {
      session: {
        deposit: money(asked.deposit, asset),
        seconds: Number(asked.seconds),
        ...(session && { shortCode: session.shortCode, state: session.state }),
      },
    }),
    payTo: request.payment.payTo,
    network: request.payment.network,
    agentKey: request.agent.publicKey,
    ...(desk && { desk }),
    reason: request.reason,
    ...(terms && refundTermsView(terms)),
    createdAt: request.createdAt,
    ...expiry(decideBy(request), now),
    ...(no && {
      decision: {
        code: no.decision.code,
        ...(no.decision.note && { note: no.decision.note }),
        decidedAt: no.decision.decidedAt,
        signed: no.signed,
      },
    }),
    ...(record?.transaction && { transaction: record.transaction }),
    ...(record?.trace && { trace: record.trace }),
    ...(mandate && { mandate: shortCode(mandate) }),
    ...((record?.code ?? session?.code) && { refusal: record?.code ?? session?.code }),
  };
}
