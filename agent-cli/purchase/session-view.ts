/** A session in the data of commands: what this machine signed and was charged, and what the ledger says was claimed. */

import * as z from "zod";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { bar } from "../../shared/screen/bar.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { money } from "../../shared/screen/money.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import type { FacilitatorInput } from "../facilitator/client.ts";
import { askSession, type SessionStanding } from "../facilitator/session-status.ts";
import { appendEntry } from "../records/audit-log.ts";
import { callsOf } from "../records/session-calls.ts";
import { sumsOf } from "../records/session-lanes.ts";
import { changeSession, type KeptSession, SESSION_STATES, type SessionRecord, sessionRecord } from "../records/sessions.ts";
import type { Context } from "../runtime/context.ts";
import { expiry, expirySchema, expiryText } from "../runtime/expiry.ts";
import { counted, field, type Layout, wrap } from "../runtime/layout.ts";
import { exclusively } from "../runtime/lock.ts";
import { moneySchema } from "../runtime/money.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { factsOfSession } from "./open-session.ts";

export const sessionSchema = z.strictObject({
  shortCode: z.string(),
  session: z.string(),
  /** By the ledger, if it answered; else as this machine knows it. */
  state: z.enum(SESSION_STATES),
  origin: z.string(),
  payTo: z.string(),
  from: z.string(),
  agentKey: z.string(),
  deposit: moneySchema,
  /** What answers charged. */
  charged: moneySchema,
  /** The most that unanswered calls can be charged, and how many there are. */
  unanswered: z.strictObject({ amount: moneySchema, calls: z.number() }),
  /** What is left for further calls. */
  left: moneySchema,
  /** The most that the merchant can claim by the vouchers that it has. */
  claimable: moneySchema,
  /** What the merchant has claimed, by the ledger. */
  claimed: moneySchema.optional(),
  /** What it has claimed beyond all that its answers, and the unanswered calls, can have cost. */
  overclaimed: moneySchema.optional(),
  /** The last second of vouchers. */
  ...expirySchema,
  /** When what is not claimed is the payer's again, at the latest. */
  backBy: z.string(),
  /** The code of the mandate that it was opened within. */
  mandate: z.string().optional(),
  /** What the ledger says; absent if it did not answer, or was not to be believed. */
  ledger: z.enum(["open", "closing", "closed", "unknown"]).optional(),
  /** Why not. */
  problem: z.string().optional(),
});
export type SessionData = z.infer<typeof sessionSchema>;

/** Asks the ledger, and keeps its word: a session that it closed is closed here, too. @param now unix seconds */
export async function sessionData(context: Context, input: FacilitatorInput, kept: KeptSession, now: number): Promise<SessionData> {
  const { channelConfig } = kept.signed;
  const over = kept.state === "refused";
  const standing = over ? succeed(undefined) : await askSession(context, input, { id: kept.id, from: channelConfig.from }, channelConfig);
  if (!standing.ok) return { ...viewOf(kept, undefined, now), problem: standing.error.message };
  const learned = standing.data ? await keepStanding(context, kept, standing.data) : succeed(kept);
  return { ...viewOf(learned.ok ? learned.data : kept, standing.data, now), ledger: standing.data?.status ?? "unknown" };
}

/** Writes down what the ledger says of a session. Its end is one event of the audit log. */
export function keepStanding(
  context: Context,
  kept: KeptSession,
  { status, claimed }: Pick<SessionStanding, "status" | "claimed">,
): Promise<Outcome<KeptSession>> {
  return noting(context, kept, (before) => ({ ...before, state: status, claimed: claimed as SessionRecord["claimed"] }));
}

async function noting(
  context: Context,
  kept: KeptSession,
  change: (record: SessionRecord) => SessionRecord,
): Promise<Outcome<KeptSession>> {
  const changed = await changeSession<boolean>(context, kept.id, (before) => {
    if (!before) return fail("session_not_found", `The record of session ${kept.shortCode} has gone.`);
    const after = change(before);
    const moved = after.state !== before.state;
    return succeed({
      after: moved ? { ...after, changedAt: formatTimestamp(unixNow()) } : after,
      result: moved && after.state === "closed",
    });
  });
  if (!changed.ok) return changed;
  const now = sessionRecord(context, kept.id);
  if (!now.ok) return now;
  const after = now.data ?? kept;
  if (!changed.data) return succeed(after);
  const { charged } = sumsOf(after);
  const calls = callsOf(context, after);
  if (!calls.ok) return calls;
  const served = calls.data.calls.filter(({ outcome }) => outcome !== "refused").length;
  const sums = { charged: charged.toString(), claimed: after.claimed ?? "0", calls: String(served) };
  const facts = { ...factsOfSession(after.signed), ...sums };
  const noted = await exclusively(context, () => appendEntry(context, "session_closed", facts));
  return noted.ok ? succeed(after) : noted;
}

function viewOf(kept: KeptSession, standing: SessionStanding | undefined, now: number): SessionData {
  const { channelConfig } = kept.signed;
  const { asset, origin, to, from, signer, deposit, expiresAt, withdrawDelay, mandate } = channelConfig;
  const sums = sumsOf(kept);
  const claimed = standing?.claimed ?? kept.claimed;
  const beyond = BigInt(claimed ?? 0) - sums.charged - sums.pending;
  const units = (sum: bigint) => money(sum.toString(), asset);
  const backBy = standing?.closesAt ?? Number(expiresAt) + Number(withdrawDelay);
  const isUsable = kept.state === "open" && Number(expiresAt) >= now;
  return {
    shortCode: kept.shortCode,
    session: kept.id,
    state: standing?.status ?? kept.state,
    origin,
    payTo: to,
    from,
    agentKey: signer,
    deposit: money(deposit, asset),
    charged: units(sums.charged),
    unanswered: { amount: units(sums.pending), calls: kept.calls.length },
    left: units(isUsable ? sums.left : 0n),
    claimable: units(sums.signed),
    ...(claimed !== undefined && { claimed: money(claimed, asset) }),
    ...(beyond > 0n && !kept.partial && { overclaimed: units(beyond) }),
    ...expiry(Number(expiresAt), now),
    backBy: formatTimestamp(backBy),
    ...(mandate && { mandate: shortCode(mandate) }),
  };
}

/** Code, state, origin, and a bar of what is charged and what is left. */
export function sessionLines(data: SessionData, layout: Layout): string[] {
  const { state, charged, deposit, left, unanswered, overclaimed, claimed } = data;
  const until = state === "open" ? `until ${expiryText(data)}` : state;
  const open = unanswered.calls === 0 ? "" : `, ${unanswered.amount.display} in ${counted(unanswered.calls, "unanswered call")}`;
  return [
    `${layout.ink("bold", data.shortCode)}  ${state === "open" ? until : layout.ink("red", state)}`,
    ...field(layout, "at", showUnsafe(data.origin)),
    ...field(layout, "deposit", `${bar(charged.amount, deposit.amount)}  ${charged.display} charged${open}, ${left.display} left`),
    ...(claimed ? field(layout, "claimed", claimed.display) : []),
    ...(state === "closed" ? [] : field(layout, "back by", `what is not claimed is yours again by ${data.backBy}`)),
    ...(overclaimed
      ? wrap(`! The merchant has claimed ${overclaimed.display} more than its answers cost.`, layout.width).map((line) =>
          layout.ink("yellow", line),
        )
      : []),
    ...(data.ledger === undefined ? field(layout, "ledger", `not known: ${showUnsafe(data.problem ?? "")}`) : []),
  ];
}
