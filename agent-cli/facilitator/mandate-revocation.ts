/** Ends mandates at the ledger, for the owner or for the agent, and says what can still be paid under them. */

import * as z from "zod";
import { ASSET } from "../../shared/lez.ts";
import type { SignedRevocation } from "../../shared/protocol/revocation.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { wholeNumber } from "../../shared/whole-number.ts";
import type { Context } from "../runtime/context.ts";
import { counted } from "../runtime/layout.ts";
import { money, moneySchema } from "../runtime/money.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { callFacilitator, type FacilitatorInput, secondsSchema } from "./client.ts";

const answerSchema = z.looseObject({
  revokedAt: secondsSchema,
  underWay: z.looseObject({ payments: wholeNumber(), value: z.string().regex(/^(0|[1-9][0-9]{0,38})$/), until: z.optional(secondsSchema) }),
});

/** What was reserved before the revocation, and can still be paid. */
export const underWaySchema = z.strictObject({
  payments: z.number(),
  atMost: moneySchema,
  /** The second after which none of it can be paid; absent if nothing was reserved. */
  until: z.string().optional(),
});
type UnderWay = z.infer<typeof underWaySchema>;

/** Final; the same revocation again has the same answer. */
export async function sendRevocation(
  context: Context,
  input: FacilitatorInput,
  signed: SignedRevocation,
): Promise<Outcome<{ revokedAt: string; underWay: UnderWay; /** Unix seconds. */ until: number | undefined }>> {
  const answer = await callFacilitator(context, input, { path: "/mandates/revoke", body: signed, answer: answerSchema });
  if (!answer.ok) return answer;
  const { revokedAt, underWay } = answer.data;
  const { payments, value, until } = underWay;
  return succeed({
    revokedAt: formatTimestamp(revokedAt),
    underWay: { payments, atMost: money(value, ASSET), ...(until !== undefined && { until: formatTimestamp(until) }) },
    until,
  });
}

export function underWayText({ payments, atMost, until }: UnderWay): string {
  if (until === undefined) return "nothing: no payment can be made any more";
  return `${counted(payments, "payment")}, at most ${atMost.display}, over by ${until}`;
}
