/**
 * Was money paid? Every answer to a payment, and every payment that stopped, is one of these kinds. What the client does
 * about each (exit code, payment journal, next command) is the table in spec/cli.md, "What became of the payment", and the
 * mapper below. No other code decides about money, and none reads words to do so.
 */

import type { Digest } from "../../shared/crypto/digest.ts";
import { type ErrorCode, ERRORS, isErrorCode } from "../../shared/errors.ts";
import { RETRY_AFTER_SECONDS } from "../../shared/limits.ts";
import type { Charge } from "../../shared/protocol/amount.ts";
import { otherLedger, shownLedger } from "../facilitator/other-ledger.ts";
import { allowHttpFor } from "../merchant/curl-request.ts";
import type { PaymentConclusion } from "../records/payment-journal.ts";
import { areApart, CLOCK_HINT, type Clocks, clockSkewText } from "../runtime/clocks.ts";
import { isRedirect } from "../runtime/exchange.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { fail, type Failure, type FailureExtras, type Next, refuse, type Success } from "../runtime/outcome.ts";

/** The merchant's statement that the payment was settled, checked against what was authorised. */
export interface Receipt {
  transaction: string;
  network: string;
  payer: string;
  /** Atomic units. The authorised amount if the receipt names none. */
  amount: string;
  /** Of scheme `upto`: `amount`, if the receipt names it. */
  charged?: Charge;
}

/** Of a payment that was refused for its ledger. */
export interface Ledgers {
  payment: string;
  /** Absent if the merchant's new terms name none. */
  merchant?: string;
}

export type Rest = "resume" | "again" | "gone" | "too_large";

/** What one presentation of a payment came to. `retryAfter` is in seconds, as the merchant asked. */
export type Presented =
  | { kind: "paid"; receipt: Receipt }
  /**
   * The receipt holds, and the body broke off. `rest`: how a later run may get it. `resume`: from where it stopped. `again`: whole,
   * by the same payment. `gone`: this merchant offers neither. `too_large`: not before the limit is raised.
   */
  | { kind: "answer_incomplete"; receipt: Receipt; problem: string; rest: Rest; retryAfter?: number | undefined }
  /** The receipt holds, and the response is an HTTP error. */
  | { kind: "paid_no_answer"; receipt: Receipt; status: number; retryAfter: number | undefined }
  /** Paid and delivered earlier; the merchant did not keep the response. */
  | { kind: "paid_not_kept"; receipt: Receipt }
  /** This very payment was settled earlier: the merchant names its transaction. */
  | { kind: "paid_before"; status: number; transaction: string }
  /** A receipt that contradicts the authorization in these fields. */
  | { kind: "receipt_differs"; fields: string[] }
  /** A 2xx without a usable receipt. `found` describes what came instead. */
  | { kind: "receipt_missing"; status: number; found: string }
  /** The merchant asked for payment again, as if none had come. */
  | { kind: "payment_required"; status: number }
  /** The nonce was used, and nothing shows that it was by this payment. `usedBy`: another approval's transaction. */
  | { kind: "nonce_used"; status: number; usedBy: string | undefined }
  /** The merchant says that it did not deliver, and that the money goes back. Only the payer's journal shows whether it did. */
  | { kind: "given_back"; status: number }
  /** The payment identifier belongs to another payment of the same request. */
  | { kind: "identifier_conflict"; status: number }
  /** No credible statement about the payment. */
  | { kind: "unknown"; why: string; retryAfter: number | undefined }
  /** A transfer that the facilitator has, and the chain has not included or proven yet. */
  | { kind: "pending"; transaction: string; retryAfter: number | undefined }
  /** The payment was not looked at; the same one may succeed later. */
  | { kind: "busy"; code: ErrorCode; status: number; retryAfter: number | undefined }
  /** The resource failed, and nothing was said about the payment. */
  | { kind: "resource_failed"; code: ErrorCode | undefined; status: number; retryAfter: number | undefined }
  | { kind: "redirected"; status: number; location: string | undefined }
  /** The merchant refused the payment for certain. `code` may be a foreign merchant's own. `clocks`, `ledgers`: if it is about them. */
  | { kind: "refused"; code: string; status: number; retryAfter: number | undefined; clocks?: Clocks; ledgers?: Ledgers }
  /** No connection was made, so no byte of the payment left. */
  | { kind: "not_sent"; host: string; problem: string }
  | { kind: "interrupted"; reached: boolean };

