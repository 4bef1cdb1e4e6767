import { readFileSync } from "node:fs";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import type { LedgerStore } from "./store.ts";
import { ALICE, BOB, dump } from "./testing/ledger.ts";
import { arrangeSession, SESSION_CELLS, Stall } from "./testing/session-table.ts";

describe.each([1, 4])("the state table of a session, over %i shards", (shards) => {
  const cells = SESSION_CELLS.filter(({ apart }) => !apart || shards > 1);
  const stores = Array.from({ length: shards }, () => memoryStore());
  // Founded once: each cell is taken back.
  beforeAll(() => void new Stall(stores));
  beforeEach(() => stores.forEach((store) => store.sql("SAVEPOINT cell")));
  afterEach(() => stores.forEach((store) => store.sql("ROLLBACK TO cell")));

  test.each(cells)("$name: $fact", async ({ state, given, at, event, answer, after, words, isForged }) => {
    const stall = new Stall(stores);
    arrangeSession(stall, state);
    given?.(stall);
    const before = stored(stall.stores);

    expect(event(stall, at)).toEqual(answer);

    expect(sessionIn(stall.store)).toBe(after);
    if (words[1] === "as it was" && !words[0].startsWith("ok")) expect(stored(stall.stores)).toEqual(before);
    if (isForged) return;
    // What is set aside is Alice's, and what was claimed is Bob's.
    const { balance, held } = stall.rules.account(ALICE);
    stall.deliver(at);
    expect({ held, bob: stall.of(BOB).account(BOB).balance }).toEqual(moneyIn(stall.store));
    expect(BigInt(held)).toBeLessThanOrEqual(BigInt(balance));
    expect(await stall.audit()).toMatchObject({ ok: true, problems: [], inFlight: "0" });
  });
});

test("the state table of a session is what spec/state-table.md says, cell by cell", () => {
  const page = readFileSync("spec/state-table.md", "utf8");
  const rows = [...page.matchAll(/^\| `(session-\S+\/\S+)` \| (.*) \| (.*) \|$/gm)].map(([, ...row]) => row.join(" | "));
  expect(rows).toEqual(SESSION_CELLS.map(({ name, words }) => [name, ...words].join(" | ")));
});

test("the state table of a session gives every cell an id of its own", () => {
  expect(new Set(SESSION_CELLS.map(({ name }) => name)).size).toBe(SESSION_CELLS.length);
});

/** The newest session. */
function sessionIn(store: LedgerStore): string | undefined {
  const [row] = store.sql("SELECT state, deposit, claimed FROM session ORDER BY opened_at DESC, nonce LIMIT 1");
  return row && Object.values(row).join(" ");
}

/** What Alice's sessions and holds set aside, and what was claimed or paid to Bob: each from its own table. */
function moneyIn(store: LedgerStore): { held: string; bob: string } {
  const rows = store.sql("SELECT state, deposit, claimed FROM session");
  const rest = rows
    .filter(({ state }) => state !== "closed")
    .reduce((sum, { deposit, claimed }) => sum + Number(deposit) - Number(claimed), 0);
  const holds = store.sql("SELECT value FROM payment WHERE state = 'held'").reduce((sum, { value }) => sum + Number(value), 0);
  const paid = store.sql("SELECT value FROM journal WHERE account = ? AND kind = 'debit' AND counterparty = ?", ALICE, BOB);
  return { held: String(rest + holds), bob: String(paid.reduce((sum, { value }) => sum + Number(value), 0)) };
}

/** Every table but the clock, which some answers advance. */
function stored(stores: readonly LedgerStore[]) {
  return stores.map((store) => {
    const { clock: _, ...tables } = dump(store);
    return tables;
  });
}
