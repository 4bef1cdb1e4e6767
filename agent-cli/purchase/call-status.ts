/** What became of a call that a session paid: served and promised, claimed, or never to be paid. */

import * as z from "zod";
import { money } from "../../shared/screen/money.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { askCallPayment } from "../facilitator/call-payment.ts";
import type { FacilitatorInput } from "../facilitator/client.ts";
import { askSession } from "../facilitator/session-status.ts";
import { CONCLUSIONS } from "../facilitator/settlement-status.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { field, type Layout } from "../runtime/layout.ts";
import { moneySchema } from "../runtime/money.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { commitmentOf } from "./classify-voucher.ts";
import type { FoundCall } from "./find-call.ts";

/** `served`: the agent's voucher for it is with the merchant, which has not claimed it yet. Nothing has moved. */
export const CALL_CONCLUSIONS = [...CONCLUSIONS, "served"] as const;

/** Which call of which session. */
export const calledInSchema = z.strictObject({
  shortCode: z.string(),
  session: z.string(),
  lane: z.string(),
  serial: z.string(),
  /** `<session>:<lane>:<serial>` */
  commitment: z.string(),
  /** When the claim that paid it was paid. Absent before there is one. */
  claimedAt: z.string().optional(),
  /** All that the merchant has claimed of its lane, if the ledger answered. */
  claimed: moneySchema.optional(),
});
export type CalledIn = z.infer<typeof calledInSchema>;

export interface CallStatus {
  conclusion: (typeof CALL_CONCLUSIONS)[number];
  source: "facilitator" | "journal";
  said?: string;
  doubt?: string;
  transaction?: string;
  payer: string;
  ledger: string;
  charged?: z.infer<typeof moneySchema>;
  most: z.infer<typeof moneySchema>;
  trace?: string;
  session: CalledIn;
}

export async function callStatus(
  context: Context,
  input: FacilitatorInput,
  { session: kept, call, reach }: FoundCall,
): Promise<Outcome<CallStatus>> {
  context.trace.adopt(call.trace);
  const { signed, id, shortCode } = kept;
  const { from: payer, ledger, asset } = signed.channelConfig;
  const { lane, serial } = call.voucher;
  const about = {
    payer,
    ledger,
    ...("charged" in call && { charged: money(call.charged, asset) }),
    most: money(call.amount, asset),
    ...(call.trace && { trace: call.trace }),
    session: { shortCode, session: id, lane, serial, commitment: commitmentOf(call.voucher) },
  };
  if (call.outcome === "refused")
    return succeed({ conclusion: "not_paid", source: "journal", ...(call.code !== undefined && { said: call.code }), ...about });
  const asked = await askCallPayment(context, input, signed, { lane, reach });
  if (!asked.ok) {
    if (asked.exit === EXIT.interrupted) return asked;
    const doubt = asked.error.message;
    if (call.outcome !== "unanswered") return succeed({ conclusion: "served", source: "journal", doubt, ...about });
    return fail("outcome_unknown", `It is unknown whether this call was charged: ${doubt}`, {
      hint: "At most its price can be claimed. Ask again when the facilitator answers.",
      details: about,
    });
  }
  const { claim, claimed } = asked.data;
  const inSession = { ...about.session, claimed: money(claimed, asset) };
  const told = { source: "facilitator" as const, ...about, session: inSession };
  if (claim?.doubt !== undefined) return succeed({ ...told, conclusion: "served", said: "claimed", doubt: claim.doubt });
  if (claim) {
    const session = { ...inSession, claimedAt: formatTimestamp(claim.at) };
    return succeed({ ...told, conclusion: "paid", said: "claimed", transaction: claim.transaction, session });
  }
  const standing = await askSession(context, input, { id, from: payer }, signed.channelConfig);
  if (!standing.ok && standing.exit === EXIT.interrupted) return standing;
  // What is not claimed of a closed session is the payer's again.
  if (standing.ok && standing.data?.status === "closed") return succeed({ ...told, conclusion: "not_paid", said: "closed" });
  const said = standing.ok ? (standing.data?.status ?? "unknown") : undefined;
  return succeed({ ...told, conclusion: call.outcome === "unanswered" ? "open" : "served", ...(said !== undefined && { said }) });
}

export function calledInLines({ shortCode, lane, serial, claimedAt, claimed }: CalledIn, layout: Layout): string[] {
  return [
    ...field(layout, "session", `${shortCode}, call ${serial} of lane ${lane}`),
    ...(claimedAt === undefined ? [] : field(layout, "claimed at", claimedAt)),
    ...(claimed ? field(layout, "claimed", `${claimed.display} of the lane, with the calls before it`) : []),
  ];
}