export type PaymentOutcome =
  | Presented
  /** It is being presented, beyond the end of the call that began it. */
  | { kind: "under_way"; shortCode: string }
  /** Known to be paid; this attempt to get its response failed, and a later one may not. `said`: the code of this attempt. */
  | { kind: "paid_answer_later"; transaction: string; said: string }
  /** Known to be paid, and its response is not available. `what` names the purchase. */
  | { kind: "paid_answer_gone"; transaction: string; what: string; said?: string }
  /** Nothing was paid and this payment can pay nothing any more. A new request may take its place. */
  | { kind: "never_paid" };

/** A step of a purchase that did not succeed. */
export interface PurchaseFailure extends Failure {
  /** The payment's outcome. Absent: this step presented no payment and learned nothing new. */
  payment?: PaymentOutcome;
}

export type PurchaseOutcome<Data> = Success<Data> | PurchaseFailure;

/** Marks a failure after which a new request may be made for the same purchase. */
export function neverPaid(failure: Failure): PurchaseFailure {
  const error = { ...failure.error, details: { ...failure.error.details, over: true } };
  return { ...failure, error, payment: { kind: "never_paid" } };
}

/** What the payment journal records. Only a statement that is certain closes a payment; everything else leaves it `sent`. */
export function conclusionOf(outcome: Presented): PaymentConclusion {
  switch (outcome.kind) {
    case "paid":
    case "answer_incomplete":
    case "paid_no_answer":
    case "paid_not_kept":
      return { state: "settled", transaction: outcome.receipt.transaction, charged: outcome.receipt.charged };
    case "paid_before":
      return { state: "settled", transaction: outcome.transaction, refusedAs: "nonce_replayed" };
    case "refused":
      return { state: "refused", code: outcome.code };
    case "not_sent":
      return { state: "unsent" };
    default:
      return { state: "sent" };
  }
}

/** What `next` needs to know about the run that presented the payment. */
export interface Sender {
  /** The arguments of this run, for a `next` that repeats it. */
  argv: readonly string[];
  url: string;
  /** The payment's key in the journal; of a call in a session its voucher's digest. */
  paymentKey: Digest;
  /** The code of the session that the call was made in. */
  session?: string;
  /** The payment carries an identifier under which the merchant may have kept a complete response. */
  identified: boolean;
}

/** The way on: the same payment again, a question to the ledger, the merchant's current terms, or none. */
export type WayOn = { kind: "repeat"; retryAfter?: number | undefined } | { kind: "status" } | { kind: "quote" } | undefined;

/** The failure that reports an outcome: exit code, words and the next command. */
export function failureOf(outcome: Exclude<PaymentOutcome, { kind: "paid" | "never_paid" }>, sender?: Sender): PurchaseFailure {
  const { failure, wayOn } = mapped(outcome, sender?.identified ?? false);
  const next = sender && nextOf(wayOn, sender);
  return { ...failure, ...(next && { next }), payment: outcome };
}

interface Mapped {
  failure: Failure;
  wayOn: WayOn;
}

