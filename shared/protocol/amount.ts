/** Amounts of money: decimal strings on the wire, BigInt in code, never a JavaScript number. spec/protocol.md §2. */

import * as z from "zod/mini";
import type { Brand } from "../brand.ts";
import { ASSET_DECIMALS, ASSET_SYMBOL } from "../lez.ts";
import { MAX_AMOUNT } from "../limits.ts";

/** Atomic units as a canonical decimal string: 1 … 2^128−1, no sign, no leading zero. */
export type Amount = Brand<"Amount">;

export function isAmount(value: unknown): value is Amount {
  return typeof value === "string" && /^[1-9][0-9]{0,38}$/.test(value) && BigInt(value) <= MAX_AMOUNT;
}

export const amountSchema = z.custom<Amount>(
  isAmount,
  "must be atomic units, 1 to 2^128-1, as a decimal string without sign or leading zero",
);

/** What is charged of an `upto`: an amount, or "0" if nothing was used. No other member may be "0". */
export type Charge = Amount | "0";

export const chargeSchema = z.custom<Charge>(
  (value) => value === "0" || isAmount(value),
  "must be atomic units, 0 to 2^128-1, as a decimal string without sign or leading zero",
);

/** Reads an amount that a person wrote: `1.5LGO`, or atomic units. Undefined for anything else: no sign, no exponent, no rounding. */
export function parseAmount(text: string): Amount | undefined {
  const lgo = new RegExp(`^(0|[1-9][0-9]{0,29})(?:\\.([0-9]{1,${ASSET_DECIMALS}}))?${ASSET_SYMBOL}$`);
  const [inLgo, whole = "", fraction = ""] = lgo.exec(text) ?? [];
  const atomic = inLgo === undefined ? text : BigInt(whole + fraction.padEnd(ASSET_DECIMALS, "0")).toString();
  return isAmount(atomic) ? atomic : undefined;
}

/** `10000` → `0.00001 LGO`, for people. */
export function displayAmount(atomic: string | bigint): string {
  return `${decimalAmount(atomic)} ${ASSET_SYMBOL}`;
}

/** `10000` → `0.00001`: an amount in whole coins, for spreadsheets. */
export function decimalAmount(atomic: string | bigint): string {
  const digits = BigInt(atomic)
    .toString()
    .padStart(ASSET_DECIMALS + 1, "0");
  const whole = digits.slice(0, -ASSET_DECIMALS);
  const fraction = digits.slice(-ASSET_DECIMALS).replace(/0+$/, "");
  return `${whole}${fraction && "."}${fraction}`;
}
