/** The report of a validation: the same data for machines and for people. */
import * as z from "zod";
import type { Layout } from "../layout.ts";
import { counted, inBrief, inFull } from "../points.ts";
import { NEEDS_ACTIVE, type Point, type Verdict } from "./check.ts";

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

/** What is right first, what is wrong last and in full: the end is what is on the screen. */
export function renderReport({ target, method, url, checks, ...counts }: Report, layout: Layout): string[] {
  const { passed, warned, failed, skipped } = counts;
  const of = (verdict: Verdict) => checks.filter((check) => check.verdict === verdict);
  const inactive = of("skipped").filter(({ saw }) => saw === NEEDS_ACTIVE);
  const unseen = of("skipped").filter((check) => !inactive.includes(check));
  const wrong = (verdict: "warn" | "fail", ink: "yellow" | "red") =>
    of(verdict).flatMap(({ saw, change = "", clause, ...check }) =>
      inFull(layout, verdict, ink, check, [
        ["saw", saw],
        ["change", change],
        ["clause", clause],
      ]),
    );
  return [
    layout.ink("bold", `${target === "merchant" ? method : target} ${url}`),
    ...inBrief(
      layout,
      "pass",
      "green",
      of("pass").map(({ id, title }) => [id, title]),
    ),
    ...inBrief(
      layout,
      "skipped",
      "dim",
      unseen.map(({ id, saw }) => [id, saw]),
      inactive.length > 0 ? [`  ${inactive.length} with --active only`] : [],
    ),
    ...wrong("warn", "yellow"),
    ...wrong("fail", "red"),
    "",
    `${passed} passed, ${counted(warned, "warning")}, ${failed} failed, ${skipped} skipped`,
  ];
}
