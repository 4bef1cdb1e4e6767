/** Mandates that the audit log has as granted, and whose files are gone or changed. The ledger counts them all the same. */

import type { Digest } from "../../shared/crypto/digest.ts";
import { ANY } from "../../shared/protocol/mandate.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { type AuditEntry, readAudit } from "./audit-log.ts";
import { isOpen, type KeptMandate } from "./mandates.ts";

export interface LostMandate {
  shortCode: string;
  mandate: Digest;
  /** When the log says that it was granted. */
  grantedAt: string;
}

/** @param now unix seconds */
export function lostMandates(context: Context, kept: readonly KeptMandate[], now: number): Outcome<LostMandate[]> {
  const log = readAudit(context);
  if (!log.ok) return log;
  const here = new Set<string>(kept.filter((mandate) => isOpen(mandate, now)).map(({ digest }) => digest));
  const open = openByLog([...log.data.older, ...log.data.entries]);
  const lost = open.filter(({ facts }) => Number(facts["validBefore"]) >= now && !here.has(facts["mandate"] ?? ""));
  return succeed(
    lost.map(({ at, facts }) => {
      const mandate = facts["mandate"] as Digest;
      return { shortCode: shortCode(mandate), mandate, grantedAt: at };
    }),
  );
}

/** The grants that no later entry ends. */
function openByLog(entries: readonly AuditEntry[]): AuditEntry[] {
  const granted = new Map<string, AuditEntry>();
  for (const entry of entries) {
    const { mandate = "", from, ledger } = entry.facts;
    if (entry.event === "granted") granted.set(mandate, entry);
    if (entry.event !== "mandate_revoked") continue;
    granted.delete(mandate);
    const ended = [...granted].filter(([, { facts }]) => mandate === ANY && facts["from"] === from && facts["ledger"] === ledger);
    for (const [digest] of ended) granted.delete(digest);
  }
  return [...granted.values()];
}
