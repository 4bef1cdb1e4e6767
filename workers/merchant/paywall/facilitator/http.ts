/**
 * Any x402 facilitator over HTTP: plain /verify and /settle, without holds. The lease in the merchant's memory keeps copies of a
 * payment apart instead: they run the handler one at a time, and one of them delivers.
 */

import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import type { Digest } from "../../../../shared/crypto/digest.ts";
import { type ErrorCode, isErrorCode } from "../../../../shared/errors.ts";
import { X402_VERSION } from "../../../../shared/lez.ts";
import {
  CAPTURE_ATTEMPTS,
  FACILITATOR_TIMEOUT_SECONDS,
  HOLD_MARGIN_SECONDS,
  HOLD_SECONDS,
  MAX_HEADER_BYTES,
  RETENTION_SECONDS,
} from "../../../../shared/limits.ts";
import { logEvent } from "../../../../shared/log.ts";
import type { Charge } from "../../../../shared/protocol/amount.ts";
import type { PaymentRefusal } from "../../../../shared/protocol/refusal.ts";
import type { ReserveResult } from "../../../../shared/settlement/backend.ts";
import { settleFailure } from "../../../../shared/settlement/facilitator.ts";
import { unixNow } from "../../../../shared/time.ts";
import { encodeHeader } from "../../../../shared/x402/headers.ts";
import { type SettleResponse, settleResponseSchema, supportedResponseSchema, verifyResponseSchema } from "../../../../shared/x402/x402.ts";
import { deliveryKey, verifyPresented } from "../presented-payment.ts";
import type { DeliveryStore, FacilitatorAddress, PaywallFacilitator, PresentedPayment } from "../types.ts";
import { foreignWord } from "./foreign-word.ts";
import { call, type Fault } from "./http-call.ts";
import { outcomeOf } from "./within-timeout.ts";

/** A lease outlasts the calls that are made under it. It is renewed for the handler, and for the capture. */
const CALL_LEASE_SECONDS = FACILITATOR_TIMEOUT_SECONDS + HOLD_MARGIN_SECONDS;
const CAPTURE_LEASE_SECONDS = CAPTURE_ATTEMPTS * FACILITATOR_TIMEOUT_SECONDS + HOLD_MARGIN_SECONDS;

/** One request's view of the facilitator. */
export function httpFacilitator(
  address: FacilitatorAddress,
  maxUnsettled: number,
  deliveriesOf: (presented: PresentedPayment) => DeliveryStore,
): PaywallFacilitator {
  let hasRefused = false;
  const renew = async (presented: PresentedPayment, lease: Digest) =>
    (await deliveriesOf(presented).begin(deliveryKey(presented), lease, CAPTURE_LEASE_SECONDS)).granted;
  const free = (presented: PresentedPayment, lease: Digest) => deliveriesOf(presented).finish(deliveryKey(presented), lease, undefined, 0);

  return {
    supportsHolds: false,
    address,

    supported: async (traceId) => {
      const answer = await call(address, "/supported", supportedResponseSchema, traceId, undefined, () => false);
      if (answer.ok) return answer.value;
      const { kind, cause, remedy } = answer.fault;
      const problem = `the facilitator at ${address.base} cannot be used: ${cause}. ${remedy}`;
      throw kind === "setup" ? new ConfigurationError(problem) : new Error(problem);
    },

    reserve: async (presented, reservationId) => {
      const deliveries = deliveriesOf(presented);
      if (!deliveries.startRun) throw new ConfigurationError('flow "authorization" at this facilitator needs a memory with startRun');
      const checked = await takeLease(presented, reservationId, deliveries);
      if (!checked.ok) return checked;
      const refused = (await verify(address, presented)) ?? (await startRun(presented, reservationId, maxUnsettled, deliveries));
      if (!refused) return { ...checked, heldUntil: unixNow() + HOLD_SECONDS };
      await free(presented, reservationId);
      return { ...refused, payer: checked.reservation.payer };
    },

    capture: async (presented, { payer, reservationId }, repeated, charge) => {
      // Another request may have taken over a lease that lapsed. That one settles then, and delivers. A repeated call is under the lease
      // of the first, or of the request that took up from it.
      if (!repeated) {
        const renewed = await renew(presented, reservationId).catch(() => undefined);
        // Without the memory nothing was sent, and a second attempt must not pass for a repeated one.
        if (renewed === undefined) return settleFailure("facilitator_unavailable", payer);
        if (!renewed) return settleFailure("settlement_pending", payer);
      }
      const receipt = await settle(address, presented, repeated, charge);
      hasRefused = outcomeOf(receipt).kind === "refused";
      return receipt;
    },

    release: async (presented, { reservationId }) => {
      // A run whose payment was refused after it stays counted: its payer had the handler work unpaid.
      if (!hasRefused) await deliveriesOf(presented).endRun?.(deliveryKey(presented));
      await free(presented, reservationId);
    },

    settle: async (presented, settlementId) => {
      const checked = await takeLease(presented, settlementId, deliveriesOf(presented));
      if (!checked.ok) return settleFailure(checked.code, checked.payer);
      const receipt = await settle(address, presented, false);
      // The refusal is final, so the next attempt need not wait for the lease to end.
      if (outcomeOf(receipt).kind === "refused") await free(presented, settlementId);
      return receipt;
    },
  };
}

/** One call of /settle. @param repeated whether an earlier one may have settled the payment */
export async function settle(
  address: FacilitatorAddress,
  presented: PresentedPayment,
  repeated: boolean,
  charge?: Charge,
): Promise<SettleResponse> {
  const body = envelope(presented, charge);
  const answer = await call(address, "/settle", settleResponseSchema, presented.traceId, body, ({ success }) => !success);
  if (!answer.ok) return unsettled(presented, answer.fault, repeated);
  const receipt = (repeated && alreadySettled(presented, answer.value, charge)) || receiptForBuyer(answer.value);
  if (!receipt.success) logReason(presented, "/settle", receipt.errorReason, answer.value.errorReason);
  return receipt;
}

