/** Presents a signed payment: checks what must hold before a byte leaves, sends it, and reports the answer. */

import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Digest } from "../../shared/crypto/digest.ts";
import { verifyPayment } from "../../shared/exact/verify.ts";
import { isNativeNetwork } from "../../shared/lez.ts";
import type { Scheme } from "../../shared/lez.ts";
import { RETRY_AFTER_SECONDS } from "../../shared/limits.ts";
import { exactPayloadSchema } from "../../shared/protocol/exact-payload.ts";
import { type PaymentWords, wordsOfNative } from "../../shared/protocol/native-payment.ts";
import { FACILITATOR_DECIDES } from "../../shared/protocol/passkey.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { duration } from "../../shared/screen/duration.ts";
import { checkShape } from "../../shared/text/json.ts";
import { unixNow } from "../../shared/time.ts";
import { type PaymentPayload, paymentPayloadSchema } from "../../shared/x402/x402.ts";
import { readNativeOffer } from "../../shared/zone/offer.ts";
import { bytesOf } from "../command-line/fields.ts";
import { interrupted } from "../prompts/prompts.ts";
import { checkAudit } from "../records/audit-log.ts";
import { lacksRoom } from "../records/kept-answer.ts";
import { findPayment, type Payment, paymentKey } from "../records/payment-journal.ts";
import type { Context } from "../runtime/context.ts";
import type { HttpRequest } from "../runtime/exchange.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { readJson } from "../runtime/files.ts";
import { CHAIN_WAIT_SECONDS, MAX_PAID_BODY_BYTES } from "../runtime/limits.ts";
import { holding } from "../runtime/lock.ts";
import { fail, type Failure, type Outcome, refuse, succeed } from "../runtime/outcome.ts";
import { stateDirectory } from "../runtime/state-directory.ts";
import { conclude } from "./conclude.ts";
import { keptFor, type Part, partFor, type Presentation, presentOnce, rangeFor } from "./paid-exchange.ts";
import { checkOut, type Destination, type Paid, report, senderOf } from "./paid-report.ts";
import { carriesId } from "./payment-identifier.ts";
import { conclusionOf, failureOf, type Presented, type PurchaseFailure, type PurchaseOutcome, remaining } from "./payment-outcome.ts";
import type { ShownAnswer } from "./views.ts";

/** Reads a signed payment and checks what it shows by itself: terms, validity, account, signature. */
export async function readPayment({ files }: Context, file: string, isPaid: IsPaid = () => false): Promise<Outcome<Payment>> {
  const payload = readJson(file, paymentPayloadSchema, { what: "payment payload", named: true }, files.read);
  return payload.ok ? checkPayment(payload.data, `"${file}"`, isPaid) : payload;
}

/** Whether a payment is settled and its answer may be fetched again: it may then be presented after its expiry. */
type IsPaid = (payment: Payment) => boolean;

/** @param what names the payload in an error */
export async function checkPayment(payload: PaymentPayload, what: string, isPaid: IsPaid): Promise<Outcome<Payment>> {
  if (isNativeNetwork(payload.accepted.network)) return checkNativePayment(payload, what, isPaid);
  const exact = checkShape(payload.payload, exactPayloadSchema);
  if (!exact.ok) return fail("invalid_file", `${what} is not a payment payload: payload.${exact.problem}.`);
  const { authorization } = exact.value;
  const now = unixNow();
  // Only the merchant knows which ledger settles. Here payload and terms only have to name the same one.
  const ledger = authorization.ledger ?? ("" as Digest);
  const expiryIsTheLedgers = isPaid({ payload, authorization });
  const { accepted } = payload;
  const context = { now, ledger, expiryIsTheLedgers, ...FACILITATOR_DECIDES };
  const verified = await verifyPayment(payload, accepted, context, accepted.scheme as Scheme);
  if (verified.ok) return succeed({ payload, authorization });
  switch (verified.code) {
    case "payment_expired":
      return fail("payment_expired", `The approval expired ${duration(now - Number(authorization.validBefore))} ago. Nothing was sent.`, {
        hint: "Ask the owner for a new approval. If you presented this payment before, check first whether it was made: lez-agent-pay status.",
      });
    case "unsupported_scheme":
    case "invalid_network":
      return refuse(verified.code, EXIT.unsupported, "The payment is for a scheme or network that this tool does not pay on.");
    default:
      return refuse(verified.code, EXIT.differs, `The payment contradicts itself (${verified.code}). Nothing was sent.`, {
        hint: "Use the file as the owner's approval wrote it.",
      });
  }
}

