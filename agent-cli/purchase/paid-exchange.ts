/**
 * One presentation of a payment. Status, headers and receipt are on disk before the first byte of the body, and the body goes
 * to a file as it arrives: it is bounded in size and in silence, never in time as a whole.
 */

import { MAX_RESPONSE_BODY_BYTES } from "../../shared/limits.ts";
import { encodeHeader, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import { record } from "../records/audit-log.ts";
import {
  announcedBytes,
  type AnswerWriter,
  beginAnswer,
  continueAnswer,
  type KeptAnswer,
  keptAnswer,
  type StoredBody,
} from "../records/kept-answer.ts";
import { claimPayment, concludePayment, type Payment, paymentKey } from "../records/payment-journal.ts";
import { type Context, warn } from "../runtime/context.ts";
import { type Ending, type HttpRequest, MemoryReceiver, receive, type Receiver, type ResponseHead } from "../runtime/exchange.ts";
import { PAID_IDLE_SECONDS } from "../runtime/limits.ts";
import { exclusively } from "../runtime/lock.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { classifyResponse, classifySilence, isDelivered } from "./classify-response.ts";
import { conclude, factsOf } from "./conclude.ts";
import { conclusionOf, type Presented, type Receipt } from "./payment-outcome.ts";
import type { ShownAnswer } from "./views.ts";

export interface Presentation {
  request: HttpRequest;
  payment: Payment;
  /** The largest body to keep. */
  maxBody: number;
}

/** A part of a paid answer on disk. */
export type Part = KeptAnswer & { body: StoredBody; receipt: Receipt };

/** The kept answer to this payment; not one to another payment of the same request. */
export function keptFor(context: Context, { authorization }: Payment): { answer: KeptAnswer; outcome: Presented } | undefined {
  const kept = keptAnswer(context, paymentKey(authorization));
  // An answer that cannot be read stops no purchase: it is asked for again.
  if (!kept.ok || !kept.data) return undefined;
  return { answer: kept.data, outcome: classifyResponse(kept.data, authorization) };
}

export function partFor(context: Context, payment: Payment): Part | undefined {
  const found = keptFor(context, payment);
  if (found?.outcome.kind !== "answer_incomplete" || !("file" in found.answer.body)) return undefined;
  return { ...found.answer, body: found.answer.body, receipt: found.outcome.receipt };
}

/**
 * The headers that ask for the rest of a part. A strong ETag makes it certain that both are of one body (RFC 9110 §13.1.5, §14.2).
 * Undefined if the merchant did not offer that.
 */
export function rangeFor({ method, headers: own }: HttpRequest, part: ResponseHead & { body: StoredBody }) {
  const { etag = "", "accept-ranges": ranges = "" } = part.headers;
  const offered = part.status === 200 && /^"[^"]*"$/.test(etag) && ranges.toLowerCase().split(/, */).includes("bytes");
  if (!offered || method !== "GET" || own.some(([name]) => name.toLowerCase() === "range")) return undefined;
  return [
    ["range", `bytes=${part.body.bytes}-`],
    ["if-range", etag],
  ] as const;
}

export interface Presentee {
  /** The one that was sent: an earlier payment of the same request goes before a newer one. */
  payment: Payment;
  outcome: Presented;
  /** Absent if there was none. */
  answer?: ShownAnswer;
  /** The body went into the kept answer, whole or in part. */
  stored: boolean;
  /** The body is larger than the presentation's limit. */
  tooLarge: boolean;
}

/** @param part continued by this presentation, if the merchant does */
export async function presentOnce(context: Context, presentation: Presentation, part: Part | undefined): Promise<Outcome<Presentee>> {
  const { request, payment } = presentation;
  const claimed = await claimPayment(context, payment, request);
  if (!claimed.ok) return claimed;
  const { payload, authorization } = claimed.data;
  const written = await record(context, "sent", factsOf(authorization, request));
  if (!written.ok) {
    await exclusively(context, () => concludePayment(context, paymentKey(authorization), { state: "unsent" }));
    return written;
  }
  const range = part && rangeFor(request, part);
  const headers = [...request.headers, ...(range ?? []), [PAYMENT_SIGNATURE, encodeHeader(payload)] as const];
  const receiver = new PaidReceiver(context, { ...presentation, payment: claimed.data }, range && part);
  const received = await receive(context, { ...request, headers }, receiver, { idle: PAID_IDLE_SECONDS });
  if (!received.ok) {
    const outcome = classifySilence(received, request.url, context.io.signal.aborted);
    await conclude(context, request, authorization, conclusionOf(outcome));
    if (received.refused) return received.refused;
    return succeed({ payment: claimed.data, outcome, stored: false, tooLarge: false });
  }
  const presented = receiver.close(received);
  await (receiver.concluded ?? conclude(context, request, authorization, conclusionOf(presented.outcome)));
  return succeed(presented);
}

/** Stores what was paid for. Anything else is small, and stays in memory. */
class PaidReceiver implements Receiver {
  /** Set once there is a receipt: the payment is recorded as settled while the body is still on its way. */
  concluded: Promise<void> | undefined;
  readonly #context: Context;
  readonly #presentation: Presentation;
  readonly #part: Part | undefined;
  readonly #memory = new MemoryReceiver(MAX_RESPONSE_BODY_BYTES);
  #writer: AnswerWriter | undefined;
  /** The range that continues the part, and how much of it is still to come. */
  #range: (ByteRange & { left: number }) | undefined;

