import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import type { Amount } from "../protocol/amount.ts";
import { breakAfter, failed } from "./testing/breaking-store.ts";
import { dump, idOf, openLedger, reopen, reserveOf, START } from "./testing/ledger.ts";
import { arrangeMandate, MANDATE_CELLS } from "./testing/mandate-table.ts";
import { act, arrange, CELLS, PAYMENT } from "./testing/state-table.ts";

/** Every event that writes, in a state in which it does. */
const WRITERS = CELLS.filter(
  ({ state, next }) => state !== next && next !== "held by FIRST" && !(state.startsWith("settled") && next === "settled by FIRST"),
);

const MANDATE_WRITERS = MANDATE_CELLS.filter(({ words: [, after] }) => after !== "as it was");

describe("an event that fails half way has not happened", () => {
  test.each(WRITERS)("at any statement of: $fact", (cell) => {
    for (let statements = 0; ; statements++) {
      const store = memoryStore();
      arrange(openLedger(store), cell);
      const breaking = breakAfter(store);
      const rules = reopen(breaking);
      const before = dump(store);

      breaking.allow(statements);
      const threw = failed(() => act(rules, cell));
      if (!threw) {
        expect(statements).toBeGreaterThan(1);
        return;
      }
      expect(dump(store)).toEqual(before);
      // and it can be done afterwards.
      breaking.allow(Number.POSITIVE_INFINITY);
      expect(act(rules, cell)).toEqual(cell.answer);
    }
  });

  test.each(MANDATE_WRITERS)("at any statement of: $name, $fact", ({ state, given, event, at, answer }) => {
    for (let statements = 0; ; statements++) {
      const store = memoryStore();
      const built = openLedger(store);
      arrangeMandate(built, state);
      given?.(built);
      const breaking = breakAfter(store);
      const rules = reopen(breaking);
      const before = dump(store);

      breaking.allow(statements);
      if (!failed(() => event(rules, at))) {
        expect(statements).toBeGreaterThan(1);
        return;
      }
      expect(dump(store)).toEqual(before);
      breaking.allow(Number.POSITIVE_INFINITY);
      expect(event(rules, at)).toEqual(answer);
      expect(rules.audit()).toMatchObject({ ok: true });
    }
  });

  test("a grant of the faucet too", () => {
    const store = memoryStore();
    const breaking = breakAfter(store);
    const rules = openLedger(breaking);
    const before = dump(store);
    const fund = () => rules.fund(PAYMENT.payee, "5" as Amount, idOf(1), START);
    let statements = 0;
    do {
      expect(dump(store)).toEqual(before);
      breaking.allow(statements++);
    } while (failed(fund));
    breaking.allow(Number.POSITIVE_INFINITY);
    expect(rules.account(PAYMENT.payee)).toMatchObject({ balance: "5" });
    expect(rules.audit()).toMatchObject({ ok: true });
  });
});

describe("the store of tests and demos", () => {
  test("undoes a nested transaction alone, and an outer one with all that is in it", () => {
    const store = memoryStore();
    const rules = openLedger(store);
    const before = dump(store);
    const inner = () =>
      store.transact(() => {
        rules.reserve(reserveOf(PAYMENT, idOf(1)), START);
        throw new Error("inner");
      });
    store.transact(() => expect(inner).toThrow("inner"));
    expect(dump(store)).toEqual(before);

    const outer = () =>
      store.transact(() => {
        rules.reserve(reserveOf(PAYMENT, idOf(1)), START);
        throw new Error("outer");
      });
    expect(outer).toThrow("outer");
    expect(dump(store)).toEqual(before);

    const anew = reopen(store);
    store.transact(() => store.transact(() => anew.reserve(reserveOf(PAYMENT, idOf(1)), START)));
    expect(anew.account(PAYMENT.payer)).toMatchObject({ held: "100" });
  });
});
