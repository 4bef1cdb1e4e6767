/** Runs `validate` in process and reads its report, wherever the envelope has it. */

import type { Sandbox } from "../../agent-cli/testing/cli.ts";
import { type Report, reportSchema } from "../../agent-cli/validate/report.ts";

type Line = Report["checks"][number];

export async function validation(box: Sandbox, ...words: string[]) {
  const run = await box.run(["validate", ...words]);
  const { json, exit } = run;
  const report = reportSchema.parse(json.ok ? json.data : json.error.details);
  const checks: Partial<Record<string, Line>> = Object.fromEntries(report.checks.map((check) => [check.id, check]));
  const of = (...verdicts: Line["verdict"][]) => report.checks.filter(({ verdict }) => verdicts.includes(verdict));
  return {
    exit,
    json,
    report,
    checks,
    ids: report.checks.map(({ id }) => id),
    wrong: of("fail", "warn"),
    failed: of("fail"),
    skipped: of("skipped"),
  };
}
