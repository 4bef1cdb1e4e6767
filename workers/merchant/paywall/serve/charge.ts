/** What a handler charges for a payment of scheme `upto`: checked as it is said, so that the seller sees where the mistake is. */

import * as z from "zod/mini";
import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import type { ErrorCode } from "../../../../shared/errors.ts";
import { UPTO } from "../../../../shared/lez.ts";
import { type Charge, chargeSchema } from "../../../../shared/protocol/amount.ts";
import { usageProblem, usageSchema } from "../../../../shared/protocol/usage.ts";
import type { PaymentRequirements } from "../../../../shared/x402/x402.ts";
import type { Charged, PaymentContext } from "../types.ts";

type Charging = PaymentContext["charge"];

/** `charged` is absent if the handler charged nothing: the payment then costs all that was signed. */
export type Metered = { ok: true; charged?: Charged | undefined } | { ok: false; code: ErrorCode; error: ConfigurationError };

export interface Meter {
  charge: Charging;
  /** What was charged until now. Whatever the handler still says comes too late. */
  close(): Metered;
}

/** A mistake is thrown where it was made, and remembered: a handler that catches it must not sell for the whole amount. */
export function meterFor(offer: PaymentRequirements): Meter {
  let metered: Metered = { ok: true };
  let isClosed = false;
  return {
    charge(sum, usage) {
      if (isClosed) throw new ConfigurationError("charge: the answer was returned before");
      const again = !metered.ok || metered.charged ? "the payment was charged before" : undefined;
      const problem = again ?? problemWith(offer, sum, usage);
      if (!problem) {
        metered = { ok: true, charged: { amount: sum as Charge, ...(usage && { usage: usage.map((line) => ({ ...line })) }) } };
        return;
      }
      const error = new ConfigurationError(`charge: ${problem}`);
      const code = isBeyond(sum, offer.amount) ? "charge_exceeded" : "internal_error";
      if (metered.ok) metered = { ok: false, code, error };
      throw error;
    },
    close() {
      isClosed = true;
      return metered;
    },
  };
}

/** In a run for a payment whose money moved, or is not to be metered. */
export function unmetered({ scheme }: PaymentRequirements): Charging {
  return () => {
    if (scheme !== UPTO)
      throw new ConfigurationError(`charge: this payment is of scheme "${scheme}"; only one of "${UPTO}" can be charged`);
  };
}

/** Sellers of JavaScript charge anything. */
function problemWith(offer: PaymentRequirements, sum: string, usage: unknown): string | undefined {
  if (!z.safeParse(chargeSchema, sum).success) return 'the sum must be atomic units as a decimal string, or "0"';
  if (isBeyond(sum, offer.amount)) return `${sum} is more than ${offer.amount}, the most that the buyer signed`;
  const unitPrice = offer.extra?.["unitPrice"];
  if (usage === undefined) return unitPrice === undefined ? undefined : "the offer names a unitPrice, so the charge needs its usage";
  const lines = z.safeParse(usageSchema, usage);
  return lines.success ? usageProblem(lines.data, sum, offer) : `usage: ${lines.error.issues[0]?.message}`;
}

function isBeyond(sum: string, most: string): boolean {
  return z.safeParse(chargeSchema, sum).success && BigInt(sum) > BigInt(most);
}
