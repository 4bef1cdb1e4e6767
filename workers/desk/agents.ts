/** The agents that are paired with the account. */

import type { PairedAgent } from "../../shared/desk/hosted-api.ts";
import { DESK_FOLD_SECONDS } from "../../shared/limits.ts";
import { integer, nullable, row, type RowOf, text } from "../../shared/row.ts";
import { formatTimestamp } from "../../shared/time.ts";
import type { DeskStore } from "./store.ts";

const COLUMNS = {
  public_key: text(),
  name: text(),
  paired_at: integer(),
  last_call_at: nullable(integer()),
  folded: integer(),
  folded_at: nullable(integer()),
};
type AgentRow = RowOf<typeof COLUMNS>;
const asAgent = row(COLUMNS);

export function pairedAgents(store: DeskStore): AgentRow[] {
  return store.sql("SELECT * FROM agent ORDER BY paired_at, public_key").map(asAgent);
}

export function pairedAgent(store: DeskStore, publicKey: string): AgentRow | undefined {
  const [found] = store.sql("SELECT * FROM agent WHERE public_key = ?", publicKey);
  return found && asAgent(found);
}

/** An agent that is paired already gets its new name. @param now unix seconds */
export function pairAgent(store: DeskStore, publicKey: string, name: string, now: number): void {
  store.sql(
    `INSERT INTO agent (public_key, name, paired_at, folded) VALUES (?, ?, ?, 0)
       ON CONFLICT (public_key) DO UPDATE SET name = excluded.name`,
    publicKey,
    name,
    now,
  );
}

/** What is proposed for it goes with it. @returns false if it was not paired */
export function unpairAgent(store: DeskStore, publicKey: string): boolean {
  store.sql("DELETE FROM proposal WHERE agent_key = ?", publicKey);
  return store.sql("DELETE FROM agent WHERE public_key = ? RETURNING public_key", publicKey).length > 0;
}

export function noteCall(store: DeskStore, publicKey: string, now: number): void {
  store.sql("UPDATE agent SET last_call_at = ? WHERE public_key = ? AND coalesce(last_call_at, 0) < ?", now, publicKey, now);
}

/** One more request that came too fast. A day without one begins a new count. */
export function noteFolded(store: DeskStore, publicKey: string, now: number): void {
  store.sql(
    "UPDATE agent SET folded = CASE WHEN coalesce(folded_at, 0) < ? THEN 1 ELSE folded + 1 END, folded_at = ? WHERE public_key = ?",
    now - DESK_FOLD_SECONDS,
    now,
    publicKey,
  );
}

/** What of a flood the owner is told: one line. */
export function foldedLines(store: DeskStore, now: number): { agentKey: string; name: string; requests: number; lastAt: string }[] {
  return pairedAgents(store).flatMap(({ public_key, name, folded, folded_at }) =>
    folded_at === null || folded_at < now - DESK_FOLD_SECONDS
      ? []
      : [{ agentKey: public_key, name, requests: folded, lastAt: formatTimestamp(folded_at) }],
  );
}

export function agentView({ public_key, name, paired_at, last_call_at, folded }: AgentRow): PairedAgent {
  return {
    publicKey: public_key,
    name,
    pairedAt: formatTimestamp(paired_at),
    ...(last_call_at !== null && { lastCallAt: formatTimestamp(last_call_at) }),
    folded,
  };
}
