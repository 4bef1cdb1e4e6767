/** What evidence states and how far it was verified, as data of a command and as text. */

import * as z from "zod";
import type { EvidencePoint } from "../../shared/evidence/check.ts";
import type { Evidence } from "../../shared/evidence/evidence.ts";
import type { EvidenceReport } from "../../shared/evidence/verify.ts";
import { SCHEME, UPTO } from "../../shared/lez.ts";
import { authorizationDigest, transactionOf } from "../../shared/protocol/authorization.ts";
import { requestDigest, shortCode } from "../../shared/protocol/payment-request.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { money } from "../../shared/screen/money.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { checklistText } from "../runtime/checklist.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { counted, field, type Layout, wrap } from "../runtime/layout.ts";
import { moneySchema, price } from "../runtime/money.ts";
import { type Failure, fail, refuse } from "../runtime/outcome.ts";
import { callLines, callStatement, callStatementSchema } from "./call-statement.ts";
import { mandateLines, mandateOf, mandateStatementSchema } from "./mandate-statement.ts";

const statementSchema = z.strictObject({
  shortCode: z.string(),
  requestDigest: z.string(),
  /** In the agent's words. */
  reason: z.string(),
  method: z.string(),
  url: z.string(),
  paid: moneySchema,
  /** What the refunds in the file give back of it. */
  refunded: moneySchema.optional(),
  payer: z.string(),
  payTo: z.string(),
  /** Absent if the owner approved limits, and not this payment. */
  approvedAt: z.string().optional(),
  mandate: mandateStatementSchema.optional(),
  transaction: z.string(),
});

export const evidenceReportSchema = z.strictObject({
  verdict: z.enum(["verified", "incomplete", "differs"]),
  /** What the evidence states; absent if the file cannot be read. Of a call that a session paid it is `call`. */
  says: statementSchema.optional(),
  call: callStatementSchema.optional(),
  passed: z.number(),
  warned: z.number(),
  failed: z.number(),
  unchecked: z.number(),
  points: z.array(
    z.strictObject({
      id: z.string(),
      title: z.string(),
      verdict: z.enum(["pass", "warn", "fail", "unchecked"]),
      /** The member that it is about; of a failed point, the member that does not fit. */
      about: z.string(),
      saw: z.string(),
      because: z.enum(["absent", "unknown_key", "depends"]).optional(),
    }),
  ),
});
export type EvidenceReportView = z.infer<typeof evidenceReportSchema>;

export function evidenceReportView({ verdict, points, evidence }: EvidenceReport): EvidenceReportView {
  const count = (verdict: EvidencePoint["verdict"]) => points.filter((point) => point.verdict === verdict).length;
  return {
    verdict,
    ...(evidence && (evidence.version === "1" ? { says: statementOf(evidence) } : { call: callStatement(evidence) })),
    passed: count("pass"),
    warned: count("warn"),
    failed: count("fail"),
    unchecked: count("unchecked"),
    points,
  };
}

/** Of a payment on the chain itself, whose words name its own transaction. */
export function nativeReportView(
  points: EvidencePoint[],
  verdict: EvidenceReport["verdict"],
  order: Evidence,
  transaction: string,
): EvidenceReportView {
  return { ...evidenceReportView({ verdict, points }), says: { ...statementOf(order), transaction } };
}

type Statement = z.infer<typeof statementSchema>;

function statementOf({ request, payment: { authorization, mandate }, ledger, refunds = [] }: Evidence): Statement {
  const { from, to, value, asset, network, validAfter, scheme = SCHEME } = authorization;
  // Of scheme `upto` the ledger's entry has what was charged; what was signed is a maximum.
  const debit = scheme === UPTO ? ledger?.entries[0]?.value : undefined;
  const signedAt = formatTimestamp(Number(validAfter));
  const digest = requestDigest(request);
  const refunded = refunds.reduce((sum, { signed }) => sum + BigInt(signed.refund.amount), 0n);
  return {
    shortCode: shortCode(digest),
    requestDigest: digest,
    reason: request.reason,
    method: request.http.method,
    url: request.http.url,
    paid: debit === undefined ? price({ scheme, amount: value, asset }) : money(debit, asset),
    ...(refunded > 0n && { refunded: money(refunded.toString(), asset) }),
    payer: from,
    payTo: to,
    ...(authorization.mandate === undefined && !mandate && { approvedAt: signedAt }),
    ...(mandate && { mandate: mandateOf(mandate, signedAt) }),
    transaction: transactionOf(network, authorizationDigest(authorization)),
  };
}

/** One report in both cases: `data` if everything is verified, `error.details` if not. */
export function evidenceFailure(report: EvidenceReportView): Failure | undefined {
  const { verdict, points } = report;
  if (verdict === "verified") return undefined;
  const open = points.filter((point) => point.verdict === (verdict === "differs" ? "fail" : "unchecked"));
  const first = open[0];
  if (verdict === "differs") {
    return refuse(
      "evidence_differs",
      EXIT.differs,
      `${counted(open.length, "point")} of ${points.length} ${open.length === 1 ? "does" : "do"} not hold. ${first?.id}: ${first?.saw}.`,
      {
        hint: "Do not rely on it. Each failed point names the member that does not fit; spec/evidence.md explains them.",
        details: report,
      },
    );
  }
  const keys = open.some(({ because }) => because === "unknown_key");
  return fail(
    "evidence_incomplete",
    `No point failed, but ${counted(open.length, "point")} could not be checked. ${first?.id}: ${first?.saw}.`,
    {
      hint: keys
        ? "Give the keys that you trust: --keys, --merchant-key, --ledger-key, --owner, --agent-key."
        : "--partial accepts evidence with missing parts.",
      details: report,
    },
  );
}

export function renderEvidence({ verdict, says, call, points, ...counts }: EvidenceReportView, layout: Layout): string[] {
  const skipped = {
    verdict: "unchecked",
    heading: "not checked",
    counted: ({ because }: EvidenceReportView["points"][number]) => because === "absent",
    countText: (count: number) => `${counted(count, "point")} about missing parts`,
  } as const;
  const { passed, warned, failed, unchecked } = counts;
  const sums = `${passed} passed, ${counted(warned, "warning")}, ${failed} failed, ${unchecked} not checked`;
  return [
    ...(says ? renderStatement(says, layout) : []),
    ...(call ? callLines(call, layout) : []),
    ...checklistText(layout, points, skipped, ({ about, saw }) => [...(about ? [["member", about] as const] : []), ["saw", saw]]),
    "",
    ...wrap(`${WORDS[verdict]}: ${sums}`, layout.width),
  ];
}

const WORDS = { verified: "Verified", incomplete: "Nothing failed, but not everything was checked", differs: "DIFFERS" } as const;

function renderStatement(says: Statement, layout: Layout): string[] {
  const { approvedAt, mandate } = says;
  return [
    layout.ink("bold", `${says.shortCode}  ${says.paid.display} for ${showUnsafe(`${says.method} ${says.url}`)}`),
    ...(says.refunded ? field(layout, "refunded", `${says.refunded.display} of it`) : []),
    ...field(layout, "reason", showUnsafe(says.reason)),
    ...field(layout, "from", says.payer),
    ...field(layout, "to", says.payTo),
    ...(approvedAt ? field(layout, "approved at", approvedAt) : []),
    ...(mandate ? mandateLines(mandate, layout) : []),
    ...field(layout, "transaction", says.transaction, 13),
  ];
}
