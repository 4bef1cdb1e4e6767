/** The merchant's own record of its sales: the route, the buyer's payment identifier, and whether the goods went out. */

import type { Digest } from "../../shared/crypto/digest.ts";
import { CLOCK_SKEW_SECONDS, MAX_HOLD_SECONDS, MAX_VALIDITY_SECONDS } from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { readRegister, type Register } from "../merchant/sales-register.ts";
import type { Context } from "../runtime/context.ts";
import { MAX_REGISTER_DAYS } from "../runtime/limits.ts";
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
  /** What it does with the money of goods that it did not deliver in time: `due`, `made`, or `owed` for the reason in `code`. */
  refund?: { state: string; code?: string | undefined } | undefined;
  /** The day of the register, by its first second. */
  day: number;
}

/** Records are loaded for a time before they are looked up. */
export interface SaleRecords {
  /** The merchant that they come from; undefined if there is none. */
  origin: string | undefined;
  /** Makes the records of payments that settled then available. Unix seconds. */
  load(times: readonly number[]): Promise<Outcome<undefined>>;
  find(transaction: Digest): SaleRecord | undefined;
}

export const NO_RECORDS: SaleRecords = { origin: undefined, load: async () => succeed(undefined), find: () => undefined };

const SECONDS_A_DAY = 86_400;

/** The register has a payment under the day from which it was valid, which is that of its settlement or one close to it. */
function daysOf(settledAt: number): number[] {
  const times = [settledAt - MAX_VALIDITY_SECONDS - MAX_HOLD_SECONDS, settledAt, settledAt + CLOCK_SKEW_SECONDS];
  return times.map((time) => time - (time % SECONDS_A_DAY));
}

/** Keeps the last days, since sales are read in the order of their times. */
export function recordsAt(context: Context, register: Register): SaleRecords {
  const days = new Map<number, Map<Digest, SaleRecord>>();
  return {
    origin: register.merchant,
    async load(times) {
      const wanted = new Set(times.flatMap(daysOf));
      for (const day of wanted) {
        if (days.has(day)) continue;
        const read = await readRegister(context, register, day);
        if (!read.ok) return read;
        days.set(day, new Map(read.data.map(({ amount, ...sale }) => [sale.transaction, { ...sale, amount: BigInt(amount), day }])));
      }
      for (const day of days.keys()) if (days.size > MAX_REGISTER_DAYS && !wanted.has(day)) days.delete(day);
      return succeed(undefined);
    },
    find(transaction) {
      for (const day of days.values()) {
        const found = day.get(transaction);
        if (found) return found;
      }
      return undefined;
    },
  };
}
