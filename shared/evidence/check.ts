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

export interface EvidenceCheck extends Check<EvidenceContext> {
  about: string;
  /** The optional part of the file that it is about. */
  part?: "offer" | "receipt" | "ledger";
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
  const absent = ({ part }: EvidenceCheck) =>
    part !== undefined && context[part] === undefined ? skipped("not in this file", "absent") : undefined;
  const applying = checks.filter(
    ({ signer = context.signer, scheme = context.scheme, part, withoutDebit = false, refunded = false }) =>
      signer === context.signer &&
      scheme === context.scheme &&
      (context.withoutDebit ? part !== "ledger" : !withoutDebit) &&
      (context.refunds.length > 0 || !refunded),
  );
  return (await judgeAll(applying, context, "unchecked", absent)).map(pointOf);
}

function pointOf({ check: { id, title, about }, ...found }: Judged<EvidenceCheck, "unchecked">): EvidencePoint {
  return { id, title, about, ...found };
}

/** Unix seconds as a timestamp. A number in untrusted evidence may be beyond what a timestamp can say. */
export function timeText(unixSeconds: number): string {
  return Math.abs(unixSeconds) < 2 ** 37 ? formatTimestamp(unixSeconds) : String(unixSeconds);
}
