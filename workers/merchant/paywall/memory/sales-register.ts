/** A sale as the merchant records it, and the register that keeps it. */

import type { Digest } from "../../../../shared/crypto/digest.ts";
import type { AccountId } from "../../../../shared/protocol/account.ts";
import type { RefundObstacle } from "../../../../shared/protocol/refund-obstacle.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import type { DurableNamespace } from "../types.ts";

export interface RecordedSale {
  transaction: Digest;
  /** Names the payment in the merchant's memory. */
  key: Digest;
  /** Method and path of the route, as in `GET /reports/:id`. */
  route: string;
  /** The buyer's payment identifier, if it sent one. */
  paymentId?: string;
  /** `pending`: whether the money moved was unknown. It did if the ledger has the transaction; then the goods are owed. */
  status: "delivered" | "owed" | "pending";
  payer: AccountId;
  /** Atomic units. */
  amount: string;
  /** Absent: our ledger. */
  network?: string;
  /** Of goods that were not delivered in time, on a route that gives their money back. */
  refund?: SaleRefund;
}

/** What became of the money. `due`: it is under way. `made`: by the refund `transaction`. `owed`: the seller must do it, for the reason in `code`. */
export type SaleRefund =
  | { state: "due" }
  | { state: "made"; /** Absent if the seller had refunded it already. */ transaction?: Digest | undefined }
  | { state: "owed"; code: RefundObstacle };

/** What the objects of `Deliveries` do for sales. */
export interface SalesRegister {
  /** @param day its first second, in unix seconds @returns false if the register of that day is full */
  recordSales(sales: readonly RecordedSale[], day: number): Promise<boolean>;
  /** A page of the register, in the order of transactions. */
  listSales(after: string): Promise<RecordedSale[]>;
  /** Marks a sale as owed again. */
  reopenSale(transaction: Digest): Promise<RecordedSale | undefined>;
  /** Notes what became of the money, and the sale itself if it is not there. @returns false if the register of that day is full */
  recordRefund(sale: RecordedSale, day: number): Promise<boolean>;
  /** In the object of a payer: whether the payment's money goes back, so that it is served no more. */
  isRefunded(key: Digest): Promise<boolean>;
  /** In the object of a payer: the next repeat of the payment is served again, for free. False while it is being served. */
  reopen(key: Digest, receipt: SettleResponse, forgetAfter: number): Promise<boolean>;
}

/** In place of a route, of what a claim paid: a session may have bought of several. */
export const SESSIONS_ROUTE = "sessions";

const SECONDS_A_DAY = 86_400;

/**
 * The day that a payment belongs to, by its first second. It follows from what was signed, so that every run of one payment finds the
 * same register.
 * @param validAfter unix seconds
 */
export function dayOf(validAfter: number): number {
  return validAfter - (validAfter % SECONDS_A_DAY);
}

/** The register of one payee and one day is an object of its own. */
export function registerOf(namespace: DurableNamespace, payee: string, day: number): SalesRegister {
  return namespace.getByName(`sales/${payee}/${day}`) as SalesRegister;
}
