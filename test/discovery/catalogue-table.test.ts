import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import type { Proof } from "../../shared/extensions/bazaar.ts";
import { CATALOGUE_ENTRY_SECONDS, CATALOGUE_REFRESH_SECONDS, MAX_CATALOGUE_ENTRIES_PER_PAYEE } from "../../shared/limits.ts";
import { UnsupportedSchema } from "../../shared/migrations.ts";
import { formatTimestamp } from "../../shared/time.ts";
import type { CatalogueEntry } from "../../workers/facilitator/catalogue-entry.ts";
import { CatalogueTable } from "../../workers/facilitator/catalogue-table.ts";

const TEN = Array.from("0123456789");
const NOW = 1_760_000_000;

function entry(name: string, payTo = "payee", proof: Proof = "payment", description = name): CatalogueEntry {
  const resource = `https://shop.example/${name}`;
  const extensions = { bazaar: { info: {} } };
  const item = { resource, type: "http", x402Version: 2, accepts: [], description, extensions, metadata: { proof } } as const;
  return {
    key: `GET ${resource} ${payTo}`,
    payTo,
    scheme: "exact",
    proof,
    words: `${description}\n${resource}`.toLowerCase(),
    item: { ...item, accepts: [] },
  };
}

function opened(maxEntries?: number) {
  const table = new CatalogueTable(memoryStore(), maxEntries);
  const names = (at: number, page: Partial<Parameters<CatalogueTable["list"]>[0]> = {}) =>
    table.list({ limit: 100, offset: 0, ...page }, at).items.map(({ description }) => description);
  return { table, names };
}

test("an entry is written once an hour, keeps its place, and ends a month after its last payment [discovery-expires]", () => {
  const { table, names } = opened();
  expect(table.record(entry("a"), NOW)).toBe(true);
  expect(table.record(entry("b"), NOW)).toBe(true);
  expect(table.record(entry("a"), NOW + CATALOGUE_REFRESH_SECONDS - 1)).toBe(false);
  expect(table.record(entry("a"), NOW + CATALOGUE_REFRESH_SECONDS)).toBe(true);
  expect(names(NOW + CATALOGUE_REFRESH_SECONDS)).toEqual(["a", "b"]);
  const [first] = table.list({ limit: 1, offset: 0 }, NOW + CATALOGUE_REFRESH_SECONDS).items;
  expect(first?.lastUpdated).toBe(formatTimestamp(NOW + CATALOGUE_REFRESH_SECONDS));
  expect(names(NOW + CATALOGUE_ENTRY_SECONDS)).toEqual(["a"]);
  expect(names(NOW + CATALOGUE_REFRESH_SECONDS + CATALOGUE_ENTRY_SECONDS)).toEqual([]);
});

test("what a seller said stays until it ends, whatever others say of the same route; two payees have two entries [discovery-proof]", () => {
  const { table, names } = opened();
  table.record(entry("a", "payee", "payment", "forged"), NOW);
  expect(table.record(entry("a", "payee", "seller", "own"), NOW + 1)).toBe(true);
  expect(table.record(entry("a", "payee", "payment", "forged"), NOW + CATALOGUE_REFRESH_SECONDS + 1)).toBe(false);
  expect(table.record(entry("a", "thief", "payment", "forged"), NOW + 1)).toBe(true);
  expect(names(NOW + 2)).toEqual(["own", "forged"]);
  expect(table.search({ limit: 9, words: ["shop.example/a"] }, NOW + 2).resources.map(({ metadata }) => metadata.proof)).toEqual([
    "seller",
    "payment",
  ]);
  expect(table.record(entry("a", "payee", "payment", "later"), NOW + 1 + CATALOGUE_ENTRY_SECONDS)).toBe(true);
});

describe("room", () => {
  test("of one payee is made by what was not renewed for an hour, never by what is fresh [discovery-bounded]", () => {
    const { table, names } = opened();
    const all = Array.from({ length: MAX_CATALOGUE_ENTRIES_PER_PAYEE + 50 }, (_, index) => table.record(entry(`${index}`), NOW + index));
    expect(all.filter(Boolean)).toHaveLength(MAX_CATALOGUE_ENTRIES_PER_PAYEE);
    expect(table.record(entry("other", "another payee"), NOW)).toBe(true);
    const later = NOW + CATALOGUE_REFRESH_SECONDS;
    expect(table.record(entry("new"), later)).toBe(true);
    expect(table.record(entry("newer"), later)).toBe(false); // the next oldest is a second too young
    expect(names(later, { payTo: "payee" })).toHaveLength(MAX_CATALOGUE_ENTRIES_PER_PAYEE);
    expect(table.record(entry("own", "payee", "seller"), later)).toBe(true);
  });

  test("in all is bounded: a flood of strangers' routes keeps no known seller out [discovery-flooded]", () => {
    const max = 200;
    const { table } = opened(max);
    for (let n = 0; n < 10 * max; n++) table.record(entry(`${n}`, `payee ${Math.floor(n / 50)}`), NOW);
    expect(table.list({ limit: 1, offset: 0 }, NOW).total).toBe(max);
    expect(table.record(entry("one more", "stranger"), NOW)).toBe(false);
    expect(table.record(entry("own", "seller", "seller"), NOW)).toBe(true);
    expect(table.list({ limit: 1, offset: 0 }, NOW).total).toBe(max);
    expect(table.search({ limit: 5, words: ["shop.example"] }, NOW).resources[0]?.description).toBe("own");
  });
});

test("pages lose and repeat nothing while entries are added and renewed [discovery-pages]", () => {
  const { table, names } = opened();
  for (let n = 0; n < 10; n++) table.record(entry(`${n}`), NOW + n);
  const first = names(NOW + 10, { limit: 4 });
  const later = NOW + CATALOGUE_REFRESH_SECONDS + 20;
  table.record(entry("2"), later);
  table.record(entry("new"), later);
  expect([...first, ...names(later, { limit: 4, offset: 4 }), ...names(later, { limit: 4, offset: 8 })]).toEqual([...TEN, "new"]);

  const found: (string | undefined)[] = [];
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = table.search({ limit: 3, words: [], cursor }, later);
    found.push(...page.resources.map(({ description }) => description));
    cursor = page.cursor;
    table.record(entry(`added ${found.length}`, "payee", "seller"), later);
  }
  expect(found.slice(0, 10)).toEqual(TEN);
  expect(new Set(found).size).toBe(found.length);
});

test("a search finds the entries that have every word, as it is written", () => {
  const { table } = opened();
  table.record(entry("weather", "payee", "payment", "100% Weather_of a CITY"), NOW);
  table.record(entry("news", "payee", "payment", "the news"), NOW);
  const found = (...words: string[]) => table.search({ limit: 9, words }, NOW).resources.length;
  expect([found("weather"), found("weather", "city"), found("weather", "news"), found()]).toEqual([1, 1, 0, 2]);
  expect([found("100%"), found("1_0"), found("%"), found("'; DROP TABLE entry; --")]).toEqual([1, 0, 1, 0]);
});

test("a catalogue of newer code is not touched", () => {
  const store = memoryStore();
  const table = new CatalogueTable(store);
  table.record(entry("a"), NOW);
  store.sql("UPDATE schema_version SET version = 999");
  expect(() => new CatalogueTable(store)).toThrow(UnsupportedSchema);
  expect(store.sql("SELECT count(*) AS n FROM entry")).toEqual([{ n: 1 }]);
});
