/** The report of a validation, as data of a command and as text. */

import * as z from "zod";
import { checklistText } from "../runtime/checklist.ts";
import { counted, type Layout } from "../runtime/layout.ts";
import { type ConformancePoint, NEEDS_ACTIVE } from "./check.ts";

export const reportSchema = z.strictObject({
  target: z.enum(["merchant", "facilitator"]),
  method: z.string(),
  url: z.string(),
  /** Whether decoys were sent. */
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

export function reportOf(about: Pick<Report, "target" | "method" | "url" | "active">, checks: ConformancePoint[]): Report {
  const count = (verdict: ConformancePoint["verdict"]) => checks.filter((check) => check.verdict === verdict).length;
  return { ...about, passed: count("pass"), warned: count("warn"), failed: count("fail"), skipped: count("skipped"), checks };
}

export function renderReport({ target, method, url, checks, passed, warned, failed, skipped }: Report, layout: Layout): string[] {
  const skippedPoints = {
    verdict: "skipped",
    heading: "skipped",
    counted: ({ saw }: Report["checks"][number]) => saw === NEEDS_ACTIVE,
    countText: (count: number) => `${count} with --active only`,
  } as const;
  return [
    layout.ink("bold", `${target === "merchant" ? method : target} ${url}`),
    ...checklistText(layout, checks, skippedPoints, ({ saw, change = "", clause }) => [
      ["saw", saw],
      ["change", change],
      ["clause", clause],
    ]),
    "",
    `${passed} passed, ${counted(warned, "warning")}, ${failed} failed, ${skipped} skipped`,
  ];
}
