/**
 * What the answer to a paid request means. The rule behind every branch: after the payment has left, only a definite
 * refusal counts as "not paid"; what is not known is said to be unknown.
 */
import { type Authorization, authorizationDigest, transactionOf } from "../../shared/protocol/authorization.ts";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { ERRORS, type ErrorCode, isErrorCode } from "../../shared/errors.ts";
import { decodeHeader, PAYMENT_ERROR, PAYMENT_REQUIRED, PAYMENT_RESPONSE } from "../../shared/x402/headers.ts";
import { parseJson } from "../../shared/text/json.ts";
import { MAX_FACILITATOR_BODY_BYTES, MAX_FOREIGN_HEADER_BYTES } from "../../shared/limits.ts";
import { paymentRequiredSchema, type SettleResponse, settleResponseSchema } from "../../shared/x402/x402.ts";
import * as z from "zod";
import { EXIT, type ExitCode } from "../runtime/exit-codes.ts";
import { type HttpResponse, isRedirect } from "../runtime/exchange.ts";
import { fail, type Failure, type Outcome, refuse, succeed } from "../runtime/outcome.ts";

/** The merchant's word that the payment was settled, checked against what was authorised. */
export interface Receipt {
  transaction: string;
  network: string;
  payer: string;
  /** Atomic units; what was authorised where the receipt does not say. */
  amount: string;
}

/** Codes that say neither paid nor not paid. A copy that is still in progress may yet settle. */
const UNKNOWN: ReadonlySet<ErrorCode> = new Set([
  "settlement_pending",
  "payment_in_progress",
  "unexpected_settle_error",
  "answer_not_stored", // without the receipt that belongs to it
]);
/** Codes that say: nothing happened, come back. */
const BUSY: ReadonlySet<ErrorCode> = new Set(["rate_limited", "overloaded", "facilitator_unavailable"]);
/** Codes about the resource and not about the payment. */
const RESOURCE: ReadonlySet<ErrorCode> = new Set(["handler_timeout", "internal_error", "not_found", "payload_too_large"]);
/** Said by something between us and the merchant, which cannot know what the merchant has done. */
const isGatewayStatus = (status: number) => [408, 502, 503, 504].includes(status) || (status >= 520 && status <= 530);

export function judge(response: HttpResponse, authorization: Authorization): Outcome<Receipt> {
  const header = response.headers[PAYMENT_RESPONSE.toLowerCase()];
  const settled = header === undefined ? undefined : decodeHeader(header, settleResponseSchema, MAX_FOREIGN_HEADER_BYTES);
  const delivered = response.status >= 200 && response.status < 300;
  if (settled?.ok && settled.value.success) return judgeReceipt(settled.value, response, authorization);
  if (!delivered) return judgeRefusal(response, settled?.ok ? settled.value : undefined, authorization);
  const what = settled?.ok
    ? "a receipt that says it was not paid"
    : settled
      ? `a receipt that cannot be read (${settled.problem})`
      : "no receipt";
  return fail("receipt_differs", `The merchant answered ${response.status} with ${what}. Whether it took the money is not known.`, {
    hint: "Do not pay again. Run the next command: it asks what became of the payment.",
  });
}

function judgeReceipt(receipt: SettleResponse, response: HttpResponse, authorization: Authorization): Outcome<Receipt> {
  const { status, complete } = response;
  const wrong = [
    receipt.network !== authorization.network && "network",
    receipt.payer && receipt.payer !== authorization.from && "payer",
    receipt.amount && !isAtMost(receipt.amount, authorization.value) && "amount",
    // It follows from what was signed: whoever names another one has not settled this payment.
    receipt.transaction !== transactionOf(authorization.network, authorizationDigest(authorization)) && "transaction",
  ].filter((field) => typeof field === "string" && field !== "");
  if (wrong.length > 0) {
    return fail("receipt_differs", `The receipt does not fit what was approved: ${wrong.join(", ")}.`, {
      hint: "Do not pay this merchant again before you know why. Run the next command: it asks what became of the payment.",
      details: { fields: wrong },
    });
  }
  const paid = {
    transaction: receipt.transaction,
    network: receipt.network,
    payer: authorization.from,
    amount: receipt.amount ?? authorization.value,
  };
  if (response.headers[PAYMENT_ERROR.toLowerCase()] === "answer_not_stored") {
    return refuse("answer_not_stored", EXIT.httpErrorAfterPayment, "This was paid, once, and delivered before; the answer was not kept.", {
      hint: "Do not pay again. Ask the merchant for what was bought, with the transaction as proof.",
      details: { receipt: paid, paidBefore: true, transaction: paid.transaction },
    });
  }
  if (status < 200 || status >= 300) {
    return fail("http_error", `The payment was settled, and the merchant answered ${status}.`, {
      hint: "It is paid. Present the same payment again; do not sign a new one.",
      details: { receipt: paid },
    });
  }
  if (complete) return succeed(paid);
  return fail("http_error", "The payment was settled, but its answer broke off or is too large.", {
    hint: "It is paid. Ask the merchant for the rest with the transaction id.",
    details: { receipt: paid },
  });
}

function isAtMost(amount: string, limit: string): boolean {
  return /^[0-9]{1,39}$/.test(amount) && BigInt(amount) <= BigInt(limit);
}

