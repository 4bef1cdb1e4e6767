import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import type { LedgerStore } from "./store.ts";
import { ALICE, BOB, dump, txOf } from "./testing/ledger.ts";
import { arrangeRefund, REFUND_CELLS, SALE, Shop } from "./testing/refund-table.ts";

const newShop = (shards: number) => new Shop(Array.from({ length: shards }, () => memoryStore()));

describe.each([1, 4])("the state table of a refund, over %i shards", (shards) => {
  const cells = REFUND_CELLS.filter(({ apart }) => !apart || shards > 1);
  test.each(cells)("$name: $fact", async ({ state, given, at, refund, answer, after, words, isForged }) => {
    const shop = newShop(shards);
    arrangeRefund(shop, state);
    given?.(shop);
    const before = stored(shop.stores);
    const [money, sum] = [balanceOf(shop), sumIn(shop)];

    expect(shop.refund(refund, at)).toEqual(answer);

    if (words[1] === "as it was") expect(stored(shop.stores)).toEqual(before);
    expect(sumIn(shop)).toBe(Number(after));
    if (isForged) return;
    shop.deliver(at);
    expect(balanceOf(shop)).toBe(money + Number(after) - sum);
    expect(await shop.audit()).toMatchObject({ ok: true, problems: [], inFlight: "0" });
  });
});

test("the state table of a refund is what spec/state-table.md says, cell by cell", () => {
  const page = readFileSync("spec/state-table.md", "utf8");
  const rows = [...page.matchAll(/^\| `(refund\/\S+\/\S+)` \| (.*) \| (.*) \|$/gm)].map(([, ...row]) => row.join(" | "));
  expect(rows).toEqual(REFUND_CELLS.map(({ name, words }) => [name, ...words].join(" | ")));
});

function balanceOf(shop: Shop): number {
  return Number(shop.of(ALICE).account(ALICE).balance);
}

function sumIn(shop: Shop): number {
  const sum = shop.of(BOB).refundsOf(BOB, txOf(SALE));
  return "code" in sum ? NaN : Number(sum.refunded);
}

/** Every table but the clock, which some answers advance. */
function stored(stores: readonly LedgerStore[]) {
  return stores.map((store) => {
    const { clock: _, ...tables } = dump(store);
    return tables;
  });
}
