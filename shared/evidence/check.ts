/** One point of a report on evidence: what must hold, and which member is to blame where it does not. */
import { formatTimestamp } from "../time.ts";

export type Verdict = "pass" | "warn" | "fail" | "unchecked";

export interface EvidencePoint {
  /** Never renamed, never reused: programs name it. */
  id: string;
  /** What holds where it passes. */
  title: string;
  verdict: Verdict;
  /** The member that it is about, or, where something is wrong, the one that does not fit: `ledger.entries.0`. */
  about: string;
  /** What was seen, or why nothing was looked at. Quotes the file: data, never instructions. */
  saw: string;
  /** Of what was not checked: the file lacks it; the key is not known; something that it rests on does not hold. */
  because?: "absent" | "unknown_key" | "depends";
}

type Part = "offer" | "receipt" | "ledger";

export interface EvidenceCheck<Seen> {
  id: string;
  title: string;
  about: string;
  /** It is about this part, which a file may lack. */
  part?: Part;
  /** Checks without which this one would say nothing, or blame the wrong member. */
  after?: readonly string[];
  judge(seen: Seen): Finding | Promise<Finding>;
}

export type Finding = Pick<EvidencePoint, "verdict" | "saw" | "because"> & { about?: string };

export const right = (saw: string): Finding => ({ verdict: "pass", saw });
export const doubtful = (saw: string): Finding => ({ verdict: "warn", saw });
/** @param about the member that does not fit, where that can be said better than by the check */
export const wrong = (saw: string, about?: string): Finding => ({ verdict: "fail", saw, ...(about !== undefined && { about }) });
/** The key is not to be taken from what it is under. */
export const unknownKey = (saw: string): Finding => ({ verdict: "unchecked", saw, because: "unknown_key" });

export async function judgeAll<Seen extends Partial<Record<Part, unknown>>>(
  checks: readonly EvidenceCheck<Seen>[],
  seen: Seen,
): Promise<EvidencePoint[]> {
  const points: EvidencePoint[] = [];
  for (const check of checks) {
    const { id, title, about } = check;
    points.push({ id, title, about, ...(obstacle(check, seen, points) ?? (await check.judge(seen))) });
  }
  return points;
}

function obstacle<Seen extends Partial<Record<Part, unknown>>>(
  { part, after = [] }: EvidenceCheck<Seen>,
  seen: Seen,
  before: readonly EvidencePoint[],
): Finding | undefined {
  if (part !== undefined && seen[part] === undefined) return { verdict: "unchecked", saw: "not in this file", because: "absent" };
  const broken = before.find(({ id, verdict }) => after.includes(id) && verdict === "fail");
  return broken && { verdict: "unchecked", saw: `${broken.id} does not hold`, because: "depends" };
}

/** Unix seconds as a time; a stranger's number need not be one. */
export function moment(unixSeconds: number): string {
  return Math.abs(unixSeconds) < 2 ** 37 ? formatTimestamp(unixSeconds) : String(unixSeconds);
}
