/** What evidence says of the mandate that an agent paid under, as data and as text. The owner read these limits, not this payment. */

import * as z from "zod";
import { mandateDigest, type SignedMandate } from "../../shared/protocol/mandate.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { limitsText, worstCase } from "../../shared/screen/mandate-facts.ts";
import { money } from "../../shared/screen/money.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { field, type Layout } from "../runtime/layout.ts";
import { moneySchema } from "../runtime/money.ts";

/** The mandate that the agent paid under. */
export const mandateStatementSchema = z.strictObject({
  shortCode: z.string(),
  mandate: z.string(),
  grantedAt: z.string(),
  validBefore: z.string(),
  /** The most that all of it could cost. */
  worst: moneySchema,
  /** In words. */
  limits: z.string(),
  agentKey: z.string(),
  /** When its agent signed the payment, or the session. */
  signedAt: z.string(),
});
type MandateStatement = z.infer<typeof mandateStatementSchema>;

export function mandateOf({ mandate }: SignedMandate, signedAt: string): MandateStatement {
  const { asset, grantedAt, validBefore, agent } = mandate;
  const digest = mandateDigest(mandate);
  return {
    shortCode: shortCode(digest),
    mandate: digest,
    grantedAt: formatTimestamp(Number(grantedAt)),
    validBefore: formatTimestamp(Number(validBefore)),
    worst: money(worstCase(mandate).toString(), asset),
    limits: limitsText(mandate),
    agentKey: agent,
    signedAt,
  };
}

export function mandateLines(mandate: MandateStatement, layout: Layout): string[] {
  return [
    ...field(layout, "mandate", `${mandate.shortCode}, granted at ${mandate.grantedAt}, valid until ${mandate.validBefore}`),
    ...field(layout, "limits", mandate.limits),
    ...field(layout, "agent key", mandate.agentKey),
    ...field(layout, "signed at", mandate.signedAt),
  ];
}
