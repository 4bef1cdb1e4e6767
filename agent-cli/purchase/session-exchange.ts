/** One presentation of a call in a session: the voucher is on disk before it leaves, and the answer goes to a file as it arrives. */

import { withIdentifier, PAYMENT_IDENTIFIER } from "../../shared/extensions/payment-identifier.ts";
import { X402_VERSION } from "../../shared/lez.ts";
import { MAX_RESPONSE_BODY_BYTES } from "../../shared/limits.ts";
import { encodeHeader, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import { announcedBytes, type AnswerWriter, beginAnswer, keptAnswer } from "../records/kept-answer.ts";
import { presentCall } from "../records/session-calls.ts";
import { sumsOf } from "../records/session-lanes.ts";
import { type KeptSession, type SessionCall, sessionRecord } from "../records/sessions.ts";
import { type Context, warn } from "../runtime/context.ts";
import { type Ending, type HttpRequest, MemoryReceiver, receive, type Receiver, type ResponseHead } from "../runtime/exchange.ts";
import { PAID_IDLE_SECONDS } from "../runtime/limits.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { classifySilence, isDelivered } from "./classify-response.ts";
import { answerKey, classifyVoucher, type VoucherAnswer, type VoucherTerms } from "./classify-voucher.ts";
import { type MeteredStream, meteredStream } from "./metered-stream.ts";
import type { ShownAnswer } from "./views.ts";

export interface PresentedCall {
  /** As it was presented. */
  call: SessionCall;
  told: VoucherAnswer;
  /** Absent if there was none. */
  answer?: ShownAnswer;
  /** The answer was on disk, and nothing was presented. */
  kept: boolean;
}

/**
 * Presents a call, unless its answer is on disk already: a process may have died between the answer and the record.
 * @returns undefined if the call is over
 */
export async function presentVoucher(
  context: Context,
  request: HttpRequest,
  session: KeptSession,
  waiting: SessionCall,
  maxBody: number,
): Promise<Outcome<PresentedCall | undefined>> {
  const before = keptFor(context, session, waiting);
  if (before) return succeed(before);
  const presented = await presentCall(context, session.id, waiting.id);
  if (!presented.ok) return presented;
  const call = presented.data;
  if (!call) return succeed(undefined);
  context.trace.adopt(call.trace);
  const terms = termsOf(context, session, call);
  const headers = [...request.headers, [PAYMENT_SIGNATURE, encodeHeader(payloadOf(session, call))] as const];
  const receiver = new CallReceiver(context, call, maxBody, request.method === "HEAD");
  const received = await receive(context, { ...request, headers }, receiver, { idle: PAID_IDLE_SECONDS });
  if (!received.ok) {
    if (received.refused) return received.refused;
    const presented = classifySilence(received, request.url, context.io.signal.aborted);
    return succeed({ call, told: { kind: "open", presented }, kept: false });
  }
  const answer = receiver.close(received);
  return succeed({ call, told: classifyVoucher(answer, terms), answer, kept: false });
}

function keptFor(context: Context, session: KeptSession, call: SessionCall): PresentedCall | undefined {
  const kept = keptAnswer(context, answerKey(call));
  // An answer that cannot be read stops no call: it is asked for again.
  if (!kept.ok || !kept.data) return undefined;
  const told = classifyVoucher(kept.data, termsOf(context, session, call));
  return told.kind === "charged" && told.presented.kind === "paid" ? { call, told, answer: kept.data, kept: true } : undefined;
}

/** By what was signed until now: other calls may have signed since. */
function termsOf(context: Context, session: KeptSession, call: SessionCall): VoucherTerms {
  const now = sessionRecord(context, session.id);
  const { signed } = sumsOf((now.ok && now.data) || session);
  return { session: session.signed.channelConfig, call, signed };
}

/** Ready for PAYMENT-SIGNATURE: with the session itself, as long as no answer has said that it is open. */
export function payloadOf({ signed, state, offers }: KeptSession, call: SessionCall): PaymentPayload {
  const { voucher, voucherSignature, offer, url } = call;
  const payload =
    state === "opening"
      ? { type: "deposit", ...signed, voucher, voucherSignature }
      : { type: "voucher", from: signed.channelConfig.from, voucher, voucherSignature };
  const { keeps } = offers.find((known) => known.method === call.method && known.route === routeOf(url)) ?? {};
  const extensions = keeps && { [PAYMENT_IDENTIFIER]: withIdentifier(keeps, `pay_${answerKey(call)}`) };
  return { x402Version: X402_VERSION, resource: { url }, accepted: offer, payload, ...(extensions && { extensions }) };
}

export function routeOf(url: string): string {
  return url.replace(/\?.*$/, "");
}

/** Stores what was bought. A refusal is small, and stays in memory. */
class CallReceiver implements Receiver {
  readonly #context: Context;
  readonly #call: SessionCall;
  readonly #maxBody: number;
  readonly #bodiless: boolean;
  readonly #memory = new MemoryReceiver(MAX_RESPONSE_BODY_BYTES);
  #writer: AnswerWriter | undefined;
  #stream: MeteredStream | undefined;

  constructor(context: Context, call: SessionCall, maxBody: number, bodiless: boolean) {
    this.#context = context;
    this.#call = call;
    this.#maxBody = maxBody;
    this.#bodiless = bodiless;
  }

  head(head: ResponseHead): string | undefined {
    if (!isDelivered(head)) return undefined;
    const writer = beginAnswer(this.#context, answerKey(this.#call), head, this.#maxBody);
    if (!writer.ok) {
      warn(this.#context, writer.error.message);
      return undefined;
    }
    this.#writer = writer.data;
    this.#stream = meteredStream(head);
    return this.#bodiless ? undefined : writer.data.excess(announcedBytes(head) ?? 0);
  }

  take(chunk: Uint8Array): string | undefined {
    const content = this.#stream ? this.#stream.take(chunk) : chunk;
    return content.length === 0 ? undefined : (this.#writer ?? this.#memory).take(content);
  }

  close(received: ResponseHead & Ending): ShownAnswer {
    if (!this.#writer) return { ...received, body: this.#memory.body() };
    const { head, ending } = this.#stream?.end(received) ?? { head: received, ending: received };
    const { answer, noted } = this.#writer.close(ending, head);
    if (!noted.ok) warn(this.#context, noted.error.message);
    return answer;
  }
}
