/** A mandate in the data of commands: its limits, as its owner signed them, and what the ledger says that it has used. */

import * as z from "zod";
import { ANY, REFUND_SCHEME } from "../../shared/protocol/mandate.ts";
import { bar } from "../../shared/screen/bar.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { worstCase } from "../../shared/screen/mandate-facts.ts";
import type { MandateUsage } from "../../shared/screen/mandate-usage.ts";
import { mandateLimits } from "../../shared/screen/mandate-usage.ts";
import { money } from "../../shared/screen/money.ts";
import type { FacilitatorInput } from "../facilitator/client.ts";
import { askUsage, usageSchema } from "../facilitator/mandate-status.ts";
import type { KeptMandate } from "../records/mandates.ts";
import type { Context } from "../runtime/context.ts";
import { expiry, expirySchema, expiryText } from "../runtime/expiry.ts";
import { field, type Layout } from "../runtime/layout.ts";
import { moneySchema } from "../runtime/money.ts";

export const mandateSchema = z.strictObject({
  shortCode: z.string(),
  mandate: z.string(),
  from: z.string(),
  agentKey: z.string(),
  perPayment: moneySchema,
  total: moneySchema,
  period: z.strictObject({ seconds: z.number(), amount: moneySchema, count: z.number().optional() }).optional(),
  /** The most that all of it can cost. */
  worst: moneySchema,
  payees: z.array(z.string()),
  origins: z.array(z.string()),
  schemes: z.array(z.string()),
  note: z.string().optional(),
  ...expirySchema,
  /** What the ledger says; absent if it did not answer. */
  usage: usageSchema.optional(),
  /** Why there is no usage. */
  problem: z.string().optional(),
});
export type MandateData = z.infer<typeof mandateSchema>;

/**
 * @param now unix seconds
 */
export async function mandateData(context: Context, input: FacilitatorInput, kept: KeptMandate, now: number): Promise<MandateData> {
  const { mandate } = kept.signed;
  const usage = await askUsage(context, input, kept, now);
  return {
    shortCode: kept.shortCode,
    mandate: kept.digest,
    from: mandate.from,
    agentKey: mandate.agent,
    ...mandateLimits(mandate),
    worst: money(worstCase(mandate), mandate.asset),
    ...expiry(Number(mandate.validBefore), now),
    ...(usage.ok ? { usage: usage.data } : { problem: usage.error.message }),
  };
}

/** Code, state, origins, and a bar of what is used and what is left. */
export function mandateLines(data: MandateData, layout: Layout): string[] {
  const { usage } = data;
  return [
    `${layout.ink("bold", data.shortCode)}${usage ? stateText(usage, data, layout) : ""}`,
    ...(data.schemes[0] === REFUND_SCHEME
      ? field(layout, "for", "refunds only, to the accounts that paid")
      : field(layout, "origins", data.origins.map((origin) => (origin === ANY ? "any" : showUnsafe(origin))).join(", "))),
    ...(usage ? usageLines(usage, data, layout) : field(layout, "used", `not known: ${showUnsafe(data.problem ?? "")}`)),
  ];
}

function stateText({ status, revokedAt }: MandateUsage, data: MandateData, layout: Layout): string {
  if (status === "open") return `  until ${expiryText(data)}`;
  return `  ${layout.ink("red", status === "revoked" ? `revoked ${revokedAt ?? ""}`.trimEnd() : "expired")}`;
}

function usageLines({ used, left, period }: MandateUsage, { total, period: limits }: MandateData, layout: Layout): string[] {
  const payments = period && (period.paymentsLeft === undefined ? "" : `, ${period.paymentsLeft} payments`);
  return [
    ...field(layout, "in all", `${bar(used.amount, total.amount)}  ${used.display} used, ${left.display} left`),
    ...(period && limits
      ? field(
          layout,
          "this period",
          `${bar(period.used.amount, limits.amount.amount)}  ${period.used.display} used, ${period.left.display}${payments} left until ${period.endsAt}`,
        )
      : []),
  ];
}
