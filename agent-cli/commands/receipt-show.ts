/** `receipt show`: a payment's receipt, and how much of it can be verified here. */

import * as z from "zod";
import { serializeEvidence } from "../../shared/evidence/serialize.ts";
import { verifyEvidence } from "../../shared/evidence/verify.ts";
import { ASSET } from "../../shared/lez.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { defineCommand } from "../command-line/command.ts";
import { evidenceFailure, evidenceReportSchema, evidenceReportView, renderEvidence } from "../evidence/report.ts";
import { localEvidence } from "../evidence/source.ts";
import { knownKeys, knownKeysFields } from "../keys/trusted-keys.ts";
import { chargeLines, chargeSchema } from "../purchase/charge.ts";
import { requestOrFileField } from "../purchase/find-request.ts";
import { refundedSums } from "../records/refunds-known.ts";
import { field } from "../runtime/layout.ts";
import { money, moneySchema } from "../runtime/money.ts";
import { succeed } from "../runtime/outcome.ts";

export const receiptShow = defineCommand({
  name: "receipt show",
  audience: "both",
  readOnly: true,
  tool: { title: "Show the receipt of a payment", idempotent: true },
  summary: "a payment's receipt, and how much of it can be verified",
  description: "Reads this machine's records only. To ask the facilitator, use status; for the ledger's entry, receipt export.",
  input: z.strictObject({
    request: requestOrFileField,
    keys: knownKeysFields.keys,
  }),
  output: z.strictObject({
    /** The receipt as the merchant sent it, if its answer was kept. */
    stated: z
      .strictObject({
        transaction: z.string(),
        /** Whether the transaction is this payment's. */
        fits: z.boolean(),
        network: z.string(),
        payer: z.string().optional(),
        amount: z.string().optional(),
      })
      .optional(),
    /** What the merchant has signed. */
    signed: z.strictObject({ offer: z.boolean(), receipt: z.boolean() }),
    /** Of the payment's presentations from this machine: quote it to the seller. */
    trace: z.string().optional(),
    /** Of scheme `upto`: what was charged, as far as this machine knows, and what the merchant itemised. */
    charged: moneySchema.optional(),
    charge: chargeSchema.optional(),
    /** What this machine has read in the payer's journal, the last time that status was asked. */
    refunded: moneySchema.optional(),
    report: evidenceReportSchema,
  }),
  examples: [
    { says: "by its short code", argv: "receipt show 7F3K-9QPD" },
    { says: "against a known key of the merchant", argv: "receipt show 7F3K-9QPD --keys known-keys.json" },
  ],
  async run(context, input) {
    const local = await localEvidence(context, input, false);
    if (!local.ok) return local;
    const { evidence, stated, trace, charge, charged } = local.data;
    context.trace.adopt(trace);
    const keys = knownKeys(context, input, evidence);
    if (!keys.ok) return keys;
    const { points, ...rest } = await verifyEvidence(serializeEvidence(evidence), keys.data, { partial: true });
    // Leave out the ledger's points: the ledger was not asked.
    const report = evidenceReportView({ ...rest, points: points.filter(({ id }) => !/^(file|ledger)\./.test(id)) });
    const failure = evidenceFailure(report);
    if (failure && report.verdict === "differs") {
      context.tell(...renderEvidence(report, context.layout));
      return failure;
    }
    const refunds = refundedSums(context);
    if (!refunds.ok) return refunds;
    const refunded = refunds.data.get(report.says?.transaction ?? "");
    return succeed({
      ...(refunded !== undefined && { refunded: money(refunded.toString(), ASSET) }),
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
      ...(charged !== undefined && { charged: money(charged, ASSET) }),
      ...(charge && { charge }),
      ...(trace && { trace }),
      report,
    });
  },
  render: ({ stated, signed, charged, charge, trace, refunded, report }, layout) => [
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
    ...(charged ? field(layout, "charged", charged.display) : []),
    ...(charge ? chargeLines(charge, layout) : []),
    ...(refunded ? field(layout, "refunded", `${refunded.display}, as the payer's journal said`) : []),
    ...(trace ? field(layout, "trace", trace) : []),
  ],
});
