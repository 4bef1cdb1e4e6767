/** `receipt verify`: checks a file of evidence offline. Public keys are all that it needs. */

import * as z from "zod";
import { readEvidence } from "../../shared/evidence/read.ts";
import { verifyEvidence } from "../../shared/evidence/verify.ts";
import { MAX_EVIDENCE_BYTES } from "../../shared/limits.ts";
import { defineCommand } from "../command-line/command.ts";
import { nameField } from "../command-line/fields.ts";
import { evidenceFailure, evidenceReportSchema, evidenceReportView, renderEvidence } from "../evidence/report.ts";
import { knownKeys, knownKeysFields } from "../keys/trusted-keys.ts";
import { fail, succeed } from "../runtime/outcome.ts";

export const receiptVerify = defineCommand({
  name: "receipt verify",
  audience: "both",
  readOnly: true,
  tool: { title: "Check evidence of a payment", idempotent: true },
  summary: "check evidence of a payment, offline, point by point",
  description: [
    "Needs neither network nor state, only public keys that you know from elsewhere: a key in the file proves nothing. A point whose key is unknown is not checked, and the file is then not verified.",
    "Exit code 0: every point holds. 2: the file is no evidence. 23: a point fails; the report is in error.details. 30: no point fails, but one could not be checked.",
  ].join("\n\n"),
  input: z.strictObject({
    evidence: nameField.meta({
      positional: true,
      value: "file",
      description: "the file that receipt export wrote",
      tool: { takes: "download", description: "the file that receipt_export wrote: its name without the folder" },
    }),
    ...knownKeysFields,
    partial: z.boolean().default(false).meta({ description: "do not count missing parts against the file" }),
  }),
  output: evidenceReportSchema,
  examples: [
    { says: "with a file of known keys", argv: "receipt verify evidence.json --keys known-keys.json" },
    { says: "missing parts do not count", argv: "receipt verify evidence.json --keys known-keys.json --partial" },
  ],
  async run(context, input) {
    const bytes = context.files.read(input.evidence, { what: "evidence", maxBytes: MAX_EVIDENCE_BYTES });
    if (!bytes.ok) return bytes;
    const read = readEvidence(bytes.data);
    if (!read.ok && !mayBeEvidence(bytes.data)) {
      const { about, problem } = read.fault;
      return fail("invalid_file", `"${input.evidence}" is no evidence of a payment: ${about ? `${about} ` : ""}${problem}.`, {
        hint: "lez-agent-pay receipt export writes such files.",
      });
    }
    const keys = knownKeys(context, input, read.ok ? read.evidence : undefined);
    if (!keys.ok) return keys;
    const report = evidenceReportView(await verifyEvidence(bytes.data, keys.data, input));
    const failure = evidenceFailure(report);
    if (failure) context.tell(...renderEvidence(report, context.layout));
    return failure ?? succeed(report);
  },
  render: renderEvidence,
});

/** Damaged evidence still has one of these members; a file that was named by mistake has neither. */
function mayBeEvidence(bytes: Uint8Array): boolean {
  return /"(request|payment)"\s*:/.test(Buffer.from(bytes).toString());
}
