/** The register's days checked against the ledger, as far as that can be done. */

import type { AccountId } from "../../../../shared/protocol/account.ts";
import type { DurableNamespace, PaywallBindings } from "../types.ts";
import { compare, type Comparison } from "./compare.ts";
import { type LedgerReading, readLedger } from "./read-ledger.ts";
import { type Calls, type DayOfSales, readPeriod } from "./read-period.ts";

export type LedgerCheck =
  | Exclude<LedgerReading, { state: "read" }>
  | { state: "compared"; reading: Extract<LedgerReading, { state: "read" }>; comparison: Comparison };

interface Asked {
  payee: AccountId;
  namespace: DurableNamespace;
  period: readonly DayOfSales[];
  calls: Calls;
}

/** @returns undefined if the register did not answer */
export async function checkAgainstLedger(
  env: PaywallBindings,
  { payee, namespace, period, calls }: Asked,
): Promise<LedgerCheck | undefined> {
  const reading = await readLedger(env, payee, Math.min(...period.map(({ day }) => day)), calls);
  if (reading.state !== "read") return reading;
  const { entries, ledger } = reading;
  const comparison = compare(period, entries, ledger);
  if (comparison.ask.length === 0) return { state: "compared", reading, comparison };
  const around = await readPeriod(namespace, payee, comparison.ask, calls);
  if (!around) return undefined;
  return { state: "compared", reading, comparison: compare(period, entries, ledger, around) };
}
