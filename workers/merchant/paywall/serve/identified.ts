/** A payment with a payment identifier: its answer is stored, and the same payment under the same id fetches it again. */

import type { Context } from "hono";
import { utf8 } from "../../../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest, randomDigest } from "../../../../shared/crypto/digest.ts";
import { HOLD_SECONDS } from "../../../../shared/limits.ts";
import type { Reservation } from "../../../../shared/settlement/commands.ts";
import { unixNow } from "../../../../shared/time.ts";
import { encodeHeader, PAYMENT_RESPONSE } from "../../../../shared/x402/headers.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import { capture, withTimeout } from "../facilitator/within-timeout.ts";
import type { ClaimResult, IdempotencyStore, PaidResult, StoredAnswer } from "../memory/idempotency-store.ts";
import { chargedBy, payloadKey, verifyPresented } from "../presented-payment.ts";
import { passOnRefusal, refuseRequest, refuseUnsettled } from "../responses.ts";
import { signReceipt } from "../terms/signed-terms.ts";
import type { IdempotencyClaim, PaidRequest, PaywallEnv, ServeResult, SubstituteResponse } from "../types.ts";
import { bufferResponse } from "./buffer-response.ts";
import { conclude, finishLease, pendingReceipt } from "./deliver.ts";
import { redeliver } from "./redeliver.ts";

type Claimed = { granted: true; claim: IdempotencyClaim } | { granted: false; result: ServeResult };

/** Claims the id for this payment, or answers from what is stored under it. */
export async function claimIdentifier(request: PaidRequest, store: IdempotencyStore, id: string): Promise<Claimed> {
  const { presented, c } = request;
  // Verify the signature before the ledger does: only payers may write to the store.
  const verified = await verifyPresented(presented);
  if (!verified.ok) return { granted: false, result: passOnRefusal(request, verified) };
  const { payer, nonce } = verified.payment;

  const key = answerKey(c, id);
  const lease = randomDigest();
  const claimed = await withTimeout(store.claim(key, payloadKey(presented), lease, HOLD_SECONDS));
  if (claimed?.state === "granted") {
    return { granted: true, claim: identifierClaim(request, store, key, lease, { payer, nonce, reservationId: claimed.reservationId }) };
  }
  return { granted: false, result: await answerWithout(request, store, key, lease, claimed) };
}

/** What an answer is stored under: one route, one id. */
export function answerKey({ req }: Context<PaywallEnv>, id: string): Digest {
  return bodyDigest(utf8(`${req.method} ${req.path} ${id}`));
}

export function identifierClaim(
  request: PaidRequest,
  store: IdempotencyStore,
  key: Digest,
  lease: Digest,
  reservation: Reservation,
): IdempotencyClaim {
  let stored: boolean | undefined;
  return {
    reservationId: reservation.reservationId,
    storeAnswer: async (charged) => {
      const { response, copy } = await bufferResponse(request.c.res, request.outer.headers);
      request.c.res = undefined;
      request.c.res = response;
      stored = await withTimeout(store.store(key, lease, { ...reservation, ...(charged && { charged }) }, copy));
      return stored;
    },
    hasAnswer: () => stored === true,
    markPaid: (receipt) => withTimeout(store.paid(key, receipt)),
    free: () => withTimeout(store.free(key, lease)),
  };
}

/** The claim was not granted. */
async function answerWithout(
  request: PaidRequest,
  store: IdempotencyStore,
  key: Digest,
  lease: Digest,
  claimed: Exclude<ClaimResult, { state: "granted" }> | undefined,
): Promise<ServeResult> {
  switch (claimed?.state) {
    case "busy":
      return refuseRequest({ code: "payment_in_progress" });
    case "conflict":
      return refuseRequest({ code: "payment_identifier_conflict" });
    case "full":
      return refuseRequest({ code: "overloaded" });
    case "paid":
      return mayRedeliver(claimed, request.redeliverSeconds)
        ? redeliver(request, claimed.receipt)
        : storedResponse(claimed.receipt, claimed.answer, true);
    case "stored": {
      // An earlier run ended between handler and capture, or its capture had no answer. Only the capture is missing.
      const outcome = await capture(request, claimed.reservation, true);
      if (outcome.kind === "unknown") return refuseUnsettled(request, pendingReceipt(request, outcome.receipt));
      if (outcome.kind === "refused") {
        await withTimeout(store.free(key, lease));
        return refuseUnsettled(request, outcome.receipt);
      }
      const signed = await signReceipt(request, outcome.receipt);
      const { reservationId } = claimed.reservation;
      const withheld = request.refund && (await conclude(request, outcome.receipt, reservationId));
      if (withheld) return withheld;
      await withTimeout(store.paid(key, signed));
      // The earlier run did not record its delivery. Without holds nothing else keeps the payment from being served again.
      if (!request.facilitator.supportsHolds && !request.refund) await finishLease(request, reservationId, { state: "delivered" });
      return { ...storedResponse(signed, claimed.answer, false), charged: chargedBy(request.presented, signed) };
    }
    default: // no answer from the store
      return refuseRequest({ code: "facilitator_unavailable" });
  }
}

/** Whether the handler may make an answer again that was paid and is not stored. */
export function mayRedeliver({ answer, paidAt }: PaidResult, seconds: number): boolean {
  return seconds > 0 && answer === undefined && paidAt !== undefined && unixNow() <= paidAt + seconds;
}

/**
 * The same answer with the same receipt, or the receipt alone if the answer was not stored.
 * @param again it was paid for in an earlier request
 */
export function storedResponse(receipt: SettleResponse, answer: StoredAnswer | undefined, again: boolean): SubstituteResponse {
  if (!answer) return refuseRequest({ code: "answer_not_stored", receipt });
  const headers = new Headers(answer.headers);
  headers.set(PAYMENT_RESPONSE, encodeHeader(receipt));
  const response = new Response(answer.body.length > 0 ? answer.body : null, { status: answer.status, headers });
  return { answered: false, response, again, transaction: receipt.transaction };
}
