/** What happened at the desk, as the owner exports it. It proves nothing: who runs the desk could have written it. */

import { integer, row, text } from "../../shared/row.ts";
import type { DeskStore } from "./store.ts";

export type DeskEvent =
  | "signed_in"
  | "paired"
  | "unpaired"
  | "asked"
  | "signed_in_part"
  | "approved"
  | "declined"
  | "revoked"
  | "cancelled"
  | "receipt_handed_in"
  | "granted_in_part"
  | "proposal_dropped"
  | "granted"
  | "mandate_revoked"
  | "setting_changed";

export interface JournalLine {
  seq: number;
  /** Unix seconds. */
  at: number;
  event: string;
  facts: Record<string, string>;
}

const asLine = row({ seq: integer(), at: integer(), event: text(), facts: text() });

/** @param now unix seconds */
export function note(store: DeskStore, now: number, event: DeskEvent, facts: Record<string, string> = {}): void {
  store.sql("INSERT INTO event (at, event, facts) VALUES (?, ?, ?)", now, event, JSON.stringify(facts));
}

export function journal(store: DeskStore): JournalLine[] {
  return store
    .sql("SELECT * FROM event ORDER BY seq")
    .map(asLine)
    .map((line) => ({ ...line, facts: JSON.parse(line.facts) as Record<string, string> }));
}
