/** `receipt export`: writes evidence of a payment into one file that others can check. */

import * as path from "node:path";
import * as z from "zod";
import type { Evidence } from "../../shared/evidence/evidence.ts";
import type { KnownKeys } from "../../shared/evidence/keys.ts";
import { serializeEvidence } from "../../shared/evidence/serialize.ts";
import { verifyEvidence } from "../../shared/evidence/verify.ts";
import { isNativeNetwork } from "../../shared/lez.ts";
import { wordsOfNative } from "../../shared/protocol/native-payment.ts";
import { requestDigest, shortCode } from "../../shared/protocol/payment-request.ts";
import { voucherDigest } from "../../shared/protocol/voucher.ts";
import { defineCommand } from "../command-line/command.ts";
import { downloadField, retiredForceField } from "../command-line/fields.ts";
import { claimedCallEvidence, localCallEvidence } from "../evidence/call-source.ts";
import { evidenceFailure, evidenceReportSchema, type EvidenceReportView, evidenceReportView, renderEvidence } from "../evidence/report.ts";
import { localEvidence, type Missing, type PaidRequest, paidRequest } from "../evidence/source.ts";
import { facilitatorFields, type FacilitatorInput } from "../facilitator/client.ts";
import { lackOf, ledgerEvidence } from "../facilitator/ledger-evidence.ts";
import { refundEvidence } from "../facilitator/refund-evidence.ts";
import { knownKeys, knownKeysFields, type KnownKeysInput } from "../keys/trusted-keys.ts";
import { findCall, type FoundCall } from "../purchase/find-call.ts";
import { requestOrFileField } from "../purchase/find-request.ts";
import type { Context } from "../runtime/context.ts";
import { field } from "../runtime/layout.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";

const missingSchema = z.strictObject({
  part: z.enum(["offer", "receipt", "ledger", "refunds", "request", "claim"]),
  why: z.string(),
});

const exportedSchema = z.strictObject({
  file: z.string(),
  bytes: z.number(),
  missing: z.array(missingSchema),
  report: evidenceReportSchema,
});
type Exported = z.infer<typeof exportedSchema>;

export const receiptExport = defineCommand({
  name: "receipt export",
  audience: "both",
  tool: { title: "Export evidence of a payment", idempotent: true, openWorld: true },
  summary: "evidence of a payment in one file that others can check",
  description: [
    "The file holds the request with its reason, the signed payment with its mandate if it is under one, the merchant's signed offer and receipt, and the payer's ledger entry under the ledger's signature; of a payment that was refunded, each signed refund with its entries. The facilitator is asked for the ledger's parts; nothing else leaves this machine.",
    "Of a call that a session paid it holds the request for the session, the signed session, the call's voucher, and the merchant's claim with the payer's entry of it. Before the claim nothing has moved: the file says so, and is written with --partial alone.",
    "Of a payment on the chain itself there is no such file: the chain is its evidence, and receipt show checks it there.",
    "The evidence is checked before it is written, with the keys that are known here. If a part is missing, nothing is written without --partial. With --partial, an offer or a receipt that fails its check is left out too, and named.",
  ].join("\n\n"),
  input: z.strictObject({
    request: requestOrFileField,
    out: downloadField("output file; else evidence-<short code>.json"),
    partial: z.boolean().default(false).meta({ description: "leave out parts that are missing, or that the merchant signed wrongly" }),
    keys: knownKeysFields.keys,
    ...facilitatorFields,
    ...retiredForceField,
  }),
  output: exportedSchema,
  examples: [
    { says: "of a paid request", argv: "receipt export 7F3K-9QPD" },
    { says: "of a merchant that signs nothing", argv: "receipt export 7F3K-9QPD --out evidence.json --partial" },
  ],
  async run(context, input) {
    const { partial } = input;
    const call = await findCall(context, input.request);
    if (!call.ok) return call;
    if (call.data) return exportCall(context, input, call.data);
    const paid = await paidRequest(context, input.request, partial);
    if (!paid.ok) return paid;
    if (isNativeNetwork(paid.data.payload.accepted.network)) return onTheChain(paid.data);
    const local = await localEvidence(context, input, paid.data);
    if (!local.ok) return local;
    const name = `evidence-${shortCode(requestDigest(local.data.evidence.request))}.json`;
    const file = input.out ?? path.join(context.downloads ?? "", name);
    const writable = context.files.checkNew(file);
    if (!writable.ok) return writable;
    const ledger = await ledgerEvidence(context, input, local.data.evidence.payment);
    if (!ledger.ok && (!partial || ledger.error.code === "interrupted")) return ledger;
    const found = ledger.ok ? ledger.data : { why: ledger.error.message };
    const { payment } = local.data.evidence;
    const back = await refundEvidence(context, input, payment, "part" in found ? found.part.entries[0] : undefined);
    if (!back.ok && (!partial || back.error.code === "interrupted")) return back;
    const { refunds = [], lack } = back.ok ? back.data : { lack: back.error.message };
    const whole = { ...local.data.evidence, ...("part" in found && { ledger: found.part }), ...(refunds.length > 0 && { refunds }) };
    const keys = knownKeys(context, input, whole);
    if (!keys.ok) return keys;
    const { evidence, dropped } = partial ? await whatHolds(whole, keys.data) : { evidence: whole, dropped: [] };
    const why = lackOf(found, evidence);
    const missing = [
      ...local.data.missing,
      ...dropped,
      ...(why === undefined ? [] : [{ part: "ledger" as const, why }]),
      ...(lack === undefined ? [] : [{ part: "refunds" as const, why: lack }]),
    ];
    if (!evidence.receipt && !evidence.ledger)
      return fail("receipt_not_found", `Nothing shows that it was paid. Missing: ${lostText(missing)}.`);
    if (missing.length > 0 && !partial) return incomplete(missing);
    const bytes = serializeEvidence(evidence);
    const report = evidenceReportView(await verifyEvidence(bytes, keys.data, { partial }));
    const failure = evidenceFailure(report);
    // A statement contradicts what was signed: such a file would only incriminate its bearer.
    if (failure && report.verdict === "differs") return orPartial(failure, report);
    const written = context.files.writeNew(file, bytes);
    return written.ok ? succeed({ file, bytes: bytes.length, missing, report }) : written;
  },
  render: ({ file, bytes, missing, report }, layout) => [
    ...renderEvidence(report, layout),
    "",
    layout.ink("green", `Evidence written to ${file}, ${bytes} bytes`),
    ...missing.flatMap(({ part, why }) => field(layout, `no ${part}`, why)),
  ],
});

