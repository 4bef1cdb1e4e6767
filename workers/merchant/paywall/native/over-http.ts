/**
 * The same over HTTP, where each /settle is another settlement to the facilitator, and gets one receipt. Its answer can be lost, so the payment
 * is on the merchant's disk before it is sent: once /verify has found it good. Afterwards `nonce_replayed` may be that receipt, and the
 * payment's status tells.
 */

import * as z from "zod/mini";
import { digestSchema, randomDigest } from "../../../../shared/crypto/digest.ts";
import { settleFailure } from "../../../../shared/settlement/facilitator.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import { call } from "../facilitator/http-call.ts";
import { settle, verify } from "../facilitator/http.ts";
import { type Outcome, outcomeOf } from "../facilitator/within-timeout.ts";
import { pendingReceipt } from "../serve/deliver.ts";
import type { FacilitatorAddress, PaidRequest } from "../types.ts";
import type { ReadPayload } from "./facts.ts";
import { NO_LEASE, recallState } from "./recall-state.ts";

const statusSchema = z.looseObject({ status: z.string(), transaction: z.optional(digestSchema) });

export async function settleOverHttp(address: FacilitatorAddress, request: PaidRequest, { transfer }: ReadPayload): Promise<Outcome> {
  const { presented } = request;
  const { facts } = presented;
  if (!facts) return { kind: "unknown" };
  const deliveries = request.deliveries();
  const refused = (code: Parameters<typeof settleFailure>[0]): Outcome =>
    outcomeOf({ ...settleFailure(code, facts.payer), network: presented.offer.network });
  const lease = randomDigest();
  let isKnown = (await recallState(request, facts)) !== undefined;
  if (!isKnown) {
    const invalid = await verify(address, presented);
    if (invalid) return refused(invalid.code);
    const { payer, nonce } = facts;
    const begun = await deliveries.begin(facts.key, lease, NO_LEASE, {
      state: "pending",
      reservation: { payer, nonce, reservationId: lease },
    });
    // Of copies that came at once, one is the first.
    isKnown = !begun.granted || begun.remembered !== undefined;
  }
  const outcome = outcomeOf(await settle(address, presented, false));
  if (outcome.kind === "unknown") return named(request, outcome.receipt);
  if (outcome.kind !== "refused" || outcome.receipt.errorReason !== "nonce_replayed") return outcome;
  if (isKnown) return lostReceipt(address, request, transfer, outcome);
  // A settlement of another merchant's: it buys nothing here.
  await deliveries.finish(facts.key, lease, undefined, 0);
  return outcome;
}

/** `nonce_replayed` to a payment that was sent before. */
async function lostReceipt(
  address: FacilitatorAddress,
  request: PaidRequest,
  { h, nonce, payer }: ReadPayload["transfer"],
  outcome: Outcome,
): Promise<Outcome> {
  const { presented } = request;
  const { network, amount } = presented.offer;
  const path = `/settlements/${encodeURIComponent(network)}/${payer}/${nonce}?h=${h}`;
  const said = await call(address, path, statusSchema, presented.traceId, undefined, () => false);
  // A facilitator that does not say what used the nonce leaves the outcome of the first attempt unknown.
  if (!said.ok) return named(request);
  const { status, transaction } = said.value;
  if (status !== "settled" || transaction === undefined) return outcome;
  const receipt: SettleResponse = { success: true, payer, transaction, network, amount };
  return { kind: "settled", receipt };
}

/** The buyer can look the transaction up. The payment was verified, now or when it was first sent. */
function named(request: PaidRequest, answer?: SettleResponse): Outcome {
  return {
    kind: "unknown",
    receipt: answer?.transaction ? answer : { ...pendingReceipt(request), ...(answer?.extra && { extra: answer.extra }) },
  };
}
