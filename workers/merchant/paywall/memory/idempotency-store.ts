/**
 * Paid answers, stored under the buyer's payment identifier so that they can be fetched again.
 *
 * claim → reserve → handler → store → capture → paid. A merchant that dies in between leaves a claim. The same payment under the same
 * id takes it up where it stopped; another payment under that id is a conflict.
 */

import type { Digest } from "../../../../shared/crypto/digest.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import type { DeliveredHold } from "../types.ts";

export interface StoredAnswer {
  status: number;
  headers: [string, string][];
  body: Uint8Array<ArrayBuffer>;
}

export type ClaimResult =
  /** The caller may serve the payment. The reservation id is the same for every run of it under this id. */
  | { state: "granted"; reservationId: Digest }
  /** Another request is serving this payment. */
  | { state: "busy" }
  /** The id was used with another payment. */
  | { state: "conflict" }
  /** The store is full, and none of its entries may be evicted. */
  | { state: "full" }
  /** The handler ran and its answer is here; whether the money moved is unknown. */
  | { state: "stored"; reservation: DeliveredHold; answer?: StoredAnswer }
  /** Without `answer`: it was not stored. `paidAt`: unix seconds; version 0.1 does not tell. */
  | { state: "paid"; receipt: SettleResponse; answer?: StoredAnswer; paidAt?: number };

export type PaidResult = Extract<ClaimResult, { state: "paid" }>;

/** `key`: route and id. `payment`: the signed payment's name. `lease`: random; only its latest holder may store or free. */
export interface IdempotencyStore {
  claim(key: Digest, payment: Digest, lease: Digest, seconds: number): Promise<ClaimResult>;
  /** The answer that this payment bought under this id. Claims nothing. */
  recall(key: Digest, payment: Digest): Promise<PaidResult | undefined>;
  /** False if another lease has claimed the payment since: this run's answer must not be sent. */
  store(key: Digest, lease: Digest, reservation: DeliveredHold, answer: StoredAnswer | undefined): Promise<boolean>;
  /** The money moved. Final, and any caller may say it. */
  paid(key: Digest, receipt: SettleResponse): Promise<void>;
  /** Nothing was delivered: frees the id. */
  free(key: Digest, lease: Digest): Promise<void>;
}
