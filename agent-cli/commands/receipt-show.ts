/** `receipt show`: a payment's receipt, and how much of it can be verified here. */

import * as z from "zod";
import { serializeEvidence } from "../../shared/evidence/serialize.ts";
import { verifyEvidence } from "../../shared/evidence/verify.ts";
import { ASSET, type NativeNetwork, isNativeNetwork } from "../../shared/lez.ts";
import { wordsOfNative } from "../../shared/protocol/native-payment.ts";
import { requestDigest, shortCode } from "../../shared/protocol/payment-request.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { money } from "../../shared/screen/money.ts";
import type { SettleResponse } from "../../shared/x402/x402.ts";
import { defineCommand } from "../command-line/command.ts";
import { judgeCallReceipt } from "../evidence/call-receipt.ts";
import { localCallEvidence } from "../evidence/call-source.ts";
import { inWordsOfEvidence, judgeNativeReceipt } from "../evidence/native-receipt.ts";
import { evidenceFailure, evidenceReportSchema, evidenceReportView, nativeReportView, renderEvidence } from "../evidence/report.ts";
import { localEvidence, merchantSaid, type PaidRequest, paidRequest } from "../evidence/source.ts";
import { knownKeys, knownKeysFields, type KnownKeysInput } from "../keys/trusted-keys.ts";
import { chargeLines, chargeSchema } from "../purchase/charge.ts";
import { commitmentOf } from "../purchase/classify-voucher.ts";
import { findCall, type FoundCall } from "../purchase/find-call.ts";
import { requestOrFileField } from "../purchase/find-request.ts";
import { refundedSums } from "../records/refunds-known.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { counted, field, type Layout } from "../runtime/layout.ts";
import { moneySchema } from "../runtime/money.ts";
import { fail, type Outcome, refuse, succeed } from "../runtime/outcome.ts";

const shownSchema = z.strictObject({
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
  signed: z.strictObject({
    offer: z.boolean(),
    receipt: z.boolean(),
    /** Of a call in a session: who says to have signed its receipt, where no key of the merchant is known to check it. */
    uncheckedReceiptOf: z.string().optional(),
  }),
  /** Of the payment's presentations from this machine: quote it to the seller. */
  trace: z.string().optional(),
  /** Of scheme `upto`: what was charged, as far as this machine knows, and what the merchant itemised. */
  charged: moneySchema.optional(),
  charge: chargeSchema.optional(),
  /** What this machine has read in the payer's journal, the last time that status was asked. */
  refunded: moneySchema.optional(),
  /** Of a payment on the chain itself: where its sequencer has it, as far as it answered. */
  chain: z
    .strictObject({
      network: z.string(),
      /** The hash of block 1. */
      ledger: z.string(),
      nonce: z.string(),
      feeAtMost: moneySchema,
      block: z.string().optional(),
      blockHash: z.string().optional(),
      final: z.boolean().optional(),
      head: z.string().optional(),
    })
    .optional(),
  report: evidenceReportSchema,
});
type Shown = z.infer<typeof shownSchema>;

export const receiptShow = defineCommand({
  name: "receipt show",
  audience: "both",
  readOnly: true,
  tool: { title: "Show the receipt of a payment", idempotent: true, openWorld: true },
  summary: "a payment's receipt, and how much of it can be verified",
  description:
    "Reads this machine's records; of a payment on the chain itself it asks the configured sequencer, too, for its block. To ask the facilitator, use status; for the ledger's entry, receipt export.",
  input: z.strictObject({
    request: requestOrFileField,
    keys: knownKeysFields.keys,
  }),
  output: shownSchema,
  examples: [
    { says: "by its short code", argv: "receipt show 7F3K-9QPD" },
    { says: "against a known key of the merchant", argv: "receipt show 7F3K-9QPD --keys known-keys.json" },
  ],
  async run(context, input) {
    const call = await findCall(context, input.request);
    if (!call.ok) return call;
    if (call.data) return showCall(context, input, call.data);
    const paid = await paidRequest(context, input.request, false);
    if (!paid.ok) return paid;
    if (isNativeNetwork(paid.data.payload.accepted.network)) return showNative(context, input, paid.data);
    const local = await localEvidence(context, input, paid.data);
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
      ...(stated && { stated: statedOf(stated, report.says?.transaction) }),
      signed: { offer: evidence.offer !== undefined, receipt: evidence.receipt !== undefined },
      ...(charged !== undefined && { charged: money(charged, ASSET) }),
      ...(charge && { charge }),
      ...(trace && { trace }),
      report,
    });
  },
  render: ({ stated, signed, charged, charge, trace, refunded, chain, report }, layout) => [
    ...renderEvidence(report, layout),
    "",
    ...field(
      layout,
      "receipt",
      report.call
        ? callReceiptText(signed)
        : stated
          ? `the merchant says that transaction ${showUnsafe(stated.transaction)} settled${stated.fits ? "" : ", which is NOT this payment's"}`
          : "not kept on this machine",
    ),
    ...(report.call
      ? []
      : field(layout, "signed", signed.receipt ? "by the merchant, as proof of delivery" : "no: the merchant could deny it")),
    ...(chain ? chainLines(chain, layout) : []),
    ...(charged ? field(layout, "charged", charged.display) : []),
    ...(charge ? chargeLines(charge, layout) : []),
    ...(refunded ? field(layout, "refunded", `${refunded.display}, as the payer's journal said`) : []),
    ...(trace ? field(layout, "trace", trace) : []),
  ],
});

