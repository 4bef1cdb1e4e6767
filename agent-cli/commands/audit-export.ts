/** `audit export`: the audit log for other programs. */
import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { forceField, nameField } from "../command-line/fields.ts";
import { checkDestination } from "../keys/output-file.ts";
import { type AuditEntry, readAudit } from "../records/audit-log.ts";
import { writeWhole } from "../runtime/files.ts";
import { counted, field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";

const FORMATS = ["jsonl", "csv"] as const;

export const auditExport = defineCommand({
  name: "audit export",
  audience: "owner",
  summary: "the audit log as a file, JSON Lines or CSV",
  input: z.strictObject({
    out: nameField.meta({ value: "file", description: "file for the log" }),
    format: z
      .enum(FORMATS, `must be ${FORMATS.join(" or ")}`)
      .default("jsonl")
      .meta({ description: "jsonl or csv; jsonl" }),
    ...forceField,
  }),
  output: z.strictObject({ file: z.string(), entries: z.number(), problems: z.number() }),
  examples: [
    { says: "as it is", argv: "audit export --out audit.jsonl" },
    { says: "for a spreadsheet", argv: "audit export --out audit.csv --format csv" },
  ],
  async run(context, { out, format, force }) {
    const writable = checkDestination(out, force);
    if (!writable.ok) return writable;
    const log = readAudit(context);
    if (!log.ok) return log;
    const { entries, problems } = log.data;
    const lines = format === "csv" ? csv(entries) : entries.map((entry) => JSON.stringify(entry));
    const written = writeWhole(out, lines.map((line) => `${line}\n`).join(""), force);
    return written.ok ? succeed({ file: out, entries: entries.length, problems: problems.length }) : written;
  },
  render: ({ file, entries, problems }, layout) => [
    `${counted(entries, "entry", "entries")} written to ${file}`,
    ...(problems ? field(layout, "but", "the chain is broken: lez-agent-pay audit verify") : []),
  ],
});

function csv(entries: readonly AuditEntry[]): string[] {
  const facts = [...new Set(entries.flatMap((entry) => Object.keys(entry.facts)))];
  const header = ["seq", "at", "event", ...facts, "previous", "digest"];
  const rows = entries.map((entry) => [
    entry.seq,
    entry.at,
    entry.event,
    ...facts.map((fact) => entry.facts[fact] ?? ""),
    entry.previous,
    entry.digest,
  ]);
  return [header, ...rows].map((row) => row.map(cell).join(","));
}

/** Quotes every cell and defuses formulas: spreadsheets run a cell that begins with one of these characters. */
function cell(text: string): string {
  return `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}
