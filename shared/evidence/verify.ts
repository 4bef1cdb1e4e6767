/** Verifying evidence, point by point, with nothing but known public keys. Pure: no network, no clock. spec/evidence.md. */

import { CALL_POINTS } from "./call-checks.ts";
import { callContext } from "./call-context.ts";
import type { CallEvidence } from "./call-evidence.ts";
import { type EvidencePoint, type EvidenceVerdict, judgeEvidence, judgePoints, verdictOf } from "./check.ts";
import { CLAIM_CHECKS } from "./claim-checks.ts";
import { evidenceContext } from "./context.ts";
import type { Evidence } from "./evidence.ts";
import type { KnownKeys } from "./keys.ts";
import { LEDGER_CHECKS } from "./ledger-checks.ts";
import { MERCHANT_CHECKS } from "./merchant-checks.ts";
import { PAYER_CHECKS } from "./payer-checks.ts";
import { type Fault, readEvidence } from "./read.ts";
import { REFUND_POINTS } from "./refund-checks.ts";
import { SESSION_POINTS } from "./session-checks.ts";

export interface EvidenceReport {
  verdict: EvidenceVerdict;
  points: EvidencePoint[];
  /** What it is evidence of; absent where the file cannot be read. To be believed as far as the verdict goes. */
  evidence?: Evidence | CallEvidence;
}

/** All checks of what a file says of a payment, in the order of a report; and of what one says of a call that a session paid. */
export const EVIDENCE_CHECKS = [...PAYER_CHECKS, ...MERCHANT_CHECKS, ...LEDGER_CHECKS, ...REFUND_POINTS];
export const CALL_CHECKS = [...SESSION_POINTS, ...CALL_POINTS, ...CLAIM_CHECKS];

/**
 * @param partial missing parts are no fault, as long as the merchant or the ledger says in the file that it was paid. A voucher says that it
 * may be.
 */
export async function verifyEvidence(bytes: Uint8Array, keys: KnownKeys, { partial = false } = {}): Promise<EvidenceReport> {
  const read = readEvidence(bytes);
  if (!read.ok) return report([readPoint(read.fault)], partial);
  const { evidence, spelling } = read;
  const points = [readPoint(), spellingPoint(spelling), ...(await pointsOf(evidence, keys))];
  return { ...report(points, partial && saysPaid(evidence)), evidence };
}

async function pointsOf(evidence: Evidence | CallEvidence, keys: KnownKeys): Promise<EvidencePoint[]> {
  if (evidence.version === "1") return judgeEvidence(EVIDENCE_CHECKS, evidenceContext(evidence, keys));
  const context = callContext(evidence, keys);
  return judgePoints(
    CALL_CHECKS.filter(({ signer = context.signer }) => signer === context.signer),
    context,
  );
}

/** An approval alone is an order to pay, and a voucher alone a promise. */
function saysPaid(evidence: Evidence | CallEvidence): boolean {
  return evidence.version === "1" ? evidence.receipt !== undefined || evidence.ledger !== undefined : evidence.claim !== undefined;
}

function report(points: EvidencePoint[], partial: boolean): EvidenceReport {
  return { verdict: verdictOf(points, partial), points };
}

function readPoint(fault?: Fault): EvidencePoint {
  return filePoint("file.read", "the file is evidence of version 1 or 2, with its members and no others", fault);
}

function spellingPoint(fault?: Fault): EvidencePoint {
  return filePoint("file.spelling", "it is spelled in the one way that evidence is spelled in", fault);
}

function filePoint(id: string, title: string, fault: Fault | undefined): EvidencePoint {
  if (!fault) return { id, title, about: "", verdict: "pass", saw: "it is" };
  const where = fault.about ? `${fault.about} ` : "";
  return { id, title, about: fault.about, verdict: "fail", saw: `${where}${fault.problem}` };
}