/** The same of a transfer on the chain itself. */
async function checkNativePayment(payload: PaymentPayload, what: string, isPaid: IsPaid): Promise<Outcome<Payment>> {
  const offer = readNativeOffer(payload.accepted);
  const authorization = wordsOfNative(payload);
  if (!offer.ok) return refuse(offer.code, EXIT.unsupported, `The payment cannot be made here: ${offer.problem}.`);
  if (!authorization) return fail("invalid_file", `${what} is not a payment payload: it has no transfer with a statement.`);
  const now = unixNow();
  const { network, ledger, terms } = offer;
  const isSent = isPaid({ payload, authorization });
  const { verifyNative } = await import("../../shared/zone/verify.ts");
  const context = { now, network, ledger, maxFee: terms.maxFee, finalities: [terms.finality], expiryIsTheLanes: isSent };
  const verified = verifyNative(payload, payload.accepted, context);
  if (verified.ok) return succeed({ payload, authorization });
  if (verified.code === "payment_expired") {
    return fail("payment_expired", `The approval expired ${duration(now - Number(authorization.validBefore))} ago. Nothing was sent.`, {
      hint: "Ask the owner for a new approval; it gets the same nonce. The signed transfer itself does not expire: no one else should have it.",
    });
  }
  return refuse(verified.code, EXIT.differs, `The payment contradicts itself (${verified.code}). Nothing was sent.`, {
    hint: "Use the file as the owner's approval wrote it.",
  });
}

/**
 * Sends the request with the payment attached, unless its answer is on disk already. The payment is in the payment journal before
 * it leaves; one that left before is sent again instead of a newer one. A part of an answer is continued if the merchant allows
 * it. A redirect is not followed. One process at a time presents a payment; the others wait, and find its answer.
 * @param again present it, although its answer was kept
 */
export async function present(
  context: Context,
  request: HttpRequest,
  payment: Payment,
  destination: Destination,
  again = false,
): Promise<PurchaseOutcome<Paid>> {
  // Checked before the payment leaves: an answer that cannot be kept should not be bought.
  const writable = checkOut(context, destination);
  if (!writable.ok) return writable;
  const recordable = checkAudit(context);
  if (!recordable.ok) return recordable;
  // A caller that has left pays nothing.
  if (context.io.signal.aborted) return interrupted("Nothing was sent now.");
  const key = paymentKey(payment.authorization);
  const carry = (context: Context) =>
    carryOut(
      context,
      { request, payment, maxBody: bytesOf(destination.maxBody) ?? MAX_PAID_BODY_BYTES },
      { again, chainWait: destination.chainWait ?? CHAIN_WAIT_SECONDS },
    );
  const { background } = context;
  if (!background) return reportOn(context, await carry(context), destination);
  context.progress(`The payment of ${shortCode(key)} is under way`);
  const carried = await background.run(key, (signal) => carry(apart(context, signal)));
  return carried ? reportOn(context, carried, destination) : underWay(context, key);
}

/** Joins the presentation of a payment that an earlier call of this process left running; undefined if there is none. */
export function joinPresentation(context: Context, key: Digest, destination: Destination): Promise<PurchaseOutcome<Paid>> | undefined {
  const running = context.background?.join<Outcome<Carried>>(key);
  if (!running) return undefined;
  context.progress(`The payment of ${shortCode(key)} is under way`);
  return running.then((carried) => (carried ? reportOn(context, carried, destination) : underWay(context, key)));
}

/** What a presentation came to, before it is reported to those who wait for it. */
interface Carried {
  request: HttpRequest;
  payment: Payment;
  outcome: Presented;
  /** Absent if there was none. */
  answer?: ShownAnswer;
  /** The answer was on disk, and nothing was presented. */
  kept: boolean;
}

/** The context of a presentation that no call can stop. */
function apart(context: Context, signal: AbortSignal): Context {
  const { background: _, waitUntil: __, ...rest } = context;
  return { ...rest, io: { ...context.io, signal }, progress: () => undefined };
}

function underWay({ argv }: Context, key: Digest): PurchaseFailure {
  return failureOf({ kind: "under_way", shortCode: shortCode(key) }, { argv, url: "", paymentKey: key, identified: false });
}

async function reportOn(context: Context, carried: Outcome<Carried>, destination: Destination): Promise<PurchaseOutcome<Paid>> {
  if (!carried.ok) return carried;
  const { request, payment, outcome, answer, kept } = carried.data;
  context.trace.adopt(payment.trace); // another call may have presented it
  if (answer) return report(context, request, payment, answer, outcome, destination, kept);
  return failureOf(outcome as Exclude<Presented, { kind: "paid" }>, senderOf(context, request, payment));
}

async function carryOut(
  context: Context,
  presentation: Presentation,
  { again, chainWait }: { again: boolean; chainWait: number },
): Promise<Outcome<Carried>> {
  const { request, payment } = presentation;
  const directory = stateDirectory(context, "payments");
  if (!directory.ok) return directory;
  const full = lacksRoom(context);
  if (full !== undefined) return fail("file_not_written", `Nothing was sent: ${full}.`, { hint: "Free some space, then try again." });
  const lock = path.join(directory.data, `${paymentKey(payment.authorization)}.lock`);
  return holding(lock, { seconds: Infinity, signal: context.io.signal }, presentedElsewhere, async () => {
    const found = again ? undefined : keptFor(context, payment);
    if (found?.outcome.kind !== "paid") return presentUntilSettled(context, presentation, chainWait);
    await concludeKept(context, request, payment.authorization, found.outcome);
    const record = findPayment(context, paymentKey(payment.authorization));
    const { changedAt: paidAt, trace } = (record.ok && record.data) || {};
    return succeed({ request, payment: { ...payment, paidAt, trace }, ...found, kept: true });
  });
}

