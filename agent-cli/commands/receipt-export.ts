/** `receipt export`: everything that shows that a request was paid, and why, in one file that others can check. */
import * as path from "node:path";
import * as z from "zod";
import { spellEvidence } from "../../shared/evidence/evidence.ts";
import { verifyEvidence } from "../../shared/evidence/verify.ts";
import { requestDigest, shortCode } from "../../shared/payment-request.ts";
import { defineCommand } from "../command.ts";
import { evidenceFailure, evidenceReportSchema, evidenceReportView, renderEvidence } from "../evidence-report.ts";
import { localEvidence } from "../evidence-source.ts";
import { facilitatorFields } from "../facilitator.ts";
import { downloadField, forceField } from "../fields.ts";
import { checkWritable, writeWhole } from "../files.ts";
import { knownKeys, knownKeysFields } from "../known-keys.ts";
import { field } from "../layout.ts";
import { ledgerEvidence } from "../ledger-evidence.ts";
import { fail, succeed } from "../outcome.ts";
import { requestOrFileField } from "../request-ref.ts";

const missingSchema = z.strictObject({ part: z.enum(["offer", "receipt", "ledger"]), why: z.string() });

export const receiptExport = defineCommand({
  name: "receipt export",
  audience: "both",
  summary: "evidence of a payment in one file that others can check",
  description: [
    "The request with its reason, the signed payment, the merchant's signed offer and receipt, and the payer's entry at the ledger with the ledger's signature under it. The facilitator is asked for the latter; nothing else leaves this machine.",
    "What was put together is checked before it is written, with the keys that are known here. Where a part is not to be had, nothing is written without --partial.",
  ].join("\n\n"),
  input: z.strictObject({
    request: requestOrFileField,
    out: downloadField("where it goes; else evidence-<short code>.json"),
    partial: z.boolean().default(false).meta({ description: "write it although the offer, the receipt or the ledger's part is missing" }),
    keys: knownKeysFields.keys,
    ...facilitatorFields,
    ...forceField,
  }),
  output: z.strictObject({ file: z.string(), bytes: z.number(), missing: z.array(missingSchema), report: evidenceReportSchema }),
  examples: [
    { says: "of a request that was paid", argv: "receipt export 7F3K-9QPD" },
    { says: "of a merchant that signs nothing", argv: "receipt export 7F3K-9QPD --out evidence.json --partial" },
  ],
  async run(context, input) {
    const { partial, force } = input;
    const local = await localEvidence(context, input.request, partial);
    if (!local.ok) return local;
    const name = `evidence-${shortCode(requestDigest(local.data.evidence.request))}.json`;
    const file = input.out ?? path.join(context.downloads ?? "", name);
    const writable = checkWritable(file, force);
    if (!writable.ok) return writable;
    const ledger = await ledgerEvidence(context, input, local.data.evidence.payment.authorization);
    if (!ledger.ok && (!partial || ledger.error.code === "interrupted")) return ledger;
    const found = ledger.ok ? ledger.data : { why: ledger.error.message };
    const missing = [...local.data.missing, ...("why" in found ? [{ part: "ledger" as const, why: found.why }] : [])];
    const evidence = { ...local.data.evidence, ...("part" in found && { ledger: found.part }) };
    const lost = missing.map(({ part, why }) => `${part} (${why})`).join(", ");
    if (!evidence.receipt && !evidence.ledger) return fail("receipt_not_found", `Nothing shows that it was paid. Missing: ${lost}.`);
    if (missing.length > 0 && !partial) {
      return fail("evidence_incomplete", `The evidence would not be complete. Missing: ${lost}.`, {
        hint: "--partial writes what there is.",
        details: { missing },
      });
    }
    const bytes = spellEvidence(evidence);
    const keys = knownKeys(context, input, evidence);
    if (!keys.ok) return keys;
    const report = evidenceReportView(await verifyEvidence(bytes, keys.data, { partial }));
    const failure = evidenceFailure(report);
    // What somebody said does not fit what was signed: a file of it would only accuse its bearer.
    if (failure && report.verdict === "differs") return failure;
    const written = writeWhole(file, bytes, force);
    return written.ok ? succeed({ file, bytes: bytes.length, missing, report }) : written;
  },
  render: ({ file, bytes, missing, report }, layout) => [
    ...renderEvidence(report, layout),
    "",
    layout.ink("green", `Evidence written to ${file}, ${bytes} bytes`),
    ...missing.flatMap(({ part, why }) => field(layout, `no ${part}`, why)),
  ],
});
