/** Ends mandates at the ledger, for the owner or for the agent, and says what can still be paid under them. */

import * as z from "zod";
import { ASSET } from "../../shared/lez.ts";
import type { SignedRevocation } from "../../shared/protocol/revocation.ts";
import { money } from "../../shared/screen/money.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { wholeNumber } from "../../shared/whole-number.ts";
import type { Context } from "../runtime/context.ts";
import { counted } from "../runtime/layout.ts";
import { moneySchema } from "../runtime/money.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { callFacilitator, type FacilitatorInput, secondsSchema } from "./client.ts";

const answerSchema = z.looseObject({
  revokedAt: secondsSchema,
  underWay: z.looseObject({
    payments: wholeNumber(),
    sessions: z.optional(wholeNumber()),
    value: z.string().regex(/^(0|[1-9][0-9]{0,38})$/),
    until: z.optional(secondsSchema),
  }),
});

/** What was reserved or set aside before the revocation, and can still be paid. */
export const underWaySchema = z.strictObject({
  payments: z.number(),
  /** Sessions that are closing: what their agent has signed can still be claimed. */
  sessions: z.number(),
  atMost: moneySchema,
  /** The second after which none of it can be paid; absent if there was nothing. */
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
  const { payments, sessions = 0, value, until } = underWay;
  return succeed({
    revokedAt: formatTimestamp(revokedAt),
    underWay: { payments, sessions, atMost: money(value, ASSET), ...(until !== undefined && { until: formatTimestamp(until) }) },
    until,
  });
}

/** The worst case in units, and the second after which it is zero. */
export function underWayText({ payments, sessions, atMost, until }: UnderWay): string {
  if (until === undefined) return "nothing: no payment can be made any more";
  const parts = [
    ...(payments > 0 || sessions === 0 ? [counted(payments, "payment")] : []),
    ...(sessions > 0 ? [counted(sessions, "session")] : []),
  ];
  return `${parts.join(" and ")}, at most ${atMost.display}, zero after ${until}`;
}