/**
 * On the chain itself a payment is pending for a block or more, so it is presented again when the merchant says. Nothing is paid twice: it is
 * the same transfer each time.
 * @param seconds how long
 */
async function presentUntilSettled(context: Context, presentation: Presentation, seconds: number): Promise<Outcome<Carried>> {
  const until = performance.now() + seconds * 1000;
  for (;;) {
    const carried = await presentAlone(context, presentation);
    const pause = carried.ok ? pauseAfter(carried.data) : undefined;
    const over = pause === undefined || performance.now() + pause * 1000 > until || context.io.signal.aborted;
    if (over || !carried.ok) return carried;
    context.progress(`Waiting for the chain: transaction ${carried.data.payment.authorization.native?.transaction ?? ""}`);
    await sleep(pause * 1000, undefined, { signal: context.io.signal }).catch(() => undefined);
  }
}

/** Seconds until a transfer is presented again; undefined if there is nothing to wait for. */
function pauseAfter({ payment, outcome }: Carried): number | undefined {
  if (payment.authorization.native === undefined) return undefined;
  if (outcome.kind !== "pending" && outcome.kind !== "busy") return undefined;
  return Math.max(1, outcome.retryAfter ?? RETRY_AFTER_SECONDS);
}

function presentedElsewhere(holder: number | undefined): Failure {
  return fail("busy", `Another lez-agent-pay (process ${holder ?? "unknown"}) is presenting this payment.`, {
    hint: "Do not pay again. Run the same command later: it shows the same answer.",
  });
}

/** A process that died between the answer and the payment journal left the rest of its work. */
async function concludeKept(context: Context, request: HttpRequest, authorization: PaymentWords, outcome: Presented): Promise<void> {
  const before = findPayment(context, paymentKey(authorization));
  if (before.ok && before.data?.state === "sent") await conclude(context, request, authorization, conclusionOf(outcome));
}

async function presentAlone(context: Context, presentation: Presentation): Promise<Outcome<Carried>> {
  const { request, payment } = presentation;
  const part = partFor(context, payment);
  const identified = carriesId(payment.payload);
  // Neither a range nor an identifier gets the rest: asking again would only be refused.
  if (part && !identified && !rangeFor(request, part)) {
    const { status, receipt } = part;
    const outcome = restMissing(request, identified, part, { kind: "paid_before", status, transaction: receipt.transaction });
    await concludeKept(context, request, payment.authorization, outcome);
    return succeed({ request, payment, answer: part, outcome, kept: true });
  }
  let presented = await presentOnce(context, presentation, part);
  if (!presented.ok) return presented;
  // The merchant does not continue the part, and may still give the whole answer under the payment's identifier.
  const denied = part && rangeFor(request, part) && !presented.data.stored && isGone(presented.data.outcome);
  if (denied && identified) presented = await presentOnce(context, presentation, undefined);
  if (!presented.ok) return presented;
  const { payment: sent, outcome, answer, stored, tooLarge } = presented.data;
  const carried = { request, payment: sent, kept: false };
  if (part && !stored) return succeed({ ...carried, answer: part, outcome: restMissing(request, identified, part, outcome) });
  if (outcome.kind === "answer_incomplete" && answer) {
    const rest = tooLarge ? "too_large" : restOf(request, identified, answer);
    return succeed({ ...carried, answer, outcome: { ...outcome, rest } });
  }
  return succeed({ ...carried, outcome, ...(answer && { answer }) });
}

/** How a later run may get what is missing of an answer. */
function restOf(request: HttpRequest, identified: boolean, answer: ShownAnswer): "resume" | "again" | "gone" {
  const { body } = answer;
  if ("file" in body && rangeFor(request, { ...answer, body })) return "resume";
  return identified ? "again" : "gone";
}

/** The outcome of asking for the rest of a part in vain. */
function restMissing(request: HttpRequest, identified: boolean, part: Part, outcome: Presented): Presented {
  const gone = isGone(outcome);
  const said = outcome.kind === "paid" || outcome.kind === "answer_incomplete" ? "" : ` (${failureOf(outcome).error.code})`;
  const broke = part.complete ? "it broke off" : part.problem;
  const problem = `${broke}, and the merchant ${gone ? "does not give the rest" : "could not be asked for the rest now"}${said}`;
  const retryAfter = "retryAfter" in outcome ? outcome.retryAfter : undefined;
  return { kind: "answer_incomplete", receipt: part.receipt, problem, rest: gone ? "gone" : restOf(request, identified, part), retryAfter };
}

function isGone(outcome: Presented): boolean {
  return outcome.kind === "answer_incomplete" || remaining(outcome) === "gone";
}