/** undefined: the facilitator finds the payment valid. */
export async function verify(address: FacilitatorAddress, presented: PresentedPayment): Promise<PaymentRefusal | undefined> {
  const answer = await call(address, "/verify", verifyResponseSchema, presented.traceId, envelope(presented), ({ isValid }) => !isValid);
  if (!answer.ok) return { ok: false, code: answer.fault.kind === "setup" ? "internal_error" : "facilitator_unavailable" };
  const { isValid, invalidReason } = answer.value;
  if (isValid) return undefined;
  const code = knownCode(invalidReason);
  logReason(presented, "/verify", code, invalidReason);
  const facilitatorReason = foreignWord(invalidReason);
  return { ok: false, code, ...(code === "facilitator_refused" && facilitatorReason && { facilitatorReason }) };
}

/** Renews the lease for the handler and counts the run. undefined: it may start. */
async function startRun(
  presented: PresentedPayment,
  lease: Digest,
  maxUnsettled: number,
  deliveries: DeliveryStore,
): Promise<PaymentRefusal | undefined> {
  const started = await deliveries.startRun?.(deliveryKey(presented), lease, HOLD_SECONDS, maxUnsettled);
  if (started === "started") return undefined;
  return { ok: false, code: started === "too_many" ? "unsettled_runs" : "payment_in_progress" };
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
  const begun = await deliveries.begin(deliveryKey(presented), lease, CALL_LEASE_SECONDS);
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
  return { ok: true, reservation, heldUntil: unixNow() + CALL_LEASE_SECONDS, transaction: verified.transaction };
}

/** A first call that was turned away moved nothing. After any other fault the outcome is unknown. */
function unsettled({ facts }: PresentedPayment, { did, kind }: Fault, repeated: boolean): SettleResponse {
  const payer = facts?.payer;
  if (did === "unknown" || repeated) return settleFailure("settlement_pending", payer);
  return settleFailure(kind === "setup" ? "internal_error" : "facilitator_unavailable", payer);
}

/**
 * A repeated /settle answers that the nonce is used. If it names this payment's own transaction, that is the success whose answer was
 * lost. On a first attempt it is another merchant's success, or another deployment's of this one, and buys nothing here.
 */
function alreadySettled(
  { facts, offer: { network } }: PresentedPayment,
  { errorReason, extra }: SettleResponse,
  charge: Charge | undefined,
): SettleResponse | undefined {
  if (errorReason !== "nonce_replayed" || !facts) return undefined;
  const { payer, transaction } = facts;
  const amount = charge ?? facts.amount; // the earlier attempt's, too
  // A facilitator that does not say which transaction used the nonce leaves the outcome of the first attempt unknown.
  if (extra?.["transaction"] === undefined) return settleFailure("settlement_pending", payer);
  return extra["transaction"] === transaction ? { success: true, payer, transaction, network, amount } : undefined;
}

/**
 * The receipt for the buyer: x402's members, our codes, and no more than fits a header that every client reads. A receipt whose required
 * members alone do not fit is no receipt: the outcome is then unknown.
 */
function receiptForBuyer({ success, errorReason, payer, transaction, network, amount, extensions, extra }: SettleResponse): SettleResponse {
  const code = knownCode(errorReason);
  // A facilitator that failed unexpectedly may have sent the transaction.
  const isUnknown = !success && UNKNOWN_OUTCOME.has(code);
  const reason = code === "facilitator_refused" ? foreignWord(errorReason) : undefined;
  const used = { ...(typeof extra?.["transaction"] === "string" && { transaction: extra["transaction"] }), ...waitOf(extra) };
  const plain: SettleResponse = {
    success,
    ...(!success && { errorReason: isUnknown ? "settlement_pending" : code }),
    ...(payer && { payer }),
    transaction,
    network,
    ...(amount && { amount }),
    ...(reason && { extra: { facilitatorReason: reason } }),
  };
  const whole = success
    ? { ...plain, ...(extensions && { extensions }), ...(extra && { extra }) }
    : { ...plain, ...((reason ?? extra) && { extra: { ...plain.extra, ...used } }) };
  return [whole, plain].find((each) => encodeHeader(each).length <= MAX_HEADER_BYTES / 2) ?? settleFailure("settlement_pending");
}

function waitOf(extra: SettleResponse["extra"]) {
  const seconds = extra?.["retryAfterSeconds"];
  return typeof seconds === "number" && { retryAfterSeconds: seconds };
}

const UNKNOWN_OUTCOME: ReadonlySet<ErrorCode> = new Set(["settlement_pending", "unexpected_settle_error", "internal_error"]);

/** @param charge in place of the amount: how x402 says what of an `upto` is settled */
function envelope({ payment, offer }: PresentedPayment, charge?: Charge) {
  const paymentRequirements = charge === undefined ? offer : { ...offer, amount: charge };
  return { x402Version: X402_VERSION, paymentPayload: payment, paymentRequirements };
}

/** Our code for the facilitator's reason. */
function knownCode(reason: unknown): ErrorCode {
  return isErrorCode(reason) ? reason : "facilitator_refused";
}

/** Logs the facilitator's own word where the code of the refusal does not say it. */
function logReason({ traceId }: PresentedPayment, path: string, code: unknown, reason: unknown): void {
  if (code === reason) return;
  logEvent("facilitator.refused", { traceId, path, facilitatorReason: foreignWord(reason) ?? "no code" });
}
