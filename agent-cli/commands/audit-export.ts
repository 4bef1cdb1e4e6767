/** `audit export`: the audit log for other programs. */

import * as z from "zod";
import { ASSET } from "../../shared/lez.ts";
import { money } from "../../shared/screen/money.ts";
import { defineCommand } from "../command-line/command.ts";
import { forceField, nameField } from "../command-line/fields.ts";
import { checkDestination } from "../keys/output-file.ts";
import { AUDIT_FORMATS, auditFile } from "../records/audit-file.ts";
import { readAudit } from "../records/audit-log.ts";
import { writeWhole } from "../runtime/files.ts";
import { counted, field } from "../runtime/layout.ts";
import { moneySchema } from "../runtime/money.ts";
import { succeed } from "../runtime/outcome.ts";

export const auditExport = defineCommand({
  name: "audit export",
  audience: "owner",
  summary: "the audit log, or its payments, as a file",
  description:
    "jsonl and csv have every entry. payments is a CSV for accounts: one row per payment with time, agent, merchant, reason, amount, transaction, request code, mandate and what status has seen refunded; one row per session with what its calls were charged, and how many they were; and a total for the ledger and for each network of the chain itself. No cell of a CSV can act as a formula.",
  input: z.strictObject({
    out: nameField.meta({ value: "file", description: "file for the log" }),
    format: z
      .enum(AUDIT_FORMATS, `must be one of ${AUDIT_FORMATS.join(", ")}`)
      .default("jsonl")
      .meta({ description: `${AUDIT_FORMATS.join(", ")}; jsonl` }),
    ...forceField,
  }),
  output: z.strictObject({
    file: z.string(),
    /** The rows: entries, or payments and sessions. */
    entries: z.number(),
    /** How many of them are sessions. */
    sessions: z.number().optional(),
    /** Of the payments that were written, and of the calls in sessions. */
    total: moneySchema.optional(),
    /** What was paid on the chain itself, whose money is another. */
    chains: z.array(z.strictObject({ network: z.string(), total: moneySchema })).optional(),
    problems: z.number(),
  }),
  examples: [
    { says: "for a spreadsheet", argv: "audit export --out audit.csv --format csv" },
    { says: "what was paid, for the accounts", argv: "audit export --out payments.csv --format payments" },
  ],
  async run(context, { out, format, force }) {
    const writable = checkDestination(out, force);
    if (!writable.ok) return writable;
    const log = readAudit(context);
    if (!log.ok) return log;
    const made = auditFile(context, log.data, format);
    if (!made.ok) return made;
    const { text, rows, sessions, total, chains } = made.data;
    const written = writeWhole(out, text, force);
    if (!written.ok) return written;
    return succeed({
      file: out,
      entries: rows,
      ...(sessions !== undefined && { sessions }),
      ...(total !== undefined && { total: money(total.toString(), ASSET) }),
      ...(chains?.size && { chains: [...chains].map(([network, sum]) => ({ network, total: money(sum.toString(), ASSET) })) }),
      problems: log.data.problems.length,
    });
  },
  render: ({ file, entries, sessions = 0, total, chains = [], problems }, layout) => [
    total
      ? `${counted(entries - sessions, "payment")}${sessions > 0 ? ` and ${counted(sessions, "session")}` : ""}, ${total.display} in all${chains.map(({ network, total }) => ` and ${total.display} on ${network}`).join("")}, written to ${file}`
      : `${counted(entries, "entry", "entries")} written to ${file}`,
    ...(problems ? field(layout, "but", "the chain is broken: lez-agent-pay audit verify") : []),
  ],
});
