/** What evidence says of a call that a session paid, as data of a command and as text. */

import * as z from "zod";
import type { CallEvidence } from "../../shared/evidence/call-evidence.ts";
import { claimTransaction } from "../../shared/protocol/claim.ts";
import { requestDigest, shortCode } from "../../shared/protocol/payment-request.ts";
import { sessionId } from "../../shared/protocol/session.ts";
import { voucherDigest } from "../../shared/protocol/voucher.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { money } from "../../shared/screen/money.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { commitmentOf } from "../purchase/classify-voucher.ts";
import { field, type Layout } from "../runtime/layout.ts";
import { moneySchema } from "../runtime/money.ts";
import { mandateLines, mandateOf, mandateStatementSchema } from "./mandate-statement.ts";

export const callStatementSchema = z.strictObject({
  shortCode: z.string(),
  /** `<session>:<lane>:<serial>` */
  commitment: z.string(),
  method: z.string(),
  url: z.string(),
  /** The most that the call could cost. */
  most: moneySchema,
  session: z.strictObject({ shortCode: z.string(), session: z.string(), deposit: moneySchema, expiresAt: z.string() }),
  /** What asked for the session: in the agent's words. Absent if the file lacks the request. */
  requestDigest: z.string().optional(),
  reason: z.string().optional(),
  payer: z.string(),
  payTo: z.string(),
  /** When the owner signed the session. Absent if the owner approved limits, and not this session. */
  approvedAt: z.string().optional(),
  mandate: mandateStatementSchema.optional(),
  /** `promised`: the agent has signed that the merchant may take the price, and nothing has moved yet. */
  state: z.enum(["promised", "claimed"]),
  /** Of a claim: all that the merchant has taken of the call's lane with it, and its transaction. */
  taken: moneySchema.optional(),
  transaction: z.string().optional(),
});
type CallStatement = z.infer<typeof callStatementSchema>;

export function callStatement({ request, session, call, voucher: { voucher }, claim }: CallEvidence): CallStatement {
  const { channelConfig: terms, mandate } = session;
  const { asset, network } = terms;
  const signedAt = formatTimestamp(Number(terms.validAfter));
  const id = sessionId(terms);
  const entry = claim?.claim.lanes.find(({ lane }) => lane === voucher.lane);
  return {
    shortCode: shortCode(voucherDigest(voucher)),
    commitment: commitmentOf(voucher),
    method: call.method,
    url: call.url,
    most: money(call.amount, asset),
    session: {
      shortCode: shortCode(id),
      session: id,
      deposit: money(terms.deposit, asset),
      expiresAt: formatTimestamp(Number(terms.expiresAt)),
    },
    ...(request && { requestDigest: requestDigest(request), reason: request.reason }),
    payer: terms.from,
    payTo: terms.to,
    ...(terms.mandate === undefined && !mandate && { approvedAt: signedAt }),
    ...(mandate && { mandate: mandateOf(mandate, signedAt) }),
    state: claim ? "claimed" : "promised",
    ...(entry && { taken: money(entry.amount, asset) }),
    ...(claim && { transaction: claimTransaction(network, claim.claim) }),
  };
}

export function callLines(call: CallStatement, layout: Layout): string[] {
  const { session, reason, approvedAt, mandate, state, taken, transaction } = call;
  const stands =
    state === "claimed"
      ? `claimed: with this call ${taken?.display ?? "nothing"} of its lane`
      : "promised: the agent signed that the merchant may take it, and nothing has moved yet";
  return [
    layout.ink("bold", `${call.shortCode}  at most ${call.most.display} for ${showUnsafe(`${call.method} ${call.url}`)}`),
    ...field(layout, "paid", stands),
    ...field(layout, "session", `${session.shortCode}, ${session.deposit.display} set aside, until ${session.expiresAt}`),
    ...(reason === undefined ? [] : field(layout, "reason", showUnsafe(reason))),
    ...field(layout, "from", call.payer),
    ...field(layout, "to", call.payTo),
    ...(approvedAt ? field(layout, "approved at", approvedAt) : []),
    ...(mandate ? mandateLines(mandate, layout) : []),
    ...(transaction ? field(layout, "transaction", transaction, 13) : []),
  ];
}
