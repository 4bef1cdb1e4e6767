/**
 * /verify and /settle. Both answer 200 to every request they can read, valid or not. Every other answer has the same
 * shape and holds codes only: stock merchants show a facilitator's free text to their buyers.
 */

import type { Context } from "hono";
import * as z from "zod/mini";
import { randomDigest } from "../../shared/crypto/digest.ts";
import { type ErrorCode, ERRORS, isErrorCode } from "../../shared/errors.ts";
import { X402_VERSION } from "../../shared/lez.ts";
import { NATIVE_SETTLE_WAIT_SECONDS } from "../../shared/limits.ts";
import { type LogEvent, logEvent } from "../../shared/log.ts";
import type { UnverifiedPayment } from "../../shared/settlement/commands.ts";
import { type Facilitator, settleFailure, type Settlement } from "../../shared/settlement/facilitator.ts";
import { asksForNative, type NativeApi } from "../../shared/settlement/native.ts";
import { asksForSession } from "../../shared/settlement/sessions.ts";
import { mayServe } from "./access.ts";
import { askToWait, failure, readJson } from "./api.ts";
import { dueEntry, recordEntry } from "./discovery.ts";
import type { Api } from "./env.ts";
import { nativeFor, settleNatively, verifyNatively } from "./native.ts";
import { callerOf, withinLimit } from "./rate-limits.ts";

interface Endpoint<Answer> {
  event: LogEvent;
  run(facilitator: Facilitator, payment: UnverifiedPayment): Promise<Answer>;
  /** The same, of a payment on the chain itself. */
  forward(native: NativeApi, payment: UnverifiedPayment, traceId: string): Promise<Answer>;
  /** A refusal in this endpoint's shape. */
  refusal(code: ErrorCode): Answer;
  /** The code of a refusal; undefined for a success. */
  codeOf(answer: Answer): string | null | undefined;
  /** Told of each success, once the answer is ready. */
  succeeded?(c: Context<Api>, payment: UnverifiedPayment, answer: Answer): void;
  /** The code of our own faults. */
  unexpected: ErrorCode;
}

export const VERIFY: Endpoint<Awaited<ReturnType<Facilitator["verify"]>>> = {
  event: "facilitator.verify",
  run: (facilitator, payment) => facilitator.verify(payment),
  forward: verifyNatively,
  refusal: (code) => ({ isValid: false, invalidReason: code }),
  codeOf: ({ invalidReason }) => invalidReason,
  unexpected: "unexpected_verify_error",
};

export const SETTLE: Endpoint<Awaited<ReturnType<Facilitator["settle"]>>> = {
  event: "facilitator.settle",
  run: (facilitator, payment) => facilitator.settle({ payment, settlementId: randomDigest() }),
  forward: (native, payment, traceId) =>
    settleNatively(native, { payment, settlementId: randomDigest() }, traceId, NATIVE_SETTLE_WAIT_SECONDS),
  refusal: (code) => settleFailure(code),
  codeOf: ({ errorReason }) => errorReason,
  succeeded(c, { paymentPayload, paymentRequirements }, { amount }) {
    if (amount === "0") return; // no money moved
    // A deposit moves none, and a claim names its payee in the session: what these requirements say was paid to no one.
    if (asksForSession(paymentRequirements) || asksForNative(paymentRequirements)) return;
    const entry = dueEntry(c.env, paymentPayload, c.env.FACILITATOR_KEYS === undefined ? "payment" : "seller");
    if (entry) c.executionCtx.waitUntil(recordEntry(c.env, entry, c.get("traceId")));
  },
  unexpected: "unexpected_settle_error",
};

/** VerifyRequest and SettleRequest are the same envelope. The verification pipeline checks its members. */
const envelopeSchema = z.looseObject({
  x402Version: z.number(),
  paymentPayload: z.looseObject({}),
  paymentRequirements: z.looseObject({ payTo: z.optional(z.unknown()) }),
});

export function x402Handler<Answer extends object>(endpoint: Endpoint<Answer>, facilitatorFor: (c: Context<Api>) => Promise<Facilitator>) {
  return async (c: Context<Api>) => {
    const respondRefused = (code: ErrorCode, status: number) => {
      logEvent(endpoint.event, { traceId: c.get("traceId"), code });
      askToWait(c, status);
      return c.json(endpoint.refusal(code), status as 400);
    };
    try {
      const named = callerOf(c) !== undefined;
      if (named && !(await withinLimit(c, "call"))) return respondRefused("rate_limited", ERRORS.rate_limited.status);
      const envelope = await readJson(c, envelopeSchema);
      if (!envelope.ok) return respondRefused(envelope.code, ERRORS[envelope.code].status);
      const { x402Version, paymentPayload, paymentRequirements } = envelope.value;
      if (!named && !(await withinLimit(c, "call", paymentRequirements.payTo)))
        return respondRefused("rate_limited", ERRORS.rate_limited.status);
      if (!mayServe(c, paymentRequirements.payTo)) return respondRefused("unauthorized", 401);
      if (x402Version !== X402_VERSION) return respondRefused("invalid_x402_version", 200);
      const payment = { paymentPayload, paymentRequirements };
      const native = nativeFor(c.env, paymentRequirements);
      const result = native
        ? await endpoint.forward(native, payment, c.get("traceId"))
        : await endpoint.run(await facilitatorFor(c), payment);
      const code = endpoint.codeOf(result);
      if (code === "rate_limited" || (native && (code === "facilitator_unavailable" || code === "overloaded")))
        return respondRefused(code, ERRORS[code].status);
      const { transaction, extra } = result as Partial<Settlement>;
      if (extra?.retryAfterSeconds !== undefined) c.header("Retry-After", String(extra.retryAfterSeconds));
      logEvent(endpoint.event, {
        traceId: c.get("traceId"),
        code: isErrorCode(code) ? code : undefined,
        transaction: transaction || undefined,
      });
      if (code === undefined) endpoint.succeeded?.(c, payment, result);
      return c.json(result);
    } catch (error) {
      return respondRefused(...failure(c, error, endpoint.unexpected));
    }
  };
}
