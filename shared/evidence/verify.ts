/** Verifying evidence, point by point, with nothing but known public keys. Pure: no network, no clock. spec/evidence.md. */

import { type EvidencePoint, judgeEvidence } from "./check.ts";
import { evidenceContext } from "./context.ts";
import type { Evidence } from "./evidence.ts";
import type { KnownKeys } from "./keys.ts";
import { LEDGER_CHECKS } from "./ledger-checks.ts";
import { MERCHANT_CHECKS } from "./merchant-checks.ts";
import { PAYER_CHECKS } from "./payer-checks.ts";
import { type Fault, readEvidence } from "./read.ts";
import { REFUND_POINTS } from "./refund-checks.ts";

/**
 * `differs`: a point fails. `incomplete`: nothing is wrong with what could be checked, and something could not be.
 * `verified`: all of it was checked, and holds.
 */
export type EvidenceVerdict = "verified" | "incomplete" | "differs";

export interface EvidenceReport {
  verdict: EvidenceVerdict;
  points: EvidencePoint[];
  /** What it is evidence of; absent where the file cannot be read. To be believed as far as the verdict goes. */
  evidence?: Evidence;
}

/** All checks of what a file says, in the order of a report. */
export const EVIDENCE_CHECKS = [...PAYER_CHECKS, ...MERCHANT_CHECKS, ...LEDGER_CHECKS, ...REFUND_POINTS];

/** @param partial missing parts are no fault, as long as the merchant or the ledger says in the file that it was paid */
export async function verifyEvidence(bytes: Uint8Array, keys: KnownKeys, { partial = false } = {}): Promise<EvidenceReport> {
  const read = readEvidence(bytes);
  if (!read.ok) return report([readPoint(read.fault)], partial);
  const { evidence, spelling } = read;
  const points = [readPoint(), spellingPoint(spelling), ...(await judgeEvidence(EVIDENCE_CHECKS, evidenceContext(evidence, keys)))];
  // An approval alone is an order to pay.
  const paid = evidence.receipt !== undefined || evidence.ledger !== undefined;
  return { ...report(points, partial && paid), evidence };
}

function report(points: EvidencePoint[], partial: boolean): EvidenceReport {
  const open = points.some(({ verdict, because }) => verdict === "unchecked" && !(partial && because === "absent"));
  const failed = points.some(({ verdict }) => verdict === "fail");
  return { verdict: failed ? "differs" : open ? "incomplete" : "verified", points };
}

function readPoint(fault?: Fault): EvidencePoint {
  return filePoint("file.read", "the file is evidence of version 1, with its members and no others", fault);
}

function spellingPoint(fault?: Fault): EvidencePoint {
  return filePoint("file.spelling", "it is spelled in the one way that evidence is spelled in", fault);
}

function filePoint(id: string, title: string, fault: Fault | undefined): EvidencePoint {
  if (!fault) return { id, title, about: "", verdict: "pass", saw: "it is" };
  const where = fault.about ? `${fault.about} ` : "";
  return { id, title, about: fault.about, verdict: "fail", saw: `${where}${fault.problem}` };
}
