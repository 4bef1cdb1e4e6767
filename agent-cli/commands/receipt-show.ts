/** `receipt show`: what the receipt of a payment says, and how much of it is known here to be true. */
import * as z from "zod";
import { serializeEvidence } from "../../shared/evidence/evidence.ts";
import { verifyEvidence } from "../../shared/evidence/verify.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { defineCommand } from "../command-line/command.ts";
import { evidenceFailure, evidenceReportSchema, evidenceReportView, renderEvidence } from "../evidence/report.ts";
import { localEvidence } from "../evidence/source.ts";
import { knownKeys, knownKeysFields } from "../keys/trusted-keys.ts";
import { field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";
import { requestOrFileField } from "../purchase/find-request.ts";

export const receiptShow = defineCommand({
  name: "receipt show",
  audience: "both",
  readOnly: true,
  summary: "what the receipt of a payment says, and what is known of it",
  description: "From what is kept on this machine. Nobody is asked: status asks the facilitator, receipt export the ledger.",
  input: z.strictObject({
    request: requestOrFileField,
    keys: knownKeysFields.keys,
  }),
  output: z.strictObject({
    /** The merchant's word as it came, where its answer was kept. */
    stated: z
      .strictObject({
        transaction: z.string(),
        /** Whether that is this payment's. */
        fits: z.boolean(),
        network: z.string(),
        payer: z.string().optional(),
        amount: z.string().optional(),
      })
      .optional(),
    /** What there is under the merchant's signature. */
    signed: z.strictObject({ offer: z.boolean(), receipt: z.boolean() }),
    report: evidenceReportSchema,
  }),
  examples: [
    { says: "by its short code", argv: "receipt show 7F3K-9QPD" },
    { says: "against a known key of the merchant", argv: "receipt show 7F3K-9QPD --keys known-keys.json" },
  ],
  async run(context, input) {
    const local = await localEvidence(context, input, false);
    if (!local.ok) return local;
    const { evidence, stated } = local.data;
    const keys = knownKeys(context, input, evidence);
    if (!keys.ok) return keys;
    const { points, ...rest } = await verifyEvidence(serializeEvidence(evidence), keys.data, { partial: true });
    // Whether there is anything to be had of the ledger was not asked.
    const report = evidenceReportView({ ...rest, points: points.filter(({ id }) => !/^(file|ledger)\./.test(id)) });
    const failure = evidenceFailure(report);
    if (failure && report.verdict === "differs") {
      context.tell(...renderEvidence(report, context.layout));
      return failure;
    }
    return succeed({
      ...(stated && {
        stated: {
          transaction: stated.transaction,
          fits: stated.transaction === report.says?.transaction,
          network: stated.network,
          ...(stated.payer && { payer: stated.payer }),
          ...(stated.amount && { amount: stated.amount }),
        },
      }),
      signed: { offer: evidence.offer !== undefined, receipt: evidence.receipt !== undefined },
      report,
    });
  },
  render: ({ stated, signed, report }, layout) => [
    ...renderEvidence(report, layout),
    "",
    ...field(
      layout,
      "receipt",
      stated
        ? `the merchant says that transaction ${showUnsafe(stated.transaction)} settled${stated.fits ? "" : ", which is NOT this payment's"}`
        : "not kept on this machine",
    ),
    ...field(layout, "signed", signed.receipt ? "by the merchant, as proof of delivery" : "no: the merchant could deny it"),
  ],
});
