import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { MAX_SHARDS } from "../limits.ts";
import { LedgerRules } from "./rules.ts";
import { newLedgerId, parseShardName, parseShards, shardName, shardOf, treasuryOf } from "./shards.ts";
import { ALICE, BOB, CAROL, DAVE, dump, ERIN, LEDGER_OF_FOUR, personOf, START } from "./testing/ledger.ts";

describe("an account's shard", () => {
  test("never changes: these are where they have always been", () => {
    expect([ALICE, BOB, CAROL, DAVE, ERIN].map((account) => shardOf(account, 4))).toEqual([3, 1, 2, 3, 2]);
    expect([ALICE, BOB, CAROL, DAVE, ERIN].map((account) => shardOf(account, 64))).toEqual([11, 49, 2, 31, 14]);
  });

  test("is the only one there is, of one", () => {
    expect(shardOf(ALICE, 1)).toBe(0);
  });

  test("is one like any other: accounts spread evenly", () => {
    const counts = Array.from({ length: 16 }, () => 0);
    for (let i = 0; i < 4000; i++) {
      const shard = shardOf(treasuryOf(newLedgerId(1)), 16);
      counts[shard] = (counts[shard] ?? 0) + 1;
    }
    for (const count of counts) expect(count).toBeGreaterThan(150);
  });

  test("is shard 0 for the treasury of every new ledger", () => {
    for (const shards of [1, 2, 4, 64, MAX_SHARDS]) expect(shardOf(treasuryOf(newLedgerId(shards)), shards)).toBe(0);
  });
});

describe("SHARDS", () => {
  test.each([
    [undefined, 1],
    ["", 1],
    ["1", 1],
    ["64", 64],
    ["256", 256],
  ])("%o is %i", (setting, shards) => expect(parseShards(setting)).toBe(shards));

  test.each(["0", "-1", "257", "4.0", "04", " 4", "4 ", "1e2", "four", "NaN", "99999"])("%o is refused", (setting) => {
    expect(() => parseShards(setting)).toThrow("SHARDS");
  });
});

test("a shard's name says which it is", () => {
  for (const shard of [0, 1, 63]) expect(parseShardName(shardName("ledger", shard))).toEqual({ ledgerName: "ledger", shard });
  expect(shardName("ledger", 0)).toBe("ledger");
  expect(parseShardName("ledger/0")).toEqual({ ledgerName: "ledger/0", shard: 0 });
});

describe("a shard's database", () => {
  const GENESIS = { ledger: LEDGER_OF_FOUR, supply: 1000n, at: START };
  const open = (store = memoryStore(), shard = 2, shards = 4) => new LedgerRules(store, { ...GENESIS, place: { shard, shards } });

  test("knows the ledger, and has none of its money unless it is shard 0", () => {
    const treasury = treasuryOf(LEDGER_OF_FOUR);
    expect(open().info()).toEqual({ ledger: LEDGER_OF_FOUR, treasury, supply: "1000", shards: 4, sessions: true });
    expect(open().audit()).toMatchObject({ ok: true, accounts: 0, balances: "0" });
    expect(open(memoryStore(), 0).account(treasury)).toMatchObject({ balance: "1000" });
  });

  test("refuses to be opened as another shard, or as one of another number, and is not changed by it", () => {
    const store = memoryStore();
    open(store);
    const before = dump(store);
    expect(() => open(store, 2, 8)).toThrow("this ledger has 4 shards, not 8");
    expect(() => open(store, 1)).toThrow("this is shard 2, not 1");
    expect(() => new LedgerRules(store, GENESIS)).toThrow("this ledger has 4 shards, not 1");
    expect(dump(store)).toEqual(before);
    expect(open(store).info()).toMatchObject({ shards: 4 });
  });

  test("cannot be beyond the last, nor of a ledger whose treasury would live elsewhere", () => {
    expect(() => open(memoryStore(), 4)).toThrow("there is no shard 4 of 4");
    const elsewhere = { ...GENESIS, ledger: "1e".repeat(32) as typeof LEDGER_OF_FOUR };
    expect(() => new LedgerRules(memoryStore(), { ...elsewhere, place: { shard: 0, shards: 4 } })).toThrow("treasury");
  });

  test("says which accounts are its own", () => {
    const mine = Array.from({ length: 30 }, (_, i) => personOf(i + 1)).filter((person) => open().isHere(person));
    expect(mine.every((person) => shardOf(person, 4) === 2)).toBe(true);
    expect(mine.length).toBeGreaterThan(0);
  });
});
