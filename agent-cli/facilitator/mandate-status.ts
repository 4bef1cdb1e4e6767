/** What a mandate has used, from the ledger that counts it. */

import * as z from "zod";
import { NETWORK } from "../../shared/lez.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { wholeNumber } from "../../shared/whole-number.ts";
import type { KeptMandate } from "../records/mandates.ts";
import type { Context } from "../runtime/context.ts";
import { BALANCE_TIMEOUT_SECONDS } from "../runtime/limits.ts";
import { money, moneySchema } from "../runtime/money.ts";
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

export const usageSchema = z.strictObject({
  status: z.enum(["open", "revoked", "expired"]),
  revokedAt: z.string().optional(),
  /** Paid, and held for payments under way. */
  used: moneySchema,
  /** The part of it that is held. */
  held: moneySchema,
  left: moneySchema,
  /** The present period, if the mandate has one and a payment has begun it. */
  period: z
    .strictObject({ used: moneySchema, left: moneySchema, payments: z.number(), paymentsLeft: z.number().optional(), endsAt: z.string() })
    .optional(),
});
export type MandateUsage = z.infer<typeof usageSchema>;

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
  const { status, revokedAt, revokedBefore, settled = "0", claimed = "0", period } = answer.data;
  const asset = mandate.asset;
  const used = BigInt(settled) + BigInt(claimed);
  const left = (limit: string, used: bigint) => money((BigInt(limit) > used ? BigInt(limit) - used : 0n).toString(), asset);
  // Of a mandate that was never used the ledger knows only what its owner revoked all of.
  const at = revokedAt ?? (revokedBefore !== undefined && Number(mandate.grantedAt) <= revokedBefore ? revokedBefore : undefined);
  const limits = mandate.period;
  return succeed({
    status: status === "revoked" || at !== undefined ? "revoked" : now > Number(mandate.validBefore) ? "expired" : "open",
    ...(at !== undefined && { revokedAt: formatTimestamp(at) }),
    used: money(used.toString(), asset),
    held: money(claimed, asset),
    left: left(mandate.total, used),
    ...(period &&
      limits && {
        period: {
          used: money(period.used, asset),
          left: left(limits.amount, BigInt(period.used)),
          payments: period.payments,
          ...(limits.count !== undefined && { paymentsLeft: Math.max(0, Number(limits.count) - period.payments) }),
          endsAt: formatTimestamp(period.endsAt),
        },
      }),
  });
}