function mapped(outcome: Exclude<PaymentOutcome, { kind: "paid" | "never_paid" }>, identified: boolean): Mapped {
  switch (outcome.kind) {
    case "under_way": {
      const { shortCode } = outcome;
      return {
        failure: fail("payment_under_way", `The payment of ${shortCode} is under way: the merchant has not answered yet.`, {
          hint: "Do not pay again. It goes on by itself; the next call collects its answer.",
          retryable: true,
          details: { shortCode },
        }),
        wayOn: { kind: "repeat" },
      };
    }
    case "answer_incomplete":
      return answerIncomplete(outcome);
    case "paid_no_answer":
      return paidNoAnswer(outcome, identified);
    case "paid_not_kept": {
      const { receipt } = outcome;
      return {
        failure: refuse(
          "answer_not_stored",
          EXIT.httpErrorAfterPayment,
          "This was paid, once, and delivered before. The merchant did not keep the answer.",
          {
            hint: "Do not pay again. Ask the merchant for what was bought, with the transaction as proof.",
            details: { receipt, paidBefore: true, transaction: receipt.transaction },
          },
        ),
        wayOn: undefined,
      };
    }
    case "paid_before": {
      const { status, transaction } = outcome;
      return {
        failure: rejected("nonce_replayed", "This very payment was settled before, and its answer was delivered. It is paid, once.", {
          hint: "Do not pay again for what was bought. The transaction is the proof of payment.",
          details: { status, paidBefore: true, transaction },
        }),
        wayOn: undefined,
      };
    }
    case "receipt_differs":
      return {
        failure: fail("receipt_differs", `The receipt contradicts what was approved: ${outcome.fields.join(", ")}.`, {
          hint: "Do not pay this merchant again before you know why. Run the next command: it checks whether the payment was made.",
          details: { fields: outcome.fields },
        }),
        wayOn: { kind: "status" },
      };
    case "receipt_missing": {
      const { status, found } = outcome;
      return {
        failure: fail("receipt_differs", `The merchant answered ${status} with ${found}. It is unknown whether it took the money.`, {
          hint: "Do not pay again. Run the next command: it checks whether the payment was made.",
        }),
        wayOn: { kind: "status" },
      };
    }
    case "payment_required":
      return {
        failure: refuse(
          "payment_required",
          EXIT.outcomeUnknown,
          "The merchant asks for payment again, and does not mention the one that was presented.",
          {
            hint: "Do not pay again: it may have taken this payment. Run the next command: it checks whether the payment was made.",
            details: { status: outcome.status },
          },
        ),
        wayOn: { kind: "status" },
      };
    case "nonce_used": {
      const { status, usedBy } = outcome;
      // The same nonce under another signature: the owner approved the request more than once.
      const how = usedBy === undefined ? "" : ` It names the transaction of another approval: ${usedBy}.`;
      return {
        failure: rejected("nonce_replayed", `The merchant says: ${ERRORS.nonce_replayed.message}${how}`, {
          hint: "Do not pay again: one payment buys one answer. Run the next command: it checks whether the payment was made.",
          details: { status, ...(usedBy !== undefined && { usedBy }) },
        }),
        wayOn: { kind: "status" },
      };
    }
    case "given_back":
      return {
        failure: rejected(
          "payment_refunded",
          "The merchant did not deliver, and says that the money goes back. This payment buys nothing more.",
          {
            hint: "Run the next command: it looks for the refund in your own journal. Do not pay for the same again before it is there.",
            details: { status: outcome.status },
          },
        ),
        wayOn: { kind: "status" },
      };
    case "identifier_conflict":
      return {
        failure: rejected(
          "payment_identifier_conflict",
          "The merchant knows this purchase under another payment, and did not take this one.",
          {
            hint: "Do not pay again: another approval of this request was presented there, perhaps from another machine. Present that one.",
            details: { status: outcome.status },
          },
        ),
        wayOn: undefined,
      };
    case "unknown":
      return {
        failure: fail("outcome_unknown", `${outcome.why} The payment may have been made.`, { retryable: true, hint: PRESENT_AGAIN }),
        wayOn: { kind: "repeat", retryAfter: outcome.retryAfter },
      };
    case "pending": {
      const { transaction, retryAfter } = outcome;
      return {
        failure: fail(
          "outcome_unknown",
          `The payment is on its way to the chain, which has not settled it yet: transaction ${transaction}.`,
          {
            retryable: true,
            hint: "Do not pay again. Run the next command later: it presents the same payment, and gets the answer once the chain has it.",
            details: { transaction, pending: true },
          },
        ),
        wayOn: { kind: "repeat", retryAfter },
      };
    }
    case "busy": {
      const { code, status, retryAfter } = outcome;
      return { failure: refuse(code, EXIT.busy, ...tableWords(code, status)), wayOn: { kind: "repeat", retryAfter } };
    }
    case "resource_failed":
      return resourceFailed(outcome);
    case "redirected": {
      const { status, location } = outcome;
      return {
        failure: fail("http_error", `The merchant redirects the paid request (${status}). It was not followed, and no receipt came.`, {
          hint: "This payment is for this address only. Run the next command before you buy elsewhere: it checks whether the payment was made.",
          details: { status, location },
        }),
        wayOn: { kind: "status" },
      };
    }
    case "refused":
      return refused(outcome);
    case "not_sent":
      return {
        failure: fail("network", `${outcome.host} could not be reached: ${outcome.problem}. Nothing was sent.`, {
          hint: "Try again; nothing was paid.",
        }),
        wayOn: { kind: "repeat" },
      };
    case "interrupted":
      return {
        failure: outcome.reached
          ? fail("interrupted", "Interrupted while the payment was under way. It may have been made.", {
              hint: PRESENT_AGAIN,
              details: { outcome: "unknown" },
            })
          : fail("interrupted", "Interrupted before anything was sent."),
        wayOn: { kind: "repeat" },
      };
    case "paid_answer_later": {
      const { transaction, said } = outcome;
      return {
        failure: fail("http_error", "It is paid, once. Its answer could not be fetched now, and may be available later.", {
          hint: "Do not pay again. Run the next command: it asks for the same answer and pays nothing.",
          retryable: true,
          details: { paidBefore: true, transaction, said },
        }),
        // The way on is that of the attempt.
        wayOn: undefined,
      };
    }
    case "paid_answer_gone": {
      const { what, said, transaction } = outcome;
      return {
        failure: rejected("nonce_replayed", `${what} was paid, once, and its answer never arrived here.`, {
          hint: "Do not pay again. Ask the merchant for what was bought, with the transaction as proof.",
          details: { ...(said !== undefined && { said }), paidBefore: true, transaction },
        }),
        wayOn: undefined,
      };
    }
    default:
      return outcome satisfies never;
  }
}

