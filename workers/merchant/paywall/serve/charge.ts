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

/** A handler's mistake: it charged what it must not. */
export type ChargeFault = { ok: false; code: ErrorCode; error: ConfigurationError };

/** `charged` is absent if the handler charged nothing: the payment then costs all that was signed. */
export type Metered = { ok: true; charged?: Charged | undefined } | ChargeFault;

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
      const isAgain = !metered.ok || metered.charged !== undefined;
      const fault = isAgain ? faultOf(offer, sum, "the payment was charged before") : chargeFault(offer, sum, usage);
      if (!fault) {
        metered = { ok: true, charged: { amount: sum as Charge, ...(usage && { usage: usage.map((line) => ({ ...line })) }) } };
        return;
      }
      if (metered.ok) metered = fault;
      throw fault.error;
    },
    close() {
      isClosed = true;
      return metered;
    },
  };
}

/**
 * In a run for a payment whose money moved, or is not to be metered.
 * @param isMetered whether the route counts while its answer flows, in sessions. Whoever pays in another way has paid all of it: nothing is added
 */
export function unmetered({ scheme }: PaymentRequirements, isMetered: () => boolean): Charging {
  return () => {
    if (scheme !== UPTO && !isMetered())
      throw new ConfigurationError(`charge: this payment is of scheme "${scheme}"; only one of "${UPTO}" can be charged`);
  };
}

/**
 * Why a handler must not charge this; undefined if it may.
 * @param before charged earlier for the same payment, in atomic units
 */
export function chargeFault(offer: PaymentRequirements, sum: string, usage: unknown, before = 0n): ChargeFault | undefined {
  const problem = problemWith(offer, sum, usage, before);
  return problem === undefined ? undefined : faultOf(offer, sum, problem, before);
}

function faultOf(offer: PaymentRequirements, sum: string, problem: string, before = 0n): ChargeFault {
  const code = isBeyond(sum, offer.amount, before) ? "charge_exceeded" : "internal_error";
  return { ok: false, code, error: new ConfigurationError(`charge: ${problem}`) };
}

/** Sellers of JavaScript charge anything. */
function problemWith(offer: PaymentRequirements, sum: string, usage: unknown, before: bigint): string | undefined {
  if (!z.safeParse(chargeSchema, sum).success) return 'the sum must be atomic units as a decimal string, or "0"';
  if (isBeyond(sum, offer.amount, before)) {
    const all = before > 0n ? `${sum} after ${before}` : sum;
    return `${all} is more than ${offer.amount}, the most that the buyer signed`;
  }
  const unitPrice = offer.extra?.["unitPrice"];
  if (usage === undefined) return unitPrice === undefined ? undefined : "the offer names a unitPrice, so the charge needs its usage";
  const lines = z.safeParse(usageSchema, usage);
  return lines.success ? usageProblem(lines.data, sum, offer) : `usage: ${lines.error.issues[0]?.message}`;
}

function isBeyond(sum: string, most: string, before: bigint): boolean {
  return z.safeParse(chargeSchema, sum).success && before + BigInt(sum) > BigInt(most);
}
