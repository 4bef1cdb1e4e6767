/**
 * Somebody's facilitator over HTTP: plain /verify and /settle, which hold nothing. The lease in the merchant's own memory
 * keeps copies of one payment away, so that they run the handler one at a time and are delivered once.
 */
import type * as z from "zod/mini";
import type { ReserveResult } from "../../../shared/settlement/backend.ts";
import { readLimited } from "../../../shared/x402/body.ts";
import type { Digest } from "../../../shared/crypto/digest.ts";
import { type ErrorCode, isErrorCode } from "../../../shared/errors.ts";
import type { PaymentRefusal } from "../../../shared/protocol/refusal.ts";
import { settleFailure } from "../../../shared/settlement/facilitator.ts";
import { encodeHeader, TRACE_ID } from "../../../shared/x402/headers.ts";
import { parseJson } from "../../../shared/text/json.ts";
import { X402_VERSION } from "../../../shared/lez.ts";
import {
  FACILITATOR_TIMEOUT_SECONDS,
  HOLD_SECONDS,
  MAX_FACILITATOR_BODY_BYTES,
  MAX_HEADER_BYTES,
  RETENTION_SECONDS,
} from "../../../shared/limits.ts";
import { unixNow } from "../../../shared/time.ts";
import { type SettleResponse, settleResponseSchema, supportedResponseSchema, verifyResponseSchema } from "../../../shared/x402/x402.ts";
import type { PaywallFacilitator } from "./facilitator.ts";
import type { PaymentMemory } from "./memory.ts";
import { memoryKey, type Order, settlementOf, verifyOrder } from "./order.ts";

/** The handler has the time of a hold, and the facilitator is asked before it begins. */
const LEASE_SECONDS = FACILITATOR_TIMEOUT_SECONDS + HOLD_SECONDS;

export function httpFacilitator(baseUrl: string, memoryOf: (order: Order) => PaymentMemory): PaywallFacilitator {
  const base = baseUrl.replace(/\/+$/, "");
  const settle = async (order: Order) => {
    const receipt = await call(`${base}/settle`, settleResponseSchema, order.traceId, envelope(order));
    return settledBefore(order, receipt) ?? passedOn(receipt);
  };
  const free = (order: Order, lease: Digest) => memoryOf(order).finish(memoryKey(order), lease, undefined, 0);

  return {
    holdsNothing: true,
    supported: (traceId) => call(`${base}/supported`, supportedResponseSchema, traceId),

    reserve: async (order, reservationId) => {
      const checked = await claim(order, reservationId, memoryOf(order));
      if (!checked.ok) return checked;
      let valid = false;
      try {
        const { isValid, invalidReason } = await call(`${base}/verify`, verifyResponseSchema, order.traceId, envelope(order));
        valid = isValid;
        return valid ? checked : { ok: false, code: known(invalidReason, "unexpected_verify_error"), payer: checked.reservation.payer };
      } finally {
        if (!valid) await free(order, reservationId);
      }
    },

    capture: settle,

    release: (order, { reservationId }) => free(order, reservationId),

    settle: async (order, settlementId) => {
      const checked = await claim(order, settlementId, memoryOf(order));
      if (!checked.ok) return settleFailure(checked.code, checked.payer);
      const receipt = await settle(order);
      // Refused for good: whoever presents it next need not wait for the lease to end.
      if (!receipt.success && receipt.errorReason !== "settlement_pending") await free(order, settlementId);
      return receipt;
    },
  };
}

/** Checks the signature here, so that only payers get a place in memory and hear what is in it, and takes the lease. */
async function claim(order: Order, lease: Digest, memory: PaymentMemory): Promise<Extract<ReserveResult, { ok: true }> | PaymentRefusal> {
  const verified = await verifyOrder(order);
  if (!verified.ok) return verified;
  const { payer, nonce, validBefore } = verified.payment;
  const begun = await memory.begin(memoryKey(order), lease, LEASE_SECONDS);
  if (!begun.granted) return { ok: false, code: "payment_in_progress", payer };
  if (begun.remembered) {
    // This payment has a story already; whoever can tell it goes on from there.
    await memory.finish(memoryKey(order), lease, begun.remembered, validBefore + RETENTION_SECONDS);
    return { ok: false, code: "nonce_replayed", payer };
  }
  if (validBefore < unixNow()) {
    await memory.finish(memoryKey(order), lease, undefined, 0);
    return { ok: false, code: "payment_expired", payer };
  }
  const reservation = { payer, nonce, reservationId: lease };
  return { ok: true, reservation, heldUntil: unixNow() + LEASE_SECONDS, transaction: verified.transaction };
}

/**
 * A plain /settle that is repeated says that the nonce is used. Where it names this payment's own settlement, that is the
 * success whose answer was lost: this merchant is paid, and until now nobody has got anything for it, or the memory would know.
 */
function settledBefore({ exact, offer: { network } }: Order, { errorReason, extra }: SettleResponse): SettleResponse | undefined {
  if (errorReason !== "nonce_replayed" || !exact) return undefined;
  const transaction = settlementOf(exact);
  const { from: payer, value: amount } = exact.authorization;
  return extra?.["transaction"] === transaction ? { success: true, payer, transaction, network, amount } : undefined;
}

/**
 * The receipt as its buyer hears it: the members of x402, codes that are ours, and no more than fits a header that every client reads.
 * @throws {Error} when not even the receipt's own members do: nobody could be told, so nobody knows
 */
function passedOn({ success, errorReason, payer, transaction, network, amount, extensions, extra }: SettleResponse): SettleResponse {
  const used = typeof extra?.["transaction"] === "string" && { transaction: extra["transaction"] };
  const plain: SettleResponse = {
    success,
    ...(!success && { errorReason: known(errorReason, "unexpected_settle_error") }),
    ...(payer && { payer }),
    transaction,
    network,
    ...(amount && { amount }),
  };
  const whole = success
    ? { ...plain, ...(extensions && { extensions }), ...(extra && { extra }) }
    : { ...plain, ...(used && { extra: used }) };
  const receipt = [whole, plain].find((each) => encodeHeader(each).length <= MAX_HEADER_BYTES / 2);
  if (!receipt) throw new Error("a receipt that fits no header");
  return receipt;
}

function envelope({ payment, offer }: Order) {
  return { x402Version: X402_VERSION, paymentPayload: payment, paymentRequirements: offer };
}

/** @throws {Error} for every answer that is not 200 and of the right shape: what the facilitator did is then unknown */
async function call<Schema extends z.core.$ZodType>(
  url: string,
  schema: Schema,
  traceId: string,
  body?: unknown,
): Promise<z.core.output<Schema>> {
  const headers = { [TRACE_ID]: traceId, "Content-Type": "application/json" };
  const response = await fetch(url, {
    headers,
    redirect: "manual",
    ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
  });
  const bytes = await readLimited(response, MAX_FACILITATOR_BODY_BYTES);
  const parsed = parseJson(bytes ?? "", MAX_FACILITATOR_BODY_BYTES, schema);
  if (response.status !== 200 || !parsed.ok) throw new Error(`${response.status} from the facilitator`);
  return parsed.value;
}

/** A code of ours, or one of ours for what has another name elsewhere. */
function known(reason: unknown, otherwise: ErrorCode): ErrorCode {
  return isErrorCode(reason) ? reason : otherwise;
}
