/** One point of a report: what must hold, by which clause, and what a defect of it is worth. A check looks at answers, it never asks. */

export interface Check<Seen> {
  /** Never renamed, never reused: scripts name it. */
  id: string;
  /** What holds where it passes. */
  title: string;
  /** Where that is asked for. */
  clause: string;
  /** What a defect is: `fail` where a buyer cannot pay or somebody loses money, `warn` for the rest. */
  severity: "fail" | "warn";
  /** What the owner of the endpoint should do about it. */
  change: string;
  /** Needs requests that carry something in place of a payment. */
  active?: true;
  judge: (seen: Seen) => Finding;
}

export interface Finding {
  is: "right" | "wrong" | "skipped";
  /** What was seen, or why nothing was looked at. */
  saw: string;
}

export const right = (saw: string): Finding => ({ is: "right", saw });
export const wrong = (saw: string): Finding => ({ is: "wrong", saw });
export const skipped = (why: string): Finding => ({ is: "skipped", saw: why });

/** Wrong if there are defects, right otherwise. */
export function defects(found: readonly string[], otherwise: string): Finding {
  return found.length > 0 ? wrong(found.slice(0, MAX_DEFECTS).join("; ")) : right(otherwise);
}

const MAX_DEFECTS = 5;

export type Verdict = "pass" | "warn" | "fail" | "skipped";

export interface Point {
  id: string;
  title: string;
  clause: string;
  verdict: Verdict;
  saw: string;
  change?: string;
}

export const NEEDS_ACTIVE = "asked for with --active only";

export function judgeAll<Seen>(checks: readonly Check<Seen>[], seen: Seen, active: boolean): Point[] {
  return checks.map(({ id, title, clause, severity, change, active: needsActive, judge }) => {
    const { is, saw } = needsActive && !active ? skipped(NEEDS_ACTIVE) : judge(seen);
    const verdict: Verdict = is === "right" ? "pass" : is === "skipped" ? "skipped" : severity;
    return { id, title, clause, verdict, saw, ...(is === "wrong" && { change }) };
  });
}