function callReceiptText({ receipt, uncheckedReceiptOf: kid }: Shown["signed"]): string {
  if (receipt) return "the merchant signed what the call was charged; its claim says that it was paid";
  if (kid === undefined) return "the merchant signed none of this call; its claim says that it was paid";
  return `signed as ${showUnsafe(kid)}, and no key of the merchant is known here to check it`;
}

function statedOf({ transaction, network, payer, amount }: SettleResponse, own: string | undefined): NonNullable<Shown["stated"]> {
  return { transaction, fits: transaction === own, network, ...(payer && { payer }), ...(amount && { amount }) };
}

function chainLines({ network, nonce, feeAtMost, block, final, head }: NonNullable<Shown["chain"]>, layout: Layout): string[] {
  const below = BigInt(head ?? 0) - BigInt(block ?? 0);
  return [
    ...field(layout, "chain", `${network}, nonce ${nonce}; ${block === undefined ? "not found, or not asked" : `in block ${block}`}`),
    ...(block === undefined ? [] : field(layout, "finality", final ? "final" : `${counted(Number(below), "block")} on top, not final yet`)),
    ...field(layout, "fee", `at most ${feeAtMost.display}`),
  ];
}

/** Of a payment on the chain itself. What the chain has is asked at the configured sequencer; without an answer those points are not checked. */
async function showNative(context: Context, input: KnownKeysInput, { request, payload, record }: PaidRequest): Promise<Outcome<Shown>> {
  const words = wordsOfNative(payload);
  if (!words?.native)
    return fail("invalid_file", `The payment of ${shortCode(requestDigest(request))} cannot be read: it has no transfer with a statement.`);
  const { native: onChain } = words;
  context.trace.adopt(record?.trace);
  const unsigned = { network: payload.accepted.network as NativeNetwork, request, payload, words: { ...words, native: onChain } };
  const keys = knownKeys(context, input, inWordsOfEvidence(unsigned));
  if (!keys.ok) return keys;
  const said = await merchantSaid(context, request, payload, keys.data);
  if (!said.ok) return said;
  const { offer, receipt, stated } = said.data;
  const native = { ...unsigned, offer, receipt, stated: stated?.transaction };
  const { points, verdict, chain } = await judgeNativeReceipt(context, native, keys.data);
  const transaction = chain?.transaction ?? onChain.transaction;
  const report = nativeReportView(points, verdict, inWordsOfEvidence(native), transaction);
  const failure = evidenceFailure(report);
  if (failure && verdict === "differs") {
    context.tell(...renderEvidence(report, context.layout));
    return failure;
  }
  return succeed({
    ...(stated && { stated: statedOf(stated, transaction) }),
    signed: { offer: offer !== undefined, receipt: receipt !== undefined },
    ...(record?.trace && { trace: record.trace }),
    chain: {
      network: words.network,
      ledger: words.ledger ?? "",
      nonce: onChain.nonce,
      feeAtMost: money(onChain.maxFee, words.asset),
      ...(chain && { block: chain.block.toString(), blockHash: chain.blockHash, final: chain.final, head: chain.head.toString() }),
    },
    report,
  });
}

/** Of a call that a session paid. The ledger is not asked: before its claim nothing has moved, and `status` says whether there is one. */
async function showCall(context: Context, input: KnownKeysInput, found: FoundCall): Promise<Outcome<Shown>> {
  const { call, session } = found;
  context.trace.adopt(call.trace);
  const local = localCallEvidence(context, found);
  if (!local.ok) return local;
  const keys = knownKeys(context, input, local.data);
  if (!keys.ok) return keys;
  const { points, ...rest } = await verifyEvidence(serializeEvidence(local.data), keys.data, { partial: true });
  const report = evidenceReportView({ ...rest, points: points.filter(({ id }) => !/^(file|claim|ledger)\./.test(id)) });
  const failure = evidenceFailure(report);
  if (failure && report.verdict === "differs") {
    context.tell(...renderEvidence(report, context.layout));
    return failure;
  }
  const { origin } = session.signed.channelConfig;
  const receipt = await judgeCallReceipt(found, keys.data.merchants?.[origin] ?? []);
  if (receipt.kind === "wrong")
    return refuse(
      "receipt_differs",
      EXIT.differs,
      `The merchant's signed receipt of this call is not to be believed: ${receipt.problem}.`,
      {
        hint: "It proves nothing. What the call was charged stays within the voucher; session show has the sums.",
      },
    );
  const shown = {
    signed: {
      offer: false,
      receipt: receipt.kind === "signed",
      ...(receipt.kind === "unknown_key" && { uncheckedReceiptOf: receipt.kid }),
    },
    ...("charged" in call && { charged: money(call.charged, session.signed.channelConfig.asset) }),
    ...(call.trace && { trace: call.trace }),
    report,
  };
  const argv = ["lez-agent-pay", "status", commitmentOf(call.voucher)];
  return succeed(shown, { argv, by: "agent", why: "ask whether the merchant has claimed it" });
}
