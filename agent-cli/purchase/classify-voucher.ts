/**
 * Classifies the answer to a call in a session. As of every payment: only a definite refusal counts as "not charged", and what a merchant
 * says of its session is compared with what was signed.
 */

import {
  type Correction,
  correctionSchema,
  type LaneOffer,
  type VoucherReceiptExtra,
  voucherReceiptExtraSchema,
} from "../../shared/batch-settlement/state.ts";
import { canonicalJson } from "../../shared/crypto/digest.ts";
import { signedReceiptOf } from "../../shared/evidence/parts.ts";
import { readJws, receiptPayloadSchema } from "../../shared/extensions/signed-jws.ts";
import { MAX_FOREIGN_HEADER_BYTES } from "../../shared/limits.ts";
import type { Charge } from "../../shared/protocol/amount.ts";
import type { Session } from "../../shared/protocol/session.ts";
import { usageProblem, usageSchema } from "../../shared/protocol/usage.ts";
import { type Voucher, voucherDigest } from "../../shared/protocol/voucher.ts";
import { checkShape } from "../../shared/text/json.ts";
import { decodeHeader, PAYMENT_ERROR, PAYMENT_REQUIRED, PAYMENT_RESPONSE } from "../../shared/x402/headers.ts";
import { paymentRequiredSchema, type PaymentRequirements, type SettleResponse, settleResponseSchema } from "../../shared/x402/x402.ts";
import { sessionOffers } from "../merchant/terms.ts";
import type { SessionCall } from "../records/sessions.ts";
import { type Answer, classifyRefusal, isDelivered, type Unpaid } from "./classify-response.ts";
import { announcesReceipt } from "./metered-stream.ts";
import type { PaymentOutcome, Presented, Receipt } from "./payment-outcome.ts";

/** What an answer is compared with. */
export interface VoucherTerms {
  session: Session;
  call: SessionCall;
  /** The most that the merchant can claim by all vouchers of the session. Atomic units. */
  signed: bigint;
}

export type VoucherAnswer =
  /** `used`: the voucher was served before, and this is its receipt. */
  | {
      kind: "charged";
      charged: Charge;
      lane: LaneOffer;
      used: boolean;
      /** A compact JWS that says the same. Its signature is not checked here. */
      receipt?: string;
      presented: Exclude<PaymentOutcome, { kind: "never_paid" }>;
    }
  /** Served before, without a receipt that can be read. */
  | { kind: "used"; presented: Unpaid }
  | { kind: "out_of_step"; correction: Correction | undefined }
  /** Refused, with other terms than those that were accepted. */
  | { kind: "other_terms"; offers: PaymentRequirements[]; presented: Unpaid }
  /** The session pays nothing more, or not this. */
  | { kind: "over"; code: "session_closed" | "session_exhausted" | "session_unknown"; presented: Unpaid }
  /** Refused for certain. */
  | { kind: "refused"; presented: Unpaid & { kind: "refused" } }
  /** Charged or not: the same voucher can be presented again. */
  | { kind: "open"; presented: Unpaid };

const UNENDED = "The stream broke off before its receipt.";

const OVER = ["session_closed", "session_exhausted", "session_unknown"] as const;
/** Refusals by which a merchant says that it sells at other terms now. */
const OF_TERMS = ["amount_mismatch", "offer_mismatch", "binding_mismatch", "recipient_mismatch", "ledger_mismatch", "payment_required"];

/** `<session>:<lane>:<serial>` */
export function commitmentOf({ session, lane, serial }: Voucher): string {
  return `${session}:${lane}:${serial}`;
}

export function classifyVoucher(response: Answer, terms: VoucherTerms): VoucherAnswer {
  const header = response.headers[PAYMENT_RESPONSE.toLowerCase()];
  const settled = header === undefined ? undefined : decodeHeader(header, settleResponseSchema, MAX_FOREIGN_HEADER_BYTES);
  if (settled?.ok && settled.value.success) return classifyReceipt(settled.value, response, terms);
  if (!isDelivered(response)) return classifyNo(response, settled?.ok ? settled.value : undefined, terms);
  const found = settled?.ok
    ? "a receipt that says it was not paid"
    : settled
      ? `a receipt that cannot be read (${settled.problem})`
      : "no receipt";
  return { kind: "open", presented: { kind: "receipt_missing", status: response.status, found } };
}