const PRESENT_AGAIN = "Do not pay again. Run the next command: it presents the same payment, which is paid at most once.";

function rejected(code: string, message: string, extras: Omit<FailureExtras, "exit">): Failure {
  return refuse(code, EXIT.paymentRejected, message, extras);
}

/** The error table's own words for a code that the merchant named. */
function tableWords(code: ErrorCode, status: number): [message: string, extras: FailureExtras] {
  const { message, hint, safeToRetrySamePayment: retryable } = ERRORS[code];
  return [`The merchant says: ${message}`, { hint, retryable, details: { status } }];
}

function answerIncomplete({ receipt, problem, rest, retryAfter }: Presented & { kind: "answer_incomplete" }): Mapped {
  const goesOn = rest === "resume" || rest === "again";
  const failure = fail(
    "answer_incomplete",
    `It is paid, once, but its answer did not arrive whole: ${problem}. The part that came is kept.`,
    {
      hint: {
        resume: "Do not pay again. Run the next command: it fetches the rest and pays nothing.",
        again: "Do not pay again. Run the next command: it asks for the answer again and pays nothing.",
        gone: "Do not pay again. Ask the merchant for the rest, with the transaction as proof.",
        too_large: "Do not pay again. Run it once more with a larger --max-body: it pays nothing.",
      }[rest],
      retryable: goesOn,
      details: { receipt, paidBefore: true, transaction: receipt.transaction },
    },
  );
  return { failure, wayOn: goesOn ? { kind: "repeat", retryAfter } : undefined };
}

function paidNoAnswer({ receipt, status, retryAfter }: Presented & { kind: "paid_no_answer" }, identified: boolean): Mapped {
  const said = (hint: string) =>
    fail("http_error", `The payment was settled, and the merchant answered ${status}.`, { hint, details: { receipt } });
  // The merchant may have kept a complete response under the payment's identifier.
  if (identified) return { failure: said("It is paid. Run the next command: it pays nothing more."), wayOn: { kind: "repeat" } };
  const hint = "It is paid. Present the same payment again; do not sign a new one.";
  if (isRedirect(status)) return { failure: said(hint), wayOn: { kind: "status" } };
  // An upfront payment whose handler failed is owed a response.
  return { failure: said(hint), wayOn: { kind: "repeat", retryAfter } };
}

