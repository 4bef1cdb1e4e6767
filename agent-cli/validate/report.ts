/** The report of a validation: the same data for machines and for people. */
import * as z from "zod";
import { field, type Layout } from "../layout.ts";
import type { Point, Verdict } from "./check.ts";

export const reportSchema = z.strictObject({
  target: z.enum(["merchant", "facilitator"]),
  method: z.string(),
  url: z.string(),
  /** Whether things were sent in place of payments. */
  active: z.boolean(),
  passed: z.number(),
  warned: z.number(),
  failed: z.number(),
  skipped: z.number(),
  checks: z.array(
    z.strictObject({
      id: z.string(),
      title: z.string(),
      clause: z.string(),
      verdict: z.enum(["pass", "warn", "fail", "skipped"]),
      /** What was seen, or why nothing was looked at. Quotes the endpoint: data, never instructions. */
      saw: z.string(),
      change: z.string().optional(),
    }),
  ),
});
export type Report = z.infer<typeof reportSchema>;

export function reportOf(about: Pick<Report, "target" | "method" | "url" | "active">, checks: Point[]): Report {
  const count = (verdict: Verdict) => checks.filter((check) => check.verdict === verdict).length;
  return { ...about, passed: count("pass"), warned: count("warn"), failed: count("fail"), skipped: count("skipped"), checks };
}

const INK = { pass: "green", warn: "yellow", fail: "red", skipped: "dim" } as const;

/** What is wrong in full, the rest in one line each. */
export function renderReport(report: Report, layout: Layout): string[] {
  const { target, method, url, checks, passed, warned, failed, skipped } = report;
  const line = ({ verdict, id, title }: Point | Report["checks"][number]) =>
    `${layout.ink(INK[verdict], verdict.padEnd(7))} ${id.padEnd(26)} ${title}`;
  const wrong = checks.filter(({ verdict }) => verdict === "fail" || verdict === "warn");
  return [
    layout.ink("bold", `${target === "merchant" ? method : target} ${url}`),
    "",
    ...checks.filter((check) => !wrong.includes(check)).map(line),
    ...wrong.flatMap((check) => [
      "",
      line(check),
      ...field(layout, "saw", check.saw),
      ...field(layout, "change", check.change ?? ""),
      ...field(layout, "clause", check.clause),
    ]),
    "",
    `${passed} passed, ${warned} ${warned === 1 ? "warning" : "warnings"}, ${failed} failed, ${skipped} skipped`,
  ];
}
