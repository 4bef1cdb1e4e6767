/** Conformance checks of an endpoint. A check looks at responses that were collected before; it sends nothing. */

import { type Check, type Finding, judgeAll, right, skipped, wrong } from "../../shared/checklist/check.ts";

export interface ConformanceCheck<Visit> extends Check<Visit> {
  /** The clause of a specification that requires it. */
  clause: string;
  /** `fail`: a buyer cannot pay, or someone loses money. `warn`: everything else. */
  severity: "fail" | "warn";
  /** What the owner of the endpoint should change. */
  change: string;
  /** Needs requests that carry a decoy payment. */
  active?: true;
}

export interface ConformancePoint {
  id: string;
  title: string;
  clause: string;
  verdict: "pass" | "warn" | "fail" | "skipped";
  saw: string;
  change?: string;
}

const MAX_DEFECTS = 5;

/** Wrong if there are defects, right otherwise. */
export function defects(found: readonly string[], otherwise: string): Finding {
  return found.length > 0 ? wrong(found.slice(0, MAX_DEFECTS).join("; ")) : right(otherwise);
}

export const NEEDS_ACTIVE = "checked with --active only";

export async function judgeConformance<Visit>(
  checks: readonly ConformanceCheck<Visit>[],
  visit: Visit,
  active: boolean,
): Promise<ConformancePoint[]> {
  const passive = (check: ConformanceCheck<Visit>) => (check.active && !active ? skipped(NEEDS_ACTIVE) : undefined);
  const judged = await judgeAll(checks, visit, "skipped", passive);
  return judged.map(({ check: { id, title, clause, change }, verdict, saw }) => ({
    id,
    title,
    clause,
    verdict,
    saw,
    ...((verdict === "warn" || verdict === "fail") && { change }),
  }));
}
