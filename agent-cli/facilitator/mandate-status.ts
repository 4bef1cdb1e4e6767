/** What a mandate has used, from the ledger that counts it. */

import * as z from "zod";
import { NETWORK } from "../../shared/lez.ts";
import { type MandateUsage, mandateUsage } from "../../shared/screen/mandate-usage.ts";
import { wholeNumber } from "../../shared/whole-number.ts";
import type { KeptMandate } from "../records/mandates.ts";
import type { Context } from "../runtime/context.ts";
import { BALANCE_TIMEOUT_SECONDS } from "../runtime/limits.ts";
import { moneySchema } from "../runtime/money.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { callFacilitator, type FacilitatorInput, secondsSchema } from "./client.ts";
import { shownLedger } from "./other-ledger.ts";

const units = z.string().regex(/^(0|[1-9][0-9]{0,38})$/, "must be atomic units");

const answerSchema = z.looseObject({
  ledger: z.string(),
  status: z.enum(["unused", "open", "revoked"]),
  revokedAt: z.optional(secondsSchema),
  revokedBefore: z.optional(secondsSchema),
  settled: units.optional(),
  claimed: units.optional(),
  period: z.looseObject({ used: units, payments: wholeNumber(), endsAt: secondsSchema }).optional(),
});

export const usageSchema: z.ZodType<MandateUsage> = z.strictObject({
  status: z.enum(["open", "revoked", "expired"]),
  revokedAt: z.string().optional(),
  used: moneySchema,
  held: moneySchema,
  left: moneySchema,
  period: z
    .strictObject({ used: moneySchema, left: moneySchema, payments: z.number(), paymentsLeft: z.number().optional(), endsAt: z.string() })
    .optional(),
});

/**
 * @param now unix seconds
 */
export async function askUsage(
  context: Context,
  input: FacilitatorInput,
  { digest, signed: { mandate } }: Pick<KeptMandate, "digest" | "signed">,
  now: number,
): Promise<Outcome<MandateUsage>> {
  const path = `/mandates/${encodeURIComponent(NETWORK)}/${mandate.from}/${digest}`;
  const answer = await callFacilitator(context, input, { path, answer: answerSchema, timeoutSeconds: BALANCE_TIMEOUT_SECONDS });
  if (!answer.ok) return answer;
  const { ledger } = answer.data;
  if (ledger !== mandate.ledger) {
    return fail(
      "unsupported",
      `This facilitator keeps another ledger (${shownLedger(ledger)}) than the mandate's (${shownLedger(mandate.ledger)}).`,
    );
  }
  return succeed(mandateUsage(mandate, answer.data, now));
}