  constructor(context: Context, presentation: Presentation, part: Part | undefined) {
    this.#context = context;
    this.#presentation = presentation;
    this.#part = part;
  }

  head(head: ResponseHead): string | undefined {
    const { payment, request, maxBody } = this.#presentation;
    const { authorization } = payment;
    if (this.#part && head.status === 206) {
      const range = restOf(this.#part, head);
      if (typeof range === "string") return range;
      this.#range = { ...range, left: range.end - range.first };
      return this.#store(continueAnswer(paymentKey(authorization), this.#part, maxBody), head);
    }
    const outcome = classifyResponse({ ...head, complete: true }, authorization);
    const paid = outcome.kind === "paid";
    // A delivery without a receipt is kept, too, but not in place of a part of one with a receipt.
    const kept = paid || (isDelivered(head) && !partFor(this.#context, payment));
    const unwanted = kept ? this.#store(beginAnswer(this.#context, paymentKey(authorization), head, maxBody), head) : undefined;
    if (paid) this.concluded = conclude(this.#context, request, authorization, conclusionOf(outcome));
    return unwanted;
  }

  take(chunk: Uint8Array): string | undefined {
    if (this.#range) {
      if (chunk.length > this.#range.left) return "the merchant sent more than the range that it named";
      this.#range.left -= chunk.length;
    }
    return (this.#writer ?? this.#memory).take(chunk);
  }

  /** The answer as far as it came, and what it says of the payment. */
  close(received: ResponseHead & Ending): Presentee {
    if (this.#writer) return this.#stored(this.#writer, this.#endingOf(received));
    const { payment } = this.#presentation;
    const part = this.#part;
    if (part && received.status === 206) {
      return { payment, outcome: incomplete(part, received), answer: part, stored: false, tooLarge: false };
    }
    const { authorization } = payment;
    const ended = part && announcedBytes(part) === undefined && endsAt(received) === part.body.bytes;
    const writer = ended ? continueAnswer(paymentKey(authorization), part, Infinity) : undefined;
    if (writer?.ok) return this.#stored(writer.data, { complete: true });
    const answer = { ...received, body: this.#memory.body() };
    return { payment, outcome: classifyResponse(answer, authorization), answer, stored: false, tooLarge: false };
  }

  /** A merchant may send less than the rest (RFC 9110 §15.3.7). The next run asks for what is still missing. */
  #endingOf(received: ResponseHead & Ending): Ending {
    if (!this.#range && received.status === 206 && received.complete && !isWhole(received)) {
      return { complete: false, problem: "the merchant sent a part, which was not asked for" };
    }
    const { left, end, length } = this.#range ?? { left: 0, end: 0, length: 0 };
    const short = received.complete && (left > 0 || end < length);
    return short ? { complete: false, problem: "the merchant sent only a part of the rest" } : received;
  }

  #stored(writer: AnswerWriter, ending: Ending): Presentee {
    const { answer, noted } = writer.close(ending);
    if (!noted.ok) warn(this.#context, noted.error.message);
    const { payment } = this.#presentation;
    const outcome = classifyResponse(answer, payment.authorization);
    return { payment, outcome, answer, stored: true, tooLarge: writer.tooLarge };
  }

  /** From here on the body goes to the writer. Returns why it is not wanted. */
  #store(writer: Outcome<AnswerWriter>, head: ResponseHead): string | undefined {
    if (!writer.ok) {
      warn(this.#context, writer.error.message);
      return undefined;
    }
    this.#writer = writer.data;
    return this.#presentation.request.method === "HEAD" ? undefined : writer.data.excess(announcedBytes(head) ?? 0);
  }
}

function incomplete({ receipt }: Part, ending: Ending): Presented & { kind: "answer_incomplete" } {
  return { kind: "answer_incomplete", receipt, problem: ending.complete ? "it broke off" : ending.problem, rest: "gone" };
}

/** Bytes `first` to `end`, not including it, of a body of `length` bytes. */
interface ByteRange {
  first: number;
  end: number;
  /** `end`, if the merchant does not say how long the body is. */
  length: number;
}

/** The range of a 206 that continues this part; or how it does not. */
function restOf(part: Part, { headers }: ResponseHead): ByteRange | string {
  const [, from, to, total] = /^bytes ([0-9]{1,15})-([0-9]{1,15})\/([0-9]{1,15}|\*)$/.exec(headers["content-range"] ?? "") ?? [];
  if (from === undefined) return "the merchant sent a range without saying which";
  const announced = announcedBytes(part);
  const [first, end] = [Number(from), Number(to) + 1];
  const length = total === "*" ? (announced ?? end) : Number(total);
  const sameBody = headers["etag"] === undefined || headers["etag"] === part.headers["etag"];
  const continues = first === part.body.bytes && first < end && end <= length && length === (announced ?? length) && sameBody;
  return continues ? { first, end, length } : "the merchant sent another range than the one asked for";
}

/** Whether the range of a 206 is the whole body. */
function isWhole({ headers }: ResponseHead): boolean {
  const [, to, total] = /^bytes 0-([0-9]{1,15})\/([0-9]{1,15})$/.exec(headers["content-range"] ?? "") ?? [];
  return total !== undefined && Number(to) + 1 === Number(total);
}

/** The length of the whole body, by a 416: there is nothing behind the part. */
function endsAt({ status, headers }: ResponseHead): number | undefined {
  const [, length] = /^bytes \*\/([0-9]{1,15})$/.exec(headers["content-range"] ?? "") ?? [];
  return status === 416 && length !== undefined ? Number(length) : undefined;
}
