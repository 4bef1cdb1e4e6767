/**
 * Any x402 facilitator over HTTP: plain /verify and /settle, without holds. The lease in the merchant's memory keeps copies of a
 * payment apart instead: they run the handler one at a time, and one of them delivers.
 */

import type * as z from "zod/mini";
import type { Digest } from "../../../../shared/crypto/digest.ts";
import { type ErrorCode, isErrorCode } from "../../../../shared/errors.ts";
import { X402_VERSION } from "../../../../shared/lez.ts";
import {
  FACILITATOR_TIMEOUT_SECONDS,
  HOLD_SECONDS,
  MAX_FACILITATOR_BODY_BYTES,
  MAX_HEADER_BYTES,
  RETENTION_SECONDS,
} from "../../../../shared/limits.ts";
import type { PaymentRefusal } from "../../../../shared/protocol/refusal.ts";
import type { ReserveResult } from "../../../../shared/settlement/backend.ts";
import { settleFailure } from "../../../../shared/settlement/facilitator.ts";
import { parseJson } from "../../../../shared/text/json.ts";
import { unixNow } from "../../../../shared/time.ts";
import { readLimited } from "../../../../shared/x402/body.ts";
import { encodeHeader, TRACE_ID } from "../../../../shared/x402/headers.ts";
import { type SettleResponse, settleResponseSchema, supportedResponseSchema, verifyResponseSchema } from "../../../../shared/x402/x402.ts";
import { deliveryKey, transactionFor, verifyPresented } from "../presented-payment.ts";
import type { DeliveryStore, PaywallFacilitator, PresentedPayment } from "../types.ts";

/** The handler has as long as under a hold, and waiting for the facilitator takes none of that. */
const LEASE_SECONDS = FACILITATOR_TIMEOUT_SECONDS + HOLD_SECONDS;

export function httpFacilitator(baseUrl: string, deliveriesOf: (presented: PresentedPayment) => DeliveryStore): PaywallFacilitator {
  const base = baseUrl.replace(/\/+$/, "");
  const settle = async (presented: PresentedPayment) => {
    const receipt = await call(`${base}/settle`, settleResponseSchema, presented.traceId, envelope(presented));
    return alreadySettled(presented, receipt) ?? receiptForBuyer(receipt);
  };
  const free = (presented: PresentedPayment, lease: Digest) => deliveriesOf(presented).finish(deliveryKey(presented), lease, undefined, 0);

  return {
    supportsHolds: false,
    supported: (traceId) => call(`${base}/supported`, supportedResponseSchema, traceId),

    reserve: async (presented, reservationId) => {
      const checked = await takeLease(presented, reservationId, deliveriesOf(presented));
      if (!checked.ok) return checked;
      let valid = false;
      try {
        const { isValid, invalidReason } = await call(`${base}/verify`, verifyResponseSchema, presented.traceId, envelope(presented));
        valid = isValid;
        return valid ? checked : { ok: false, code: knownCode(invalidReason, "unexpected_verify_error"), payer: checked.reservation.payer };
      } finally {
        if (!valid) await free(presented, reservationId);
      }
    },

    capture: settle,

    release: (presented, { reservationId }) => free(presented, reservationId),

    settle: async (presented, settlementId) => {
      const checked = await takeLease(presented, settlementId, deliveriesOf(presented));
      if (!checked.ok) return settleFailure(checked.code, checked.payer);
      const receipt = await settle(presented);
      // The refusal is final, so the next attempt need not wait for the lease to end.
      if (!receipt.success && receipt.errorReason !== "settlement_pending") await free(presented, settlementId);
      return receipt;
    },
  };
}

/** Verifies the signature, then takes the lease: only payers can write to the memory or learn what it says. */
async function takeLease(
  presented: PresentedPayment,
  lease: Digest,
  deliveries: DeliveryStore,
): Promise<Extract<ReserveResult, { ok: true }> | PaymentRefusal> {
  const verified = await verifyPresented(presented);
  if (!verified.ok) return verified;
  const { payer, nonce, validBefore } = verified.payment;
  const begun = await deliveries.begin(deliveryKey(presented), lease, LEASE_SECONDS);
  if (!begun.granted) return { ok: false, code: "payment_in_progress", payer };
  if (begun.remembered) {
    // An earlier request left this state; the flow takes up from it after the refusal.
    await deliveries.finish(deliveryKey(presented), lease, begun.remembered, validBefore + RETENTION_SECONDS);
    return { ok: false, code: "nonce_replayed", payer };
  }
  if (validBefore < unixNow()) {
    await deliveries.finish(deliveryKey(presented), lease, undefined, 0);
    return { ok: false, code: "payment_expired", payer };
  }
  const reservation = { payer, nonce, reservationId: lease };
  return { ok: true, reservation, heldUntil: unixNow() + LEASE_SECONDS, transaction: verified.transaction };
}

/**
 * A repeated /settle answers that the nonce is used. If it names this payment's own transaction, that is the success whose answer was
 * lost: the merchant is paid and has not delivered yet, otherwise its memory would say so.
 */
function alreadySettled(
  { exact, offer: { network } }: PresentedPayment,
  { errorReason, extra }: SettleResponse,
): SettleResponse | undefined {
  if (errorReason !== "nonce_replayed" || !exact) return undefined;
  const transaction = transactionFor(exact);
  const { from: payer, value: amount } = exact.authorization;
  return extra?.["transaction"] === transaction ? { success: true, payer, transaction, network, amount } : undefined;
}

/**
 * The receipt for the buyer: x402's members, our codes, and no more than fits a header that every client reads.
 * @throws {Error} when the required members alone do not fit; the outcome is then unknown to the buyer
 */
function receiptForBuyer({ success, errorReason, payer, transaction, network, amount, extensions, extra }: SettleResponse): SettleResponse {
  const used = typeof extra?.["transaction"] === "string" && { transaction: extra["transaction"] };
  const plain: SettleResponse = {
    success,
    ...(!success && { errorReason: knownCode(errorReason, "unexpected_settle_error") }),
    ...(payer && { payer }),
    transaction,
    network,
    ...(amount && { amount }),
  };
  const whole = success
    ? { ...plain, ...(extensions && { extensions }), ...(extra && { extra }) }
    : { ...plain, ...(used && { extra: used }) };
  const receipt = [whole, plain].find((each) => encodeHeader(each).length <= MAX_HEADER_BYTES / 2);
  if (!receipt) throw new Error("the receipt does not fit into a header");
  return receipt;
}

function envelope({ payment, offer }: PresentedPayment) {
  return { x402Version: X402_VERSION, paymentPayload: payment, paymentRequirements: offer };
}

/** @throws {Error} unless the answer is 200 and has the right shape: what the facilitator did is then unknown */
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

/** The facilitator's reason if it is one of our codes. */
function knownCode(reason: unknown, otherwise: ErrorCode): ErrorCode {
  return isErrorCode(reason) ? reason : otherwise;
}
