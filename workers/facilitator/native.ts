/**
 * Payments on the Logos Execution Zone itself: whatever names one of its networks goes to the Worker that settles there, behind this one's
 * keys and limits. Without the binding `NATIVE` no such network is offered.
 */

import type { Context, Hono } from "hono";
import * as z from "zod/mini";
import { LATE, withDeadline } from "../../shared/deadline.ts";
import { ERRORS } from "../../shared/errors.ts";
import type { NativeNetwork } from "../../shared/lez.ts";
import { NATIVE_SUPPORTED_SECONDS, RETRY_AFTER_SECONDS } from "../../shared/limits.ts";
import { logEvent } from "../../shared/log.ts";
import type { SettleCommand, UnverifiedPayment } from "../../shared/settlement/commands.ts";
import { asksForNative, isNativeNetwork, type NativeApi, nativeKeySchema } from "../../shared/settlement/native.ts";
import { settleFailure, type Settlement, type Validity } from "../../shared/settlement/outcomes.ts";
import { checkShape } from "../../shared/text/json.ts";
import type { SupportedResponse } from "../../shared/x402/x402.ts";
import type { NativeCancel } from "../../shared/zone/revocation.ts";
import type { NativeRefusal } from "../../shared/zone/verify.ts";
import { isOperator } from "./access.ts";
import { malformed, problemResponse, readJson, type Wording } from "./api.ts";
import type { Api, FacilitatorEnv } from "./env.ts";
import { withinLimit } from "./rate-limits.ts";

const NO_NATIVE = {
  message: "This facilitator settles nothing on the chain itself.",
  hint: "GET /supported lists the networks that it settles on.",
};

const SILENT: NativeRefusal = { ok: false, code: "facilitator_unavailable" };

/** The Worker's codes about a payment that its payer takes back. */
const CANCEL: Wording = {
  invalid_signature: {
    message: "The signature is not the payer's, under this revocation.",
    hint: "Sign the revocation exactly as sent, with the key of the transaction's witness.",
  },
  nonce_replayed: { message: "It is too late: the nonce was used.", hint: "Look up the transaction that is named." },
  settlement_pending: {
    message: "It is too late to hold the payment back here: it may have been sent.",
    hint: "Only another use of the nonce is final: sign and send another transaction with it, such as one of value 0. If this one is included first, it pays.",
  },
  insufficient_funds: {
    message: "The account cannot cover this payment, so there is nothing to revoke here.",
    hint: "Once it can, others can still send the transaction: use its nonce for another one.",
  },
};

/** The Worker that these requirements of any shape are for; undefined if they are for the ledger, or there is none. */
export function nativeFor({ NATIVE }: FacilitatorEnv, requirements: unknown): NativeApi | undefined {
  return NATIVE && asksForNative(requirements) ? NATIVE : undefined;
}

/** The ledger's kinds with those of the chain. If the other Worker does not answer, the ledger's alone. */
export async function withNative(own: SupportedResponse, { NATIVE }: FacilitatorEnv, traceId: string): Promise<SupportedResponse> {
  if (!NATIVE) return own;
  try {
    const native = await withDeadline(Promise.resolve(NATIVE.supported(traceId)), NATIVE_SUPPORTED_SECONDS);
    if (native === LATE) throw new Error(`no answer in ${NATIVE_SUPPORTED_SECONDS} s`);
    return { ...own, kinds: [...own.kinds, ...native.kinds], signers: { ...own.signers, ...native.signers } };
  } catch (error) {
    reportFault(error, traceId);
    return own;
  }
}

export async function verifyNatively(native: NativeApi, payment: UnverifiedPayment, traceId: string): Promise<Validity> {
  try {
    return await native.verify(payment, traceId);
  } catch (error) {
    reportFault(error, traceId);
    return { isValid: false, invalidReason: "facilitator_unavailable" };
  }
}

/** @param waitSeconds after which the answer is `settlement_pending`; absent: as long as a Worker waits */
export async function settleNatively(
  native: NativeApi,
  command: SettleCommand<UnverifiedPayment>,
  traceId: string,
  waitSeconds?: number,
): Promise<Settlement> {
  try {
    return await native.settle(command, traceId, waitSeconds);
  } catch (error) {
    reportFault(error, traceId);
    // It may have sent the payment before it fell silent. It names no transaction: nothing says that the payment was verified.
    const { network } = command.payment.paymentRequirements as { network: NativeNetwork };
    return { ...settleFailure("settlement_pending", undefined, network), extra: { retryAfterSeconds: RETRY_AFTER_SECONDS } };
  }
}

function reportFault(error: unknown, traceId: string): void {
  logEvent("facilitator.native_failed", { traceId, message: String(error) });
}

/** The status of a payment on the chain itself. */
export async function nativeStatus(c: Context<Api>): Promise<Response> {
  const { NATIVE } = c.env;
  if (!NATIVE) return problemResponse(c, "not_found", NO_NATIVE);
  const h = c.req.query("h");
  const key = checkShape({ ...c.req.param(), ...(h !== undefined && { h }) }, nativeKeySchema);
  if (!key.ok) return malformed(c, key);
  const found = await asked(c, () => NATIVE.status(key.value, c.get("traceId")));
  if (!found.ok) return refusedResponse(c, found);
  const { ok: _, ...status } = found;
  return c.json(status);
}

export function addNativeRoutes(api: Hono<Api>): void {
  /** Limited like cancellations: each stores a row. */
  api.post("/native/cancel", async (c) => {
    const { NATIVE } = c.env;
    if (!NATIVE) return problemResponse(c, "not_found", NO_NATIVE);
    if (!(await withinLimit(c, "cancel"))) return problemResponse(c, "rate_limited");
    const call = await readJson(c, z.looseObject({}));
    if (!call.ok) return malformed(c, call);
    const result = await asked(c, () => NATIVE.cancel(call.value as NativeCancel, c.get("traceId")));
    if (!result.ok) return refusedResponse(c, result);
    const { network, payer, nonce } = result;
    return c.json({ success: true, network, payer, nonce });
  });

  api.get("/native/owed", async (c) => {
    const { NATIVE } = c.env;
    if (!NATIVE) return problemResponse(c, "not_found", NO_NATIVE);
    if (!isOperator(c)) return problemResponse(c, "unauthorized");
    const after = Number(c.req.query("after") ?? "0");
    const page = await asked(c, () => NATIVE.owed(after, c.get("traceId")));
    return "code" in page ? refusedResponse(c, page) : c.json(page);
  });
}

async function asked<T>(c: Context<Api>, ask: () => Promise<T>): Promise<T | NativeRefusal> {
  try {
    return await ask();
  } catch (error) {
    reportFault(error, c.get("traceId"));
    return SILENT;
  }
}

type Refused = NativeRefusal & { transaction?: string; retryAfterSeconds?: number };

/** A payment that cannot be held back any more is a conflict: the payer asked for what cannot be. */
function refusedResponse(c: Context<Api>, { code, detail, transaction, retryAfterSeconds }: Refused): Response {
  if (retryAfterSeconds !== undefined) c.header("Retry-After", String(retryAfterSeconds));
  const { body, headers } = problemResponse(c, code, CANCEL[code], detail, transaction);
  return new Response(body, { status: code === "settlement_pending" ? 409 : ERRORS[code].status, headers });
}

/** Whether a path names one of the chain's networks. */
export function namesNative(c: Context<Api>): boolean {
  return isNativeNetwork(c.req.param("network"));
}