/** No ledger of ours has an entry of it, and no checkpoint. What proves it is public. */
function onTheChain({ request, payload }: PaidRequest): Failure {
  const { accepted } = payload;
  const words = wordsOfNative(payload);
  const code = shortCode(requestDigest(request));
  return fail(
    "unsupported",
    `${code} was paid on ${accepted.network} itself. There is no file of evidence of such a payment: the chain is the evidence.`,
    {
      hint: `Give the transaction to those who ask: any sequencer of ${accepted.network} finds its block. receipt show checks it against what you signed.`,
      details: {
        network: accepted.network,
        ledger: words?.ledger,
        transaction: words?.native?.transaction,
        messageHash: words?.nonce,
        payer: words?.from,
        payee: words?.to,
      },
      next: { argv: ["lez-agent-pay", "receipt", "show", code], by: "agent", why: "check the payment against the chain" },
    },
  );
}

/** Of a call that a session paid. */
async function exportCall(
  context: Context,
  input: FacilitatorInput & KnownKeysInput & { out?: string | undefined; partial: boolean },
  call: FoundCall,
): Promise<Outcome<Exported>> {
  const { partial } = input;
  const local = localCallEvidence(context, call);
  if (!local.ok) return local;
  const file = input.out ?? path.join(context.downloads ?? "", `evidence-${shortCode(voucherDigest(call.call.voucher))}.json`);
  const writable = context.files.checkNew(file);
  if (!writable.ok) return writable;
  const asked = await claimedCallEvidence(context, input, call, local.data);
  if (!asked.ok && (!partial || asked.error.code === "interrupted")) return asked;
  const { evidence, missing } = asked.ok
    ? asked.data
    : { evidence: local.data, missing: [{ part: "claim" as const, why: asked.error.message }] };
  if (missing.length > 0 && !partial) return incomplete(missing);
  const keys = knownKeys(context, input, evidence);
  if (!keys.ok) return keys;
  const bytes = serializeEvidence(evidence);
  const report = evidenceReportView(await verifyEvidence(bytes, keys.data, { partial }));
  const failure = evidenceFailure(report);
  if (failure && report.verdict === "differs") return failure;
  const written = context.files.writeNew(file, bytes);
  return written.ok ? succeed({ file, bytes: bytes.length, missing, report }) : written;
}

function incomplete(missing: readonly Missing[]): Failure {
  return fail("evidence_incomplete", `The evidence would be incomplete. Missing: ${lostText(missing)}.`, {
    hint: "--partial writes the rest.",
    details: { missing },
  });
}

function lostText(missing: readonly Missing[]): string {
  return missing.map(({ part, why }) => `${part} (${why})`).join(", ");
}

/** The merchant's statements. The rest of the evidence stands without them. */
const SAID_BY_MERCHANT = ["offer", "receipt"] as const;

/** Leaves out an offer or a receipt that fails its check: a merchant that signs nonsense must not suppress the rest. */
async function whatHolds(whole: Evidence, keys: KnownKeys): Promise<{ evidence: Evidence; dropped: Missing[] }> {
  const { points } = await verifyEvidence(serializeEvidence(whole), keys, { partial: true });
  const dropped = SAID_BY_MERCHANT.flatMap((part) => {
    const failed = points.find(({ id, verdict }) => verdict === "fail" && id.startsWith(`${part}.`));
    return failed ? [{ part, why: `the merchant's does not hold, ${failed.id}: ${failed.saw}` }] : [];
  });
  const evidence = { ...whole };
  for (const { part } of dropped) delete evidence[part];
  return { evidence, dropped };
}

function orPartial(failure: Failure, { points }: EvidenceReportView): Failure {
  const failed = points.filter(({ verdict }) => verdict === "fail");
  if (!failed.every(({ id }) => SAID_BY_MERCHANT.some((part) => id.startsWith(`${part}.`)))) return failure;
  return {
    ...failure,
    error: { ...failure.error, hint: "The merchant's statement fails its check. --partial writes the rest without it." },
  };
}
