import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { dump, openLedger, SECOND, settleOf } from "./testing/ledger.ts";
import { act, arrange, CELLS, PAYMENT, timeOf } from "./testing/state-table.ts";

const WRONG_CHARGES = ["charge_exceeded", "amount_mismatch"];

/** The cells in which a new caller claims a payment: `check` answers for them. It knows no charge. */
const CLAIMS = CELLS.filter(
  ({ event, id = SECOND, answer }) =>
    (event === "reserve" || event === "settle") && id === SECOND && !WRONG_CHARGES.includes(String((answer as { code?: string })?.code)),
);

describe("check says what comes true", () => {
  test.each(CLAIMS)("before: $fact", (cell) => {
    const store = memoryStore();
    const rules = openLedger(store);
    arrange(rules, cell);
    const before = dump(store);

    const { payment = PAYMENT } = cell;
    const foretold = rules.check(payment, timeOf(cell));
    expect(dump(store)).toEqual(before);

    const answer = act(rules, cell) as { ok: boolean };
    expect(foretold).toEqual(answer.ok ? { ok: true } : answer);
  });

  test("and moves no clock: a check from the future refuses nothing afterwards", () => {
    const rules = openLedger(memoryStore());
    expect(rules.check(PAYMENT, PAYMENT.validBefore + 1)).toEqual({ ok: false, code: "payment_expired" });
    expect(rules.settle(settleOf(PAYMENT, SECOND), PAYMENT.validBefore)).toMatchObject({ ok: true });
  });
});
