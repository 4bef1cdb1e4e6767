/** Collects the evidence that this machine has of a payment: the request, the payment, and what the merchant signed. */

import type { Evidence } from "../../shared/evidence/evidence.ts";
import type { KnownKeys } from "../../shared/evidence/keys.ts";
import { signedOfferOf, signedReceiptOf } from "../../shared/evidence/parts.ts";
import { evidencePaymentSchema } from "../../shared/evidence/payment-part.ts";
import type { SignedJws } from "../../shared/extensions/offer-receipt.ts";
import { MAX_FOREIGN_HEADER_BYTES } from "../../shared/limits.ts";
import { type PaymentRequest, paymentRequestSchema, requestDigest, shortCode } from "../../shared/protocol/payment-request.ts";
import { checkShape } from "../../shared/text/json.ts";
import { unixNow } from "../../shared/time.ts";
import { decodeHeader, PAYMENT_RESPONSE } from "../../shared/x402/headers.ts";
import { type PaymentPayload, type SettleResponse, settleResponseSchema } from "../../shared/x402/x402.ts";
import { knownKeys, type KnownKeysInput } from "../keys/trusted-keys.ts";
import { type ChargeView, chargeOf } from "../purchase/charge.ts";
import { findInInbox, namesFile } from "../purchase/find-request.ts";
import { notApproved } from "../purchase/payment-to-present.ts";
import { purchaseOf } from "../purchase/purchase.ts";
import { type InboxItem, look } from "../records/inbox.ts";
import { type KeptAnswer, keptAnswer } from "../records/kept-answer.ts";
import { findPayment, type PaymentRecord } from "../records/payment-journal.ts";
import { findRequest } from "../records/request-store.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { readJson } from "../runtime/files.ts";
import { fail, type Outcome, refuse, succeed } from "../runtime/outcome.ts";

export interface Missing {
  part: "offer" | "receipt" | "ledger" | "refunds" | "request" | "claim";
  why: string;
}

export interface LocalEvidence {
  evidence: Evidence;
  missing: Missing[];
  /** The receipt in the merchant's response, signed or not. */
  stated?: SettleResponse | undefined;
  /** Of the payment's presentations from this machine. */
  trace?: string | undefined;
  /** Of scheme `upto`: what the kept answer says of its usage, and what was charged by the payment journal, in atomic units. */
  charge?: ChargeView | undefined;
  charged?: string | undefined;
}

/** A payment that was made for a request, and the machine's record of it. */
export interface PaidRequest {
  request: PaymentRequest;
  payload: PaymentPayload;
  record?: PaymentRecord | undefined;
}

/**
 * @param word the request (code, id, digest or file)
 * @param unpresented accept a payment that was not presented from this machine: an owner's machine knows only what it signed
 */
export async function paidRequest(context: Context, word: string, unpresented: boolean): Promise<Outcome<PaidRequest>> {
  const subject = await subjectOf(context, word);
  if (!subject.ok) return subject;
  const { request, item } = subject.data;
  const record = findPayment(context, requestDigest(request));
  if (!record.ok) return record;
  const payload = paidPayload(context, request, item, record.data, unpresented);
  return payload.ok ? succeed({ request, payload: payload.data, record: record.data }) : payload;
}

