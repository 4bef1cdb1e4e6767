/** `decision import`: the answer of an owner on another machine. A `fetch --wait` that waits for it goes on. */

import * as z from "zod";
import { BATCH_SETTLEMENT } from "../../shared/lez.ts";
import { decisionRecordSchema } from "../../shared/protocol/decision-record.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { paymentPayloadSchema } from "../../shared/x402/x402.ts";
import { defineCommand } from "../command-line/command.ts";
import { nameField } from "../command-line/fields.ts";
import { type Imported, importDecision, importPayment, importSession } from "../purchase/import-decision.ts";
import { subjectSchema } from "../purchase/request-subject.ts";
import { takeBackFromDesk } from "../purchase/take-back.ts";
import { checkAudit } from "../records/audit-log.ts";
import type { Context } from "../runtime/context.ts";
import { readJson } from "../runtime/files.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";

export const decisionImport = defineCommand({
  name: "decision import",
  audience: "agent",
  summary: "file the decision of an owner on another machine",
  description:
    "Takes what `approve`, `decline` or `revoke` wrote there with `--out`. It is filed only if it is about a request of this machine and its signature, digest, terms and nonce fit; a `fetch --wait` then goes on.",
  input: z.strictObject({ decision: nameField.meta({ positional: true, value: "file", description: "the payment or the refusal" }) }),
  output: subjectSchema.extend({
    decision: z.enum(["approved", "declined", "revoked"]),
    /** It was filed before. */
    already: z.literal(true).optional(),
  }),
  examples: [
    { says: "what the owner sent back", argv: "decision import decision-7F3K-9QPD.json" },
    { says: "the same, for a program", argv: "decision import decision-7F3K-9QPD.json --json" },
  ],
  async run(context, { decision: file }) {
    const recordable = checkAudit(context);
    if (!recordable.ok) return recordable;
    const imported = await importFile(context, file);
    if (!imported.ok) return imported;
    const { item, decision, already } = imported.data;
    const code = shortCode(item.digest);
    await takeBackFromDesk(context, item.digest);
    return succeed(
      { shortCode: code, requestDigest: item.digest, decision, ...(already && { already: true as const }) },
      decision === "approved"
        ? { argv: ["lez-agent-pay", "fetch", "--resume", code], by: "agent", why: "pay, unless a fetch --wait does it already" }
        : undefined,
    );
  },
  render: ({ shortCode: code, decision, already }) => [`Request ${code} is ${decision}${already ? "; this was filed before" : ""}.`],
});

async function importFile(context: Context, file: string): Promise<Outcome<Imported>> {
  const read = <Schema extends z.core.$ZodType>(schema: Schema, what: string, named?: true) =>
    readJson(file, schema, { what, ...(named && { named }) }, context.files.read);
  const kind = read(z.looseObject({}), "owner's decision");
  if (!kind.ok) return kind;
  if ("x402Version" in kind.data) {
    const payload = read(paymentPayloadSchema, "payment payload", true);
    if (!payload.ok) return payload;
    const isSession = payload.data.accepted.scheme === BATCH_SETTLEMENT;
    return (isSession ? importSession : importPayment)(context, payload.data, `"${file}"`);
  }
  const record = read(decisionRecordSchema, "owner's decision", true);
  return record.ok ? importDecision(context, record.data, `"${file}"`) : record;
}
