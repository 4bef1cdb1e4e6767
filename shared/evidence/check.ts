/** Checks of evidence: points of a report that name the member they are about. */

import { type Check, type Finding, judgeAll, type Judged, skipped } from "../checklist/check.ts";
import type { Scheme } from "../lez.ts";
import { formatTimestamp } from "../time.ts";
import type { EvidenceContext } from "./context.ts";

export interface EvidencePoint {
  /** Never renamed, never reused: programs refer to it. */
  id: string;
  /** What holds if it passes. */
  title: string;
  verdict: "pass" | "warn" | "fail" | "unchecked";
  /** The member that it is about; of a failed point, the member that does not fit: `ledger.entries.0`. */
  about: string;
  /** What was seen, or why nothing was looked at. Quotes the file: data, never instructions. */
  saw: string;
  /** Of an unchecked point: the file lacks the part; no trusted key is known; an earlier point failed. */
  because?: "absent" | "unknown_key" | "depends";
}

/**
 * `differs`: a point fails. `incomplete`: nothing is wrong with what could be checked, and something could not be.
 * `verified`: all of it was checked, and holds.
 */
export type EvidenceVerdict = "verified" | "incomplete" | "differs";

/** @param partial missing parts are no fault */
export function verdictOf(points: readonly EvidencePoint[], partial: boolean): EvidenceVerdict {
  if (points.some(({ verdict }) => verdict === "fail")) return "differs";
  const open = points.some(({ verdict, because }) => verdict === "unchecked" && !(partial && because === "absent"));
  return open ? "incomplete" : "verified";
}

/** A check that names the member it is about. */
export interface PointCheck<Context, Part extends keyof Context> extends Check<Context> {
  about: string;
  /** The optional part of the file that it is about. */
  part?: Part;
}

export interface EvidenceCheck extends PointCheck<EvidenceContext, "offer" | "receipt" | "ledger"> {
  /** It is only about payments that this key signed: the payer's own, or that of a mandate's agent. */
  signer?: EvidenceContext["signer"];
  /** It is only about payments that were charged nothing. Those have no part of the ledger's. */
  withoutDebit?: true;
  /** It is only about payments of which something was given back. */
  refunded?: true;
  /** It is only about payments of this scheme. */
  scheme?: Scheme;
}

/** What must hold of a payment before anything is compared with it. */
export const PAYMENT_SIGNED = ["payment.account", "payment.signature", "mandate.named", "mandate.agent"] as const;

/** No trusted key is known. A key inside the evidence never counts as one. */
export const unknownKey = (saw: string): Finding => skipped(saw, "unknown_key");

export async function judgeEvidence(checks: readonly EvidenceCheck[], context: EvidenceContext): Promise<EvidencePoint[]> {
  const applying = checks.filter(
    ({ signer = context.signer, scheme = context.scheme, part, withoutDebit = false, refunded = false }) =>
      signer === context.signer &&
      scheme === context.scheme &&
      (context.withoutDebit ? part !== "ledger" : !withoutDebit) &&
      (context.refunds.length > 0 || !refunded),
  );
  return judgePoints(applying, context);
}

/** Judges in order. What is about a part that the file lacks is not checked. */
export async function judgePoints<Context, Part extends keyof Context>(
  checks: readonly PointCheck<Context, Part>[],
  context: Context,
): Promise<EvidencePoint[]> {
  const absent = ({ part }: PointCheck<Context, Part>) =>
    part !== undefined && context[part] === undefined ? skipped("not in this file", "absent") : undefined;
  return (await judgeAll(checks, context, "unchecked", absent)).map(pointOf);
}

function pointOf({
  check: { id, title, about },
  ...found
}: Judged<{ id: string; title: string; about: string }, "unchecked">): EvidencePoint {
  return { id, title, about, ...found };
}

/** Unix seconds as a timestamp. A number in untrusted evidence may be beyond what a timestamp can say. */
export function timeText(unixSeconds: number): string {
  return Math.abs(unixSeconds) < 2 ** 37 ? formatTimestamp(unixSeconds) : String(unixSeconds);
}
