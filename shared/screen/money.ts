/** An amount as commands and pages list it. */

import { displayAmount } from "../protocol/amount.ts";

export interface Money {
  /** Atomic units. */
  amount: string;
  asset: string;
  display: string;
}

/** @param units atomic units */
export function money(units: string | bigint, asset: string): Money {
  return { amount: units.toString(), asset, display: displayAmount(units) };
}