function judgeRefusal(response: HttpResponse, settled: SettleResponse | undefined, authorization: Authorization): Failure {
  const { status, headers } = response;
  const code = settled?.errorReason ?? refusalCode(response);
  if (asksAgain(status, code)) {
    return refuse(
      "payment_required",
      EXIT.outcomeUnknown,
      "The merchant asks for payment again, and says nothing of the one that was presented.",
      {
        hint: "Do not pay again: it may have taken this payment, or not have seen it. Run the next command: it asks what became of it.",
        details: { status },
      },
    );
  }
  if (isErrorCode(code)) {
    const { message, hint, safeToRetrySamePayment: retryable } = ERRORS[code];
    if (UNKNOWN.has(code)) return unknown(`The merchant says: ${message} (${code})`);
    if (code === "nonce_replayed") return replayed(status, settled?.extra?.["transaction"], authorization);
    if (code === "payment_identifier_conflict") {
      return refuse(code, EXIT.paymentRejected, "The merchant knows this purchase under another payment, and did not take this one.", {
        hint: "Do not pay again: another approval of this request was presented there, perhaps from another machine. Present that one.",
        details: { status },
      });
    }
    if (code === "payment_identifier_required") {
      return refuse(code, EXIT.paymentRejected, `The merchant says: ${message}`, {
        hint: "The id is sent from where the request was made and the merchant's own terms are kept. Present the payment there.",
        details: { status },
      });
    }
    const exit: ExitCode = BUSY.has(code) ? EXIT.busy : RESOURCE.has(code) ? EXIT.httpErrorAfterPayment : EXIT.paymentRejected;
    return refuse(code, exit, `The merchant says: ${message}`, { hint, retryable, details: { status } });
  }
  if (status === 402) {
    // Foreign merchants have codes of their own.
    const foreign = code !== undefined && /^[a-z0-9_]{1,64}$/.test(code) ? code : "payment_rejected";
    return refuse(foreign, EXIT.paymentRejected, `The merchant refused the payment (${foreign}).`, { details: { status } });
  }
  if (isRedirect(status)) {
    return fail("http_error", `The merchant redirects the paid request (${status}). It was not followed, and no receipt came.`, {
      hint: "This payment is for this address only. Run the next command before you buy elsewhere: it asks what became of the payment.",
      details: { status, location: headers["location"] },
    });
  }
  if (isGatewayStatus(status)) return unknown(`The answer was lost on the way: HTTP ${status}.`);
  return fail("http_error", `The merchant answered ${status} to the paid request, without a receipt.`, {
    hint: "Present the same payment again, or give up; do not sign a new one while this one is valid.",
    details: { status },
  });
}

/** Without a reason, with our code for it, or in the official packages' words: as if no payment had come. */
function asksAgain(status: number, code: string | undefined): boolean {
  return code === "payment_required" || (status === 402 && (code === undefined || code === "Payment required"));
}

/** @param usedBy the transaction that the merchant names; ours follows from what was signed */
function replayed(status: number, usedBy: unknown, authorization: Authorization): Failure {
  const { message } = ERRORS.nonce_replayed;
  const transaction = transactionOf(authorization.network, authorizationDigest(authorization));
  if (usedBy === transaction) {
    return refuse(
      "nonce_replayed",
      EXIT.paymentRejected,
      "This very payment was settled before, and its answer was given then. It is paid, once.",
      {
        hint: "Do not pay again for what was bought. The transaction is the proof of payment.",
        details: { status, paidBefore: true, transaction },
      },
    );
  }
  // The same nonce under another signature: the owner approved the request more than once.
  const another = digestSchema.safeParse(usedBy).data;
  const how = another === undefined ? "" : ` It names the transaction of another approval: ${another}.`;
  return refuse("nonce_replayed", EXIT.paymentRejected, `The merchant says: ${message}${how}`, {
    hint: "Do not pay again: one payment buys one answer. Run the next command: it asks what became of it.",
    details: { status, ...(another && { usedBy: another }) },
  });
}

/** The payment has left, and nobody has said what became of it. */
export function unknown(message: string): Failure {
  return fail("outcome_unknown", `${message} The payment may have been made.`, {
    retryable: true,
    hint: "Do not pay again. Run the next command: it presents the same payment, which is paid at most once.",
  });
}

const errorBodySchema = z.looseObject({ error: z.string() });

function refusalCode({ status, headers, body }: HttpResponse): string | undefined {
  const named = headers[PAYMENT_ERROR.toLowerCase()];
  if (named !== undefined) return named;
  const challenge = headers[PAYMENT_REQUIRED.toLowerCase()];
  const required = challenge === undefined ? undefined : decodeHeader(challenge, paymentRequiredSchema, MAX_FOREIGN_HEADER_BYTES);
  if (required?.ok && required.value.error) return required.value.error;
  // A handler's own JSON may have an `error` too; only a code of the protocol, or a 402's body, speaks of the payment.
  const parsed = parseJson(body, MAX_FACILITATOR_BODY_BYTES, errorBodySchema);
  return parsed.ok && (status === 402 || isErrorCode(parsed.value.error)) ? parsed.value.error : undefined;
}
