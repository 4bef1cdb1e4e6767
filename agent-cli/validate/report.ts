/** The report of a validation: the same data for machines and for people. */
import * as z from "zod";
import { counted, type Layout } from "../runtime/layout.ts";
import { pointsText } from "../runtime/checklist.ts";
import { type ConformancePoint, NEEDS_ACTIVE } from "./check.ts";

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

export function reportOf(about: Pick<Report, "target" | "method" | "url" | "active">, checks: ConformancePoint[]): Report {
  const count = (verdict: ConformancePoint["verdict"]) => checks.filter((check) => check.verdict === verdict).length;
  return { ...about, passed: count("pass"), warned: count("warn"), failed: count("fail"), skipped: count("skipped"), checks };
}

export function renderReport({ target, method, url, checks, passed, warned, failed, skipped }: Report, layout: Layout): string[] {
  const open = {
    verdict: "skipped",
    word: "skipped",
    summed: ({ saw }: Report["checks"][number]) => saw === NEEDS_ACTIVE,
    sum: (count: number) => `${count} with --active only`,
  } as const;
  return [
    layout.ink("bold", `${target === "merchant" ? method : target} ${url}`),
    ...pointsText(layout, checks, open, ({ saw, change = "", clause }) => [
      ["saw", saw],
      ["change", change],
      ["clause", clause],
    ]),
    "",
    `${passed} passed, ${counted(warned, "warning")}, ${failed} failed, ${skipped} skipped`,
  ];
}
