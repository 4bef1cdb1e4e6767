/** `audit verify`: recomputes the chain, and asks the ledger about every payment that it names. */
import * as z from "zod";
import { NETWORK } from "../../shared/lez.ts";
import { parseAccountId } from "../../shared/protocol/account.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { defineCommand } from "../command-line/command.ts";
import { callFacilitator, facilitatorFields, type FacilitatorInput } from "../facilitator/client.ts";
import { type AuditEntry, type AuditLog, GENESIS, readAudit } from "../records/audit-log.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { counted, field } from "../runtime/layout.ts";
import { type Outcome, refuse, succeed } from "../runtime/outcome.ts";

const answerSchema = z.looseObject({ ledger: z.string(), status: z.string(), transaction: z.string().optional() });

const resultSchema = z.strictObject({
  entries: z.number(),
  /** The digest of the last entry. Written down elsewhere, it shows later whether the end was cut off. */
  head: z.string(),
  /** Payments of the log that were compared with the ledger, and those that could not be. */
  checked: z.number(),
  unchecked: z.number(),
  /** Why the ledger could not be asked; absent if it was asked, and with --offline. */
  notAsked: z.string().optional(),
});

export const auditVerify = defineCommand({
  name: "audit verify",
  audience: "owner",
  readOnly: true,
  summary: "recompute the audit log, and compare it with the ledger",
  description:
    "The chain shows lines that were changed, dropped or reordered. Only --head, with a head that you noted before, shows whether the end was cut off.",
  input: z.strictObject({
    head: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "must be 64 hex digits")
      .optional()
      .meta({ value: "digest", description: "a head that was noted before and must still be in the log" }),
    offline: z.boolean().default(false).meta({ description: "do not ask the ledger" }),
    ...facilitatorFields,
  }),
  output: resultSchema,
  examples: [
    { says: "chain and ledger", argv: "audit verify" },
    {
      says: "nothing was cut off since",
      argv: "audit verify --offline --head 3f1c0e5d7a9b2846f0e1d2c3b4a5968778695a4b3c2d1e0f9a8b7c6d5e4f3021",
    },
  ],
  async run(context, input) {
    const log = readAudit(context);
    if (!log.ok) return log;
    const problems = log.data.problems.map(({ line, problem }) => `line ${line} ${problem}`);
    if (input.head !== undefined && !log.data.entries.some(({ digest }) => digest === input.head)) {
      problems.push("the head that was noted before is not in the log: its end was cut off, or it was rewritten");
    }
    const payments = lastWordPerPayment(log.data);
    let checked = 0;
    let notAsked: string | undefined;
    for (const entry of input.offline ? [] : payments) {
      const said = await atTheLedger(context, input, entry);
      if (!said.ok) notAsked ??= said.error.message;
      if (!said.ok || said.data === undefined) continue;
      checked++;
      if (said.data) problems.push(said.data);
    }
    const result = {
      entries: log.data.entries.length,
      head: log.data.entries.at(-1)?.digest ?? GENESIS,
      checked,
      unchecked: payments.length - checked,
      ...(notAsked !== undefined && { notAsked }),
    };
    if (problems.length === 0) return succeed(result);
    return refuse("audit_differs", EXIT.differs, `The audit log does not verify: ${problems.join("; ")}.`, {
      hint: "Keep a copy of the file. If a line is damaged, lez-agent-pay audit restart sets the file aside and begins another log.",
      details: { ...result, problems },
    });
  },
  render: ({ entries, head, checked, unchecked, notAsked }, layout) => [
    layout.ink("green", `${counted(entries, "entry", "entries")}, and the chain is intact`),
    ...field(layout, "head", head),
    ...field(layout, "ledger", `${counted(checked, "payment")} compared${unchecked ? `, ${unchecked} could not be compared` : ""}`),
    ...(notAsked === undefined ? [] : field(layout, "because", showUnsafe(notAsked))),
  ],
});

/** The log's last entry about each payment, if it says settled or revoked. Other entries claim nothing about the ledger. */
function lastWordPerPayment({ entries }: AuditLog): AuditEntry[] {
  const last = new Map<string, AuditEntry>();
  for (const entry of entries) {
    const { nonce } = entry.facts;
    if (nonce !== undefined && last.get(nonce)?.event !== "settled") last.set(nonce, entry);
  }
  return [...last.values()].filter(({ event, facts }) => facts["from"] !== undefined && ["settled", "revoked"].includes(event));
}

/** A failure: the ledger could not be asked. undefined: it does not know. Empty: it agrees. Else how it differs. */
async function atTheLedger(
  context: Context,
  input: FacilitatorInput,
  { seq, event, facts }: AuditEntry,
): Promise<Outcome<string | undefined>> {
  const { network = NETWORK, from = "", nonce, validBefore = "0", ledger, transaction } = facts;
  if (!parseAccountId(from).ok) return succeed(undefined);
  const path = `/settlements/${encodeURIComponent(network)}/${from}/${nonce}?validBefore=${validBefore}`;
  const answer = await callFacilitator(context, input, { path, answer: answerSchema });
  if (!answer.ok) return answer;
  // An answer counts only from the payment's own ledger, and only while that ledger remembers the payment.
  if ((ledger !== undefined && answer.data.ledger !== ledger) || answer.data.status === "unknown") return succeed(undefined);
  if (event === "revoked") return succeed(answer.data.status === "settled" ? `entry ${seq} says revoked, the ledger says settled` : "");
  if (answer.data.status !== "settled") return succeed(`entry ${seq} says settled, the ledger says ${answer.data.status}`);
  return succeed(answer.data.transaction === transaction ? "" : `entry ${seq} names another transaction than the ledger`);
}