function classifyReceipt(stated: SettleResponse, response: Answer, terms: VoucherTerms): VoucherAnswer {
  const { session } = terms;
  // Presented again, the voucher brings the receipt.
  if (announcesReceipt(response)) return { kind: "open", presented: { kind: "unknown", why: UNENDED, retryAfter: undefined } };
  const shaped = checkShape(stated.extra, voucherReceiptExtraSchema);
  if (!shaped.ok) return { kind: "open", presented: { kind: "receipt_differs", fields: [`extra.${shaped.problem}`] } };
  const extra = shaped.value;
  const isUsed = response.headers[PAYMENT_ERROR.toLowerCase()] === "voucher_used";
  // A merchant keeps what a served voucher cost, and not of what.
  const fields = [...differingFields(stated, extra, terms), ...countedFields(stated, extra, terms.call, !isUsed)];
  if (fields.length > 0) return { kind: "open", presented: { kind: "receipt_differs", fields } };
  const { chargedAmount: charged, lane } = extra;
  const receipt: Receipt = {
    transaction: extra.commitmentId,
    network: session.network,
    payer: session.from,
    amount: charged,
    charged,
  };
  const jws = signedReceiptOf(stated)?.signature;
  const charge = { kind: "charged", charged, lane, ...(jws !== undefined && { receipt: jws }) } as const;
  if (isUsed) {
    const presented = { kind: "paid_answer_gone", what: "This call", transaction: extra.commitmentId, said: "voucher_used" } as const;
    return { ...charge, used: true, presented };
  }
  const presented: Presented = !isDelivered(response)
    ? { kind: "paid_no_answer", receipt, status: response.status, retryAfter: undefined }
    : response.complete
      ? { kind: "paid", receipt }
      : { kind: "answer_incomplete", receipt, problem: response.problem ?? "it broke off", rest: "gone" };
  return { ...charge, used: false, presented };
}

/** The members of a receipt that are not this call's, or cannot be true. */
function differingFields(stated: SettleResponse, extra: VoucherReceiptExtra, { session, call, signed }: VoucherTerms): string[] {
  const { commitmentId, chargedAmount, channelState: state } = extra;
  return [
    stated.network !== session.network && "network",
    stated.payer && stated.payer !== session.from && "payer",
    // Nothing moves before a claim.
    stated.transaction !== "" && "transaction",
    commitmentId !== commitmentOf(call.voucher) && "extra.commitmentId",
    BigInt(chargedAmount) > BigInt(call.amount) && "extra.chargedAmount",
    state.channelId !== call.voucher.session && "extra.channelState.channelId",
    state.balance !== session.deposit && "extra.channelState.balance",
    // No merchant can have charged, or claimed, more than was signed.
    BigInt(state.chargedCumulativeAmount ?? 0) > signed && "extra.channelState.chargedCumulativeAmount",
    BigInt(state.totalClaimed) > signed && "extra.channelState.totalClaimed",
  ].filter((field) => typeof field === "string" && field !== "") as string[];
}

/** What a receipt says of what was used: it comes to the charge, at the price that was offered, and the merchant's signature says the same. */
function countedFields(stated: SettleResponse, extra: VoucherReceiptExtra, { offer }: SessionCall, isFirst: boolean): string[] {
  const { commitmentId, chargedAmount } = extra;
  const usage = usageSchema.safeParse(extra["usage"]).data;
  const isUnread = usage === undefined && extra["usage"] !== undefined;
  const isUncounted =
    isFirst && offer.extra?.["metered"] === true && typeof offer.extra["unit"] === "string" && chargedAmount !== "0" && !usage;
  const differs = usage && usageProblem(usage, chargedAmount, offer) !== undefined;
  const jws = signedReceiptOf(stated);
  const said = jws && readJws(jws, receiptPayloadSchema)?.payload;
  const isSame =
    !jws ||
    (said?.transaction === commitmentId && said.amount === chargedAmount && canonicalJson(said.usage ?? []) === canonicalJson(usage ?? []));
  return [...(isUnread || isUncounted || differs ? ["extra.usage"] : []), ...(isSame ? [] : ["extensions.offer-receipt"])];
}

function classifyNo(response: Answer, settled: SettleResponse | undefined, { session, call }: VoucherTerms): VoucherAnswer {
  const { network, ledger } = session;
  const presented = classifyRefusal(response, settled, { transaction: commitmentOf(call.voucher), network, ledger });
  if (presented.kind !== "refused" && presented.kind !== "payment_required") return { kind: "open", presented };
  const required = requiredOf(response);
  const offers = required ? sessionOffers(required) : [];
  const code = presented.kind === "refused" ? presented.code : "payment_required";
  if (code === "voucher_out_of_step") return { kind: "out_of_step", correction: correctionOf(offers) };
  if (code === "voucher_used") return { kind: "used", presented };
  const over = OVER.find((each) => each === code);
  if (over) return { kind: "over", code: over, presented };
  if (OF_TERMS.includes(code)) return { kind: "other_terms", offers, presented };
  return presented.kind === "refused" ? { kind: "refused", presented } : { kind: "open", presented };
}

function requiredOf({ headers }: Answer) {
  const required = decodeHeader(headers[PAYMENT_REQUIRED.toLowerCase()] ?? "", paymentRequiredSchema, MAX_FOREIGN_HEADER_BYTES);
  return required.ok ? required.value : undefined;
}

/** The state beside the offer that this agent would be called by. */
function correctionOf([offer]: readonly PaymentRequirements[]): Correction | undefined {
  const shaped = checkShape(offer?.extra ?? {}, correctionSchema);
  return shaped.ok ? shaped.value : undefined;
}

/** Names a call among kept answers. */
export function answerKey({ voucher }: Pick<SessionCall, "voucher">) {
  return voucherDigest(voucher);
}
