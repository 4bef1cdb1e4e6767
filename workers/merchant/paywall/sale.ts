/** One paid request: the payment, what it is for, and everybody who takes part. */
import type { Context, Next } from "hono";
import type { Reservation } from "../../../shared/settlement/backend.ts";
import type { Digest } from "../../../shared/crypto/digest.ts";
import type { ErrorCode } from "../../../shared/errors.ts";
import { settleFailure } from "../../../shared/settlement/facilitator.ts";
import { RETENTION_SECONDS, UNDELIVERED_SECONDS } from "../../../shared/limits.ts";
import type { SettleResponse } from "../../../shared/x402/x402.ts";
import type { Challenge } from "./challenge.ts";
import { ask, type PaywallFacilitator } from "./facilitator.ts";
import type { MerchantSigner } from "./merchant-signer.ts";
import type { PaymentMemory, Remembered } from "./memory.ts";
import type { PaywallEnv } from "./options.ts";
import { memoryKey, type Order, settlementOf } from "./order.ts";

export interface Sale {
  c: Context<PaywallEnv>;
  next: Next;
  order: Order;
  challenge: Challenge;
  /** Signs what is delivered, where the merchant has a key. */
  signer: MerchantSigner | undefined;
  facilitator: PaywallFacilitator;
  /** Asked for only when there is something to remember. */
  memory: () => PaymentMemory;
  /** Has the headers that middleware around the paywall had set before it. */
  outer: Response;
}

export type SaleResult =
  /** The handler's response stands in `c.res` and may go out. `delivered`: it is the goods, and they are paid for. */
  { answered: true; delivered: boolean } | Unanswered;

/** This goes out instead. Without a code it is an answer that was bought before. */
export type Unanswered = { answered: false; response: Response; code?: ErrorCode };

/** Ends the lease on a payment, and says what is left to know of it. */
export async function remember({ memory, order }: Sale, lease: Digest, remembered: Remembered | undefined): Promise<void> {
  const validBefore = Number(order.exact?.authorization.validBefore ?? 0);
  const forgetAfter = validBefore + (remembered?.state === "delivered" ? RETENTION_SECONDS : UNDELIVERED_SECONDS);
  await ask(memory().finish(memoryKey(order), lease, remembered, forgetAfter));
}

/** Remembers which reservation to ask about, and says that its outcome is not known. */
export async function leavePending(sale: Sale, reservation: Reservation): Promise<SettleResponse> {
  await remember(sale, reservation.reservationId, { state: "pending", reservation });
  return pendingReceipt(sale);
}

/** Transaction and network are known whatever the outcome is, so the buyer can look it up. */
export function pendingReceipt({ order }: Sale): SettleResponse {
  const { exact } = order;
  return { ...settleFailure("settlement_pending", exact?.authorization.from), transaction: exact ? settlementOf(exact) : "" };
}
