import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { hexToBytes } from "../crypto/bytes.ts";
import { accountOfBytes } from "../protocol/account.ts";
import { LedgerRules } from "./rules.ts";
import { LEDGER_SCHEMA } from "./schema.ts";
import { ALICE, dump, FIRST, idOf, LEDGER, openLedger, paymentOf, settleOf, START } from "./testing/ledger.ts";

const GENESIS = { ledger: LEDGER, supply: 1000n, at: START };
const OTHER = { ledger: idOf(0xdead), supply: 7n, at: START + 1000 };

describe("genesis", () => {
  test("puts the whole supply into the treasury, as the first entry of its chain", () => {
    const rules = new LedgerRules(memoryStore(), GENESIS);
    const treasury = accountOfBytes(hexToBytes(LEDGER));
    expect(rules.info()).toEqual({ ledger: LEDGER, treasury, supply: "1000", shards: 1, sessions: true });
    expect(rules.account(treasury)).toMatchObject({ balance: "1000", held: "0", journalSeq: 1 });
    expect(rules.journal(treasury, 0, 10)).toMatchObject([{ kind: "genesis", seq: "1", value: "1000", prevHash: LEDGER }]);
    expect(rules.audit()).toMatchObject({ ok: true, accounts: 1, journalEntries: 1, supply: "1000", balances: "1000" });
  });

  test("happens once: opening the ledger again changes nothing", () => {
    const store = memoryStore();
    const rules = openLedger(store);
    rules.settle(settleOf(paymentOf(), FIRST), START);
    const before = dump(store);
    const again = new LedgerRules(store, OTHER);
    expect(again.info()).toEqual(rules.info());
    expect(again.account(ALICE)).toEqual(rules.account(ALICE));
    expect(dump(store)).toEqual(before);
  });

  test("is not half done when it fails", () => {
    const store = memoryStore();
    const failing: typeof store = {
      ...store,
      sql: (statement, ...bindings) => {
        if (statement.includes("INSERT INTO journal")) throw new Error("disk full");
        return store.sql(statement, ...bindings);
      },
    };
    expect(() => new LedgerRules(failing, OTHER)).toThrow("disk full");
    expect(dump(store)).toEqual({});
    expect(new LedgerRules(store, GENESIS).info()).toMatchObject({ ledger: LEDGER });
  });
});

const NEWEST = LEDGER_SCHEMA.at(-1)?.version ?? 0;

test.each([1, NEWEST + 1])("a database of schema %i is refused, and stays as it is", (version) => {
  const store = memoryStore();
  openLedger(store);
  store.sql("UPDATE schema_version SET version = ?", version);
  const before = dump(store);
  expect(() => new LedgerRules(store, GENESIS)).toThrow(`The database has schema ${version}. This version supports schema ${NEWEST}`);
  expect(dump(store)).toEqual(before);
});
