/** A checklist: what must hold about one subject, judged in order, and what each check saw. */

export interface Finding {
  /** `doubtful`: not wrong, but a reader should know. `skipped`: the check could not look. */
  is: "right" | "doubtful" | "wrong" | "skipped";
  /** What was seen, or why nothing was looked at. May quote the subject: data, never instructions. */
  saw: string;
  /** The part of the subject that does not hold, if a finding can name it better than its check. */
  about?: string;
  /** Why it was skipped: the subject lacks the part; no trusted key is known; an earlier check failed. */
  because?: "absent" | "unknown_key" | "depends";
}

export const right = (saw: string): Finding => ({ is: "right", saw });
export const doubtful = (saw: string): Finding => ({ is: "doubtful", saw });
export const wrong = (saw: string, about?: string): Finding => ({ is: "wrong", saw, ...(about !== undefined && { about }) });
export const skipped = (saw: string, because?: Finding["because"]): Finding => ({ is: "skipped", saw, ...(because && { because }) });

export interface Check<Subject> {
  /** Stable: never renamed, never reused. Programs refer to it. */
  id: string;
  /** What holds if the check passes. */
  title: string;
  /** How much a wrong finding weighs. Default: `fail`. */
  severity?: "warn" | "fail";
  /** Checks that must not fail first: without them this one would say nothing, or blame the wrong part. */
  after?: readonly string[];
  judge(subject: Subject): Finding | Promise<Finding>;
}

/** A check with its result. Each report has its own word for `skipped`. */
export interface Judged<Judge, Skipped extends string> extends Omit<Finding, "is"> {
  check: Judge;
  verdict: "pass" | "warn" | "fail" | Skipped;
}

/** @param skip returns a finding instead of asking the check, if the subject has nothing for it to look at */
export async function judgeAll<Subject, Judge extends Check<Subject>, Skipped extends string>(
  checks: readonly Judge[],
  subject: Subject,
  skippedWord: Skipped,
  skip: (check: Judge) => Finding | undefined,
): Promise<Judged<Judge, Skipped>[]> {
  const judged: Judged<Judge, Skipped>[] = [];
  for (const check of checks) {
    const { is, ...found } = skip(check) ?? dependency(check, judged) ?? (await check.judge(subject));
    const verdict = { right: "pass", doubtful: "warn", wrong: check.severity ?? "fail", skipped: skippedWord } as const;
    judged.push({ check, verdict: verdict[is], ...found });
  }
  return judged;
}

/** Judges in order, up to the first check that does not hold. Undefined if all hold. */
export async function firstWrong<Subject, Judge extends Check<Subject>>(
  checks: readonly Judge[],
  subject: Subject,
): Promise<{ check: Judge; saw: string } | undefined> {
  for (const check of checks) {
    const { is, saw } = await check.judge(subject);
    if (is === "wrong") return { check, saw };
  }
  return undefined;
}

function dependency({ after = [] }: Check<never>, judged: readonly { check: { id: string }; verdict: string }[]): Finding | undefined {
  const failed = judged.find(({ check, verdict }) => verdict === "fail" && after.includes(check.id));
  return failed && skipped(`${failed.check.id} does not hold`, "depends");
}
