import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import type { LedgerRules } from "./rules.ts";
import type { LedgerStore } from "./store.ts";
import { ALICE, dump, give, LEDGER_OF_FOUR, openLedger, openRules, START } from "./testing/ledger.ts";
import { arrangeMandate, MANDATE, MANDATE_CELLS } from "./testing/mandate-table.ts";

/** Alice's shard of four, with the 250 that she has of the others. */
function openShard(store: LedgerStore): LedgerRules {
  const genesis = { ledger: LEDGER_OF_FOUR, supply: 1000n, at: START };
  const [treasury, rules] = [0, 3].map((shard) =>
    openRules(shard === 0 ? memoryStore() : store, { ...genesis, place: { shard, shards: 4 } }),
  );
  if (!treasury || !rules) throw new Error("two shards");
  give(treasury, ALICE, 250n);
  const batch = treasury.nextBatch(3);
  if (batch) rules.receive(batch, START);
  return rules;
}

function countedIn(store: LedgerStore): string | undefined {
  const [row] = store.sql(
    "SELECT settled, claimed, window, window_used, window_count FROM mandate JOIN mandate_use ON mandate = number WHERE payer = ? AND digest = ?",
    ALICE,
    MANDATE.digest,
  );
  return row && Object.values(row).join(" ");
}

describe.each([
  [1, openLedger],
  [4, openShard],
])("the state table of a mandate, over %i shards", (_, open) => {
  test.each(MANDATE_CELLS)("$name: $fact", ({ state, given, event, at, answer, after, words }) => {
    const store = memoryStore();
    const rules = open(store);
    arrangeMandate(rules, state);
    given?.(rules);
    const before = stored(store);

    expect(event(rules, at)).toEqual(answer);

    expect(countedIn(store)).toBe(after);
    expect(rules.audit()).toMatchObject({ ok: true, problems: [] });
    if (words[1] === "as it was" && !hasDoneSomething(answer)) expect(stored(store)).toEqual(before);
  });
});

test("the state table of a mandate is what spec/state-table.md says, cell by cell", () => {
  const page = readFileSync("spec/state-table.md", "utf8");
  const rows = [...page.matchAll(/^\| `(mandate-\S+\/\S+)` \| (.*) \| (.*) \|$/gm)].map(([, ...row]) => row.join(" | "));
  const cells = new Set(MANDATE_CELLS.map(({ name, words }) => [name, ...words].join(" | ")));
  expect(rows).toEqual([...cells]);
});

/** Whether it may have changed something else than the mandate. */
function hasDoneSomething(answer: unknown): boolean {
  return typeof answer !== "object" || (answer as { ok?: boolean }).ok === true;
}

/** Every table but the clock, which some answers advance. */
function stored(store: LedgerStore) {
  const { clock: _, ...tables } = dump(store);
  return tables;
}