/** @param input trusted keys */
export async function localEvidence(
  context: Context,
  input: KnownKeysInput,
  { request, payload, record }: PaidRequest,
): Promise<Outcome<LocalEvidence>> {
  const payment = checkShape(payload.payload, evidencePaymentSchema);
  if (!payment.ok)
    return fail("invalid_file", `The payment of ${shortCode(requestDigest(request))} cannot be read: payload.${payment.problem}.`);
  const order: Evidence = { version: "1", request, payment: payment.value };
  const keys = knownKeys(context, input, order);
  if (!keys.ok) return keys;
  const said = await merchantSaid(context, request, payload, keys.data);
  if (!said.ok) return said;
  const { offer, receipt, stated, has402, kept } = said.data;
  const missing: Missing[] = [
    ...(offer
      ? []
      : [{ part: "offer" as const, why: has402 ? "the merchant did not sign this offer" : "this machine does not have the 402" }]),
    ...(receipt
      ? []
      : [{ part: "receipt" as const, why: kept ? "the merchant signed no receipt" : "this machine does not have the response" }]),
  ];
  const evidence: Evidence = { ...order, ...(offer && { offer }), ...(receipt && { receipt }) };
  return succeed({
    evidence,
    missing,
    stated,
    trace: record?.trace,
    charge: kept && chargeOf({ payload, authorization: payment.value.authorization }, kept.headers),
    charged: record?.charged,
  });
}

interface MerchantSaid {
  offer?: SignedJws | undefined;
  receipt?: SignedJws | undefined;
  /** The receipt in its response, signed or not. */
  stated?: SettleResponse | undefined;
  has402: boolean;
  kept?: KeptAnswer | undefined;
}

/** What the merchant said of a payment, as far as it was kept. */
export async function merchantSaid(
  context: Context,
  request: PaymentRequest,
  { accepted }: PaymentPayload,
  keys: KnownKeys,
): Promise<Outcome<MerchantSaid>> {
  const digest = requestDigest(request);
  const stored = findRequest(context, digest);
  const required = stored.ok ? stored.data.required : undefined;
  const asked = new URL(request.http.url);
  const offer = required && (await signedOfferOf(required, accepted, asked, keys.merchants?.[asked.origin] ?? []));
  const kept = keptAnswer(context, digest);
  if (!kept.ok) return kept;
  const header = kept.data?.headers[PAYMENT_RESPONSE.toLowerCase()];
  const stated = header === undefined ? undefined : decodeHeader(header, settleResponseSchema, MAX_FOREIGN_HEADER_BYTES);
  const receipt = stated?.ok ? signedReceiptOf(stated.value) : undefined;
  return succeed({ offer, receipt, stated: stated?.ok ? stated.value : undefined, has402: required !== undefined, kept: kept.data });
}

async function subjectOf(context: Context, word: string): Promise<Outcome<{ request: PaymentRequest; item?: InboxItem | undefined }>> {
  if (!namesFile(context, word)) {
    const item = await findInInbox(context, word);
    return item.ok ? succeed({ request: item.data.request, item: item.data }) : item;
  }
  const request = readJson(word, paymentRequestSchema, { what: "payment request", named: true }, context.files.read);
  if (!request.ok) return request;
  const item = await look(context, requestDigest(request.data));
  return item.ok ? succeed({ request: request.data, item: item.data }) : item;
}

/** The payment that was made, or why there is no evidence of one. */
function paidPayload(
  context: Context,
  request: PaymentRequest,
  item: InboxItem | undefined,
  record: PaymentRecord | undefined,
  unpresented: boolean,
): Outcome<PaymentPayload> {
  const code = shortCode(requestDigest(request));
  if (record?.state === "settled") return succeed(record.payload);
  if (record?.state === "sent") {
    return fail("outcome_unknown", `The outcome of the payment of ${code} is unknown.`, {
      next: { argv: ["lez-agent-pay", "status", code], by: "agent", why: "ask for the outcome of the payment" },
    });
  }
  if (record?.state === "refused") {
    return refuse(record.code ?? "payment_rejected", EXIT.paymentRejected, `The payment of ${code} was refused. It paid nothing.`);
  }
  if (unpresented && item?.payment) return succeed(item.payment);
  const purchase = item && purchaseOf(context, item, unixNow());
  if (purchase && !purchase.ok) return purchase;
  const undecided = purchase && notApproved(purchase.data);
  return (
    undecided ??
    fail("receipt_not_found", `${code} was not paid from this machine.`, {
      hint: "Ask on the machine that paid it. An owner who approved it here can export what the ledger says: receipt export --partial.",
    })
  );
}
