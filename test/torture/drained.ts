/** The books at rest: what the torture compares with. */

import { setTimeout as sleep } from "node:timers/promises";
import type { LedgerAudit } from "../../shared/ledger/consolidate.ts";

const DRAIN_MILLIS = 60_000;

/** The audit once nothing is on its way any more. */
export async function drained(origin: string): Promise<LedgerAudit> {
  const deadline = Date.now() + DRAIN_MILLIS;
  for (;;) {
    const response = await fetch(`${origin}/ledger/audit`);
    const audit = (await response.json()) as LedgerAudit;
    if (response.ok && ((audit.conclusive && audit.inFlight === "0") || Date.now() > deadline)) return audit;
    if (Date.now() > deadline) throw new Error(`no audit: ${response.status} ${JSON.stringify(audit)}`);
    await sleep(200);
  }
}