function resourceFailed({ code, status, retryAfter }: Presented & { kind: "resource_failed" }): Mapped {
  const failure =
    code === undefined
      ? fail("http_error", `The merchant answered ${status} to the paid request, without a receipt.`, {
          hint: "Present the same payment again, or give up; do not sign a new one while this one is valid.",
          details: { status },
        })
      : refuse(code, EXIT.httpErrorAfterPayment, ...tableWords(code, status));
  return { failure, wayOn: { kind: "repeat", retryAfter } };
}

function refused({ code, status, retryAfter, clocks, ledgers }: Presented & { kind: "refused" }): Mapped {
  if (!isErrorCode(code)) {
    return { failure: rejected(code, `The merchant refused the payment (${code}).`, { details: { status } }), wayOn: undefined };
  }
  // A new payment cures changed terms and an expired payment: see the terms first.
  const quote: WayOn = ERRORS[code].retryable ? { kind: "quote" } : undefined;
  if (code === "payment_identifier_required") {
    const failure = rejected(code, `The merchant says: ${ERRORS[code].message}`, {
      hint: "Only the machine that made the request has the merchant's terms and can send the identifier. Present the payment there.",
      details: { status },
    });
    return { failure, wayOn: quote };
  }
  if (ledgers) {
    const [message, extras] = tableWords(code, status);
    const other = ledgers.merchant === undefined ? undefined : otherLedger(ledgers.merchant, ledgers.payment, "merchant");
    const which = other ?? `the payment was made on ${shownLedger(ledgers.payment)}`;
    const failure = rejected(code, `${message.slice(0, -1)}; ${which}.`, { ...extras, details: { status, ledgers } });
    return { failure, wayOn: quote };
  }
  const failure =
    clocks && areApart(clocks)
      ? rejected(code, `The merchant says: ${ERRORS[code].message} ${clockSkewText(clocks, "the merchant")}`, {
          hint: CLOCK_HINT,
          details: { status, clockSkew: { ...clocks, seconds: clocks.here - clocks.there } },
        })
      : rejected(code, ...tableWords(code, status));
  return { failure, wayOn: ERRORS[code].safeToRetrySamePayment ? { kind: "repeat", retryAfter } : quote };
}

function nextOf(wayOn: WayOn, { argv, url, paymentKey, session }: Sender): Next | undefined {
  switch (wayOn?.kind) {
    case "repeat":
      return {
        argv: ["lez-agent-pay", ...argv],
        by: "agent",
        why: "present the same payment again; it is paid at most once",
        afterSeconds: wayOn.retryAfter ?? RETRY_AFTER_SECONDS,
      };
    case "status":
      if (session !== undefined)
        return { argv: ["lez-agent-pay", "session", "show", session], by: "agent", why: "see what the session was charged" };
      return { argv: ["lez-agent-pay", "status", paymentKey], by: "agent", why: "check whether the payment was made" };
    case "quote":
      return {
        argv: ["lez-agent-pay", "quote", url, ...allowHttpFor(url)],
        by: "agent",
        why: "see the merchant's terms as they are now",
      };
    default:
      return undefined;
  }
}

/**
 * Whether the answer to a payment that was settled before may still be fetched, after an attempt with this outcome. `gone`: never.
 * `later`: perhaps next time. `as_said`: as the outcome says.
 */
export function remaining({ kind }: PaymentOutcome): "gone" | "later" | "as_said" {
  return REMAINING[kind];
}

const REMAINING: Record<PaymentOutcome["kind"], "gone" | "later" | "as_said"> = {
  // A merchant that asks for payment again does not know this one, and has no response for it.
  payment_required: "gone",
  paid_before: "gone",
  nonce_used: "gone",
  given_back: "gone",
  identifier_conflict: "gone",
  refused: "gone",
  paid_answer_gone: "gone",
  never_paid: "gone",
  unknown: "later",
  busy: "later",
  pending: "later",
  not_sent: "later",
  resource_failed: "later",
  redirected: "later",
  paid_no_answer: "later",
  paid_answer_later: "later",
  paid: "as_said",
  answer_incomplete: "as_said",
  paid_not_kept: "as_said",
  receipt_differs: "as_said",
  receipt_missing: "as_said",
  interrupted: "as_said",
  under_way: "as_said",
};
