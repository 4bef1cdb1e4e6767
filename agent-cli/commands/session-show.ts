/** `session show`: one session, its calls, and what was claimed of it. It also brings one back whose record was lost. */

import * as z from "zod";
import { digestSchema, type Digest } from "../../shared/crypto/digest.ts";
import { type AccountId, accountIdSchema } from "../../shared/protocol/account.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { voucherDigest } from "../../shared/protocol/voucher.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { money } from "../../shared/screen/money.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { agentFileField, nameField } from "../command-line/fields.ts";
import { type FacilitatorInput, facilitatorFields } from "../facilitator/client.ts";
import { askSession } from "../facilitator/session-status.ts";
import { commitmentOf } from "../purchase/classify-voucher.ts";
import { openAgent } from "../purchase/create-request.ts";
import { sessionData, sessionLines, sessionSchema } from "../purchase/session-view.ts";
import { type CallLine, callsOf } from "../records/session-calls.ts";
import { unknownLane } from "../records/session-lanes.ts";
import { changeSession, findSession, type KeptSession, sessionRecord } from "../records/sessions.ts";
import type { Context } from "../runtime/context.ts";
import { counted, field } from "../runtime/layout.ts";
import { MAX_RECENT_ENTRIES } from "../runtime/limits.ts";
import { moneySchema } from "../runtime/money.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";

const callSchema = z.strictObject({
  /** For `status`, `receipt show` and `receipt export`. */
  shortCode: z.string(),
  at: z.string(),
  method: z.string(),
  url: z.string(),
  outcome: z.enum(["charged", "refused", "used", "unanswered"]),
  charged: moneySchema,
  commitment: z.string(),
  trace: z.string().optional(),
});

export const sessionShow = defineCommand({
  name: "session show",
  audience: "both",
  summary: "one session: its sums, its last calls, what was claimed",
  description:
    "With --from it asks the ledger for a session that this machine does not know, and keeps it if its vouchers are signed by this machine's agent. The next call learns from the merchant how far it is, by the agent's own signature.",
  input: z.strictObject({
    session: nameField.meta({ positional: true, description: "its code or its id" }),
    from: z.string().optional().meta({ value: "account", description: "the paying account, of a session whose record was lost" }),
    recent: z.coerce
      .number("must be a whole number")
      .int("must be a whole number")
      .min(0, "must not be negative")
      .max(MAX_RECENT_ENTRIES, `must be at most ${MAX_RECENT_ENTRIES}`)
      .default(5)
      .meta({ value: "count", description: "how many of the last calls to show; 5" }),
    agentFile: agentFileField,
    ...facilitatorFields,
  }),
  output: z.strictObject({ session: sessionSchema, calls: z.number(), recent: z.array(callSchema) }),
  examples: [
    { says: "by its code", argv: "session show 7F3K-9QPD" },
    { says: "the last hundred calls, for a program", argv: "session show 7F3K-9QPD --recent 100 --json" },
  ],
  async run(context, input) {
    const brought = input.from === undefined ? succeed(undefined) : await bringBack(context, input, input.session, input.from);
    if (!brought.ok) return brought;
    const kept = findSession(context, input.session);
    if (!kept.ok) return kept;
    const list = callsOf(context, kept.data);
    if (!list.ok) return list;
    const { asset } = kept.data.signed.channelConfig;
    const shown = ({ at, method, url, voucher, trace }: Pick<CallLine, "at" | "method" | "url" | "voucher" | "trace">) => ({
      shortCode: shortCode(voucherDigest(voucher)),
      at,
      method,
      url,
      commitment: commitmentOf(voucher),
      ...(trace && { trace }),
    });
    const ended = list.data.calls.map((call) => ({ ...shown(call), outcome: call.outcome, charged: money(call.charged, asset) }));
    const open = kept.data.calls.map((call) => ({ ...shown(call), outcome: "unanswered" as const, charged: money("0", asset) }));
    const recent = input.recent === 0 ? [] : [...ended, ...open].slice(-input.recent);
    return succeed({ session: await sessionData(context, input, kept.data, unixNow()), calls: ended.length + open.length, recent });
  },
  render: ({ session, calls, recent }, layout) => [
    ...sessionLines(session, layout),
    ...field(layout, "pays", session.payTo),
    ...field(layout, "from", session.from),
    ...field(layout, "agent key", session.agentKey),
    ...(session.mandate === undefined ? [] : field(layout, "mandate", session.mandate)),
    ...field(layout, "signed", `vouchers for ${session.claimable.display}: the most that the merchant can claim now`),
    ...field(layout, "calls", counted(calls, "call")),
    ...recent.map(
      ({ shortCode: code, at, method, url, outcome, charged }) =>
        `  ${code}  ${at}  ${outcome === "charged" ? charged.display : outcome}  ${showUnsafe(`${method} ${url}`)}`,
    ),
  ],
});

/** Keeps a session by the ledger's copy of it: who signs its vouchers is in it, and its id is its digest. */
async function bringBack(
  context: Context,
  input: FacilitatorInput & { agentFile?: string | undefined },
  word: string,
  from: string,
): Promise<Outcome<undefined>> {
  const id = digestSchema.safeParse(word);
  const account = accountIdSchema.safeParse(from);
  if (!id.success || !account.success) return fail("usage", "--from goes with the session's whole id, and is an account.");
  const known = sessionRecord(context, id.data);
  if (!known.ok) return known;
  if (known.data) return succeed(undefined);
  const agent = await openAgent(context, input.agentFile);
  if (!agent.ok) return agent;
  return restore(context, input, { id: id.data, from: account.data }, agent.data.signer.publicKey);
}

async function restore(
  context: Context,
  input: FacilitatorInput,
  name: { id: Digest; from: AccountId },
  agentKey: string,
): Promise<Outcome<undefined>> {
  const standing = await askSession(context, input, name);
  if (!standing.ok) return standing;
  if (!standing.data) return fail("session_not_found", "The ledger does not know this session of this account.");
  const { session, status, claimed } = standing.data;
  if (session.signer !== agentKey)
    return fail("wrong_role", "The vouchers of this session are signed by another agent's key.", { hint: "Name it with --agent-file." });
  // The proof is not the ledger's to give, and no voucher needs it.
  const signed = { channelConfig: session, publicKey: session.signer, signature: "0".repeat(128) };
  const record: Omit<KeptSession, "id" | "shortCode"> = {
    signed,
    state: status,
    changedAt: formatTimestamp(unixNow()),
    lane: unknownLane(),
    lanes: [],
    calls: [],
    offers: [],
    partial: true,
    claimed: claimed as KeptSession["claimed"],
  };
  return changeSession(context, name.id, (before) => succeed({ after: before ?? record, result: undefined }));
}
