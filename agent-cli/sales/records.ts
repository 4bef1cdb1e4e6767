/** The merchant's own record of its sales: the route, the buyer's payment identifier, and whether the goods went out. */

import type { Digest } from "../../shared/crypto/digest.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";

export interface SaleRecord {
  transaction: Digest;
  /** Method and path of the route. */
  route: string;
  /** The buyer's, if it sent one. */
  paymentId?: string | undefined;
  status: "delivered" | "owed" | "pending";
  payer: AccountId;
  /** Atomic units. */
  amount: bigint;
}

/** Records are loaded for a time before they are looked up. */
export interface SaleRecords {
  /** Where they come from; undefined if there are none. */
  origin: string | undefined;
  /** Makes the records of payments that were made then available. Unix seconds. */
  load(from: number, to: number): Promise<Outcome<undefined>>;
  find(transaction: Digest): SaleRecord | undefined;
}

export const NO_RECORDS: SaleRecords = { origin: undefined, load: async () => succeed(undefined), find: () => undefined };
