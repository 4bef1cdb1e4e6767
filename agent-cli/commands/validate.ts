/** `validate`: checks a merchant's 402, or a facilitator, point by point. Never pays, needs no key. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { secondsField } from "../command-line/fields.ts";
import { allowHttpField, curlFields, httpRequest } from "../merchant/curl-request.ts";
import { interrupted } from "../prompts/prompts.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { fail, type Outcome, refuse, succeed } from "../runtime/outcome.ts";
import { type ConformancePoint, judgeConformance } from "../validate/check.ts";
import { FACILITATOR_CHECKS, MERCHANT_CHECKS } from "../validate/checks.ts";
import { visitFacilitator } from "../validate/facilitator-visit.ts";
import { visitMerchant } from "../validate/merchant-visit.ts";
import { Probe, type Reply } from "../validate/probe.ts";
import { type Report, renderReport, reportOf, reportSchema } from "../validate/report.ts";

const REQUEST_TIMEOUT_SECONDS = 10;

export const validate = defineCommand({
  name: "validate",
  audience: "dev",
  summary: "check a 402, or a facilitator, point by point",
  description: [
    "For sellers. Each check names its clause, what it saw and what to change; spec/validate.md lists them all. The network does not matter; checks that know one network only are skipped on others.",
    "By default only unpaid requests are made. --active also sends malformed and unsigned payments, none of which can pay. If a check fails, the exit code is 23 and the report is in error.details; --strict counts warnings as well.",
  ].join("\n\n"),
  input: z.strictObject({
    url: z.string().meta({ positional: true, description: "the priced resource, or the facilitator" }),
    facilitator: z.boolean().default(false).meta({ description: "the URL is a facilitator's: check /supported and /verify" }),
    active: z.boolean().default(false).meta({ description: "also send invalid payments; for a facilitator also call /settle" }),
    strict: z.boolean().default(false).meta({ description: "warnings count as failures" }),
    timeout: secondsField
      .default(REQUEST_TIMEOUT_SECONDS)
      .meta({ value: "seconds", description: `for each request; ${REQUEST_TIMEOUT_SECONDS}` }),
    ...curlFields,
    ...allowHttpField,
  }),
  output: reportSchema,
  examples: [
    { says: "is my paywall right?", argv: "validate https://api.example.com/premium --active" },
    { says: "may merchants rely on my facilitator?", argv: "validate --facilitator https://facilitator.example.com --active" },
  ],
  async run(context, { facilitator, active, strict, timeout, ...input }) {
    const made = await httpRequest(context, input);
    if (!made.ok) return made;
    const { method, url } = made.data;
    const probe = new Probe(context, timeout);
    let first: Reply;
    let points: ConformancePoint[];
    if (facilitator) {
      const visit = await visitFacilitator(made.data, probe, active);
      [first, points] = [visit.supported, await judgeConformance(FACILITATOR_CHECKS, visit, active)];
    } else {
      const visit = await visitMerchant(made.data, probe, active);
      [first, points] = [visit.first, await judgeConformance(MERCHANT_CHECKS, visit, active)];
    }
    if (context.io.signal.aborted) return interrupted();
    if (first.kind === "silence" && !first.reached) {
      if (first.refused) return first.refused;
      return fail("network", `${new URL(url).host} could not be reached: ${first.problem}.`, { hint: "Check the URL, then try again." });
    }
    const report = reportOf({ target: facilitator ? "facilitator" : "merchant", method, url, active }, points);
    return outcome(context, report, strict);
  },
  render: renderReport,
});

/** Machines get one shape: in `data` if all is well, in `error.details` if not. People read the report either way. */
function outcome(context: Context, report: Report, strict: boolean): Outcome<Report> {
  const { failed, warned, checks } = report;
  if (failed === 0 && (!strict || warned === 0)) return succeed(report);
  context.tell(...renderReport(report, context.layout));
  const wrong = strict && failed === 0 ? `${warned} of ${checks.length} checks warn` : `${failed} of ${checks.length} checks failed`;
  return refuse("not_conformant", EXIT.differs, `${wrong}.`, {
    hint: "Each failed check says what to change. spec/validate.md explains them.",
    retryable: false,
    details: report,
  });
}
