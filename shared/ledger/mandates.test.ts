import { expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { MAX_KNOWN_MANDATES } from "../limits.ts";
import { UNUSED } from "./mandate-counters.ts";
import { Mandates } from "./mandates.ts";
import type { LedgerStore } from "./store.ts";
import { ALICE, idOf, openLedger } from "./testing/ledger.ts";
import { MANDATE } from "./testing/mandate-table.ts";

test("a mandate that was used lately is not read again; one that was not is, in the end", () => {
  const store = memoryStore();
  openLedger(store);
  let reads = 0;
  const counting: LedgerStore = { ...store, sql: (statement, ...bindings) => (reads++, store.sql(statement, ...bindings)) };
  const mandates = new Mandates(counting);
  const insertOthers = (from: number) => {
    for (let i = from; i < from + MAX_KNOWN_MANDATES - 1; i++) mandates.insert(ALICE, { ...MANDATE, digest: idOf(10_000 + i) }, UNUSED);
  };
  mandates.insert(ALICE, MANDATE, UNUSED);
  insertOthers(1);
  reads = 0;
  expect(mandates.find(ALICE, MANDATE.digest)).toMatchObject({ counters: UNUSED, facts: MANDATE });
  expect(reads).toBe(0);
  insertOthers(MAX_KNOWN_MANDATES);
  reads = 0;
  expect(mandates.find(ALICE, MANDATE.digest)).toMatchObject({ counters: UNUSED, facts: MANDATE });
  expect(reads).toBe(1);
});
