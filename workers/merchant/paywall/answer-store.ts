/**
 * Answers that were paid for, kept under the buyer's payment identifier so that they can be fetched again.
 *
 * claim → reserve → handler → store → capture → paid. Whoever dies in between leaves a claim that the same payment, presented
 * again under the same id, takes up where it stopped; another payment under that id is a conflict.
 */
import type { Reservation } from "../../../shared/settlement/backend.ts";
import type { Digest } from "../../../shared/crypto/digest.ts";
import type { SettleResponse } from "../../../shared/x402/x402.ts";

export interface StoredAnswer {
  status: number;
  headers: [string, string][];
  body: Uint8Array<ArrayBuffer>;
}

export type Claim =
  /** Yours to serve. The reservation id is the same for every run of this payment under this id. */
  | { state: "granted"; reservationId: Digest }
  /** Somebody is serving this very payment. */
  | { state: "busy" }
  /** The id was used with another payment. */
  | { state: "conflict" }
  /** The store has no room, and nothing in it may go. */
  | { state: "full" }
  /** The handler ran and its answer is here; whether the money moved is not known. */
  | { state: "stored"; reservation: Reservation; answer?: StoredAnswer }
  /** Paid. Without `answer`: it was not kept. */
  | { state: "paid"; receipt: SettleResponse; answer?: StoredAnswer };

/** `key`: route and id. `order`: names the signed payment. `lease`: random, fences out whoever lost the claim. */
export interface AnswerStore {
  claim(key: Digest, order: Digest, lease: Digest, seconds: number): Promise<Claim>;
  /** The answer that this very payment has bought under this id. Claims nothing. */
  recall(key: Digest, order: Digest): Promise<Extract<Claim, { state: "paid" }> | undefined>;
  /** False when the lease was lost: somebody else serves this payment now, and this run's answer must not leave. */
  store(key: Digest, lease: Digest, reservation: Reservation, answer: StoredAnswer | undefined): Promise<boolean>;
  /** Final, whoever says it: the money moved. */
  paid(key: Digest, receipt: SettleResponse): Promise<void>;
  /** Nothing was delivered: the id is free again. */
  free(key: Digest, lease: Digest): Promise<void>;
}
