import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import type { AccountId } from "../protocol/account.ts";
import type { Charge } from "../protocol/amount.ts";
import type { LedgerPayment } from "../protocol/ledger-payment.ts";
import type { LedgerStore, Row } from "./store.ts";
import { ALICE, BOB, CAROL, dump, FIRST, openLedger, SECOND } from "./testing/ledger.ts";
import { act, arrange, CELLS, type Cell, PAYMENT, UPTO_PAYMENT } from "./testing/state-table.ts";

describe("the state table", () => {
  test.each(CELLS)("$name: $fact", (cell) => {
    const store = memoryStore();
    const rules = openLedger(store);
    arrange(rules, cell);
    const before = storedOf(store);

    expect(act(rules, cell)).toEqual(cell.answer);

    const after = storedOf(store);
    expect(after["payment"]).toEqual(rowsOf(cell));
    for (const [who, money] of Object.entries(moneyOf(cell))) expect(rules.account(who as AccountId)).toMatchObject(money);
    expect(rules.audit()).toMatchObject({ ok: true, problems: [] });
    if (stays(cell)) expect(after).toEqual(before);
  });

  test("has an answer for every event in every state", () => {
    const empty = ["reserve", "capture", "release", "settle", "cancel", "alarm", "status"].flatMap((event) =>
      ["none", "held, live", "held, reclaimable", "held, expired", "settled", "cancelled"]
        .filter((state) => !CELLS.some((cell) => cell.event === event && cell.state === state))
        .map((state) => `${event}, ${state}`),
    );
    expect(empty).toEqual([]);
  });

  test("gives every cell an id of its own", () => {
    expect(new Set(CELLS.map(({ name }) => name)).size).toBe(CELLS.length);
  });

  test("is what spec/state-table.md says, cell by cell", () => {
    const page = readFileSync("spec/state-table.md", "utf8");
    const rows = page.matchAll(/^\| `((?!group\/|mandate-|refund\/|session-)\S+\/\S+)` \| (.*) \| (.*) \|$/gm);
    const said = rows.map(([, name, answer, after]) => ({ name, answer, after }));
    expect([...said]).toEqual(
      CELLS.map((cell) => ({ name: cell.name, answer: expect.stringMatching(answerIn(cell)), after: afterwards(cell) })),
    );
  });
});

/** Every table but the clock, which some refusals advance; of the payments, Alice's. */
function storedOf(store: LedgerStore): Record<string, Row[]> {
  const { clock: _, payment = [], ...tables } = dump(store);
  return { ...tables, payment: payment.filter(({ payer }) => payer === ALICE) };
}

/** The owner of the hold or settlement afterwards, and its payment. FIRST owns PAYMENT, or UPTO_PAYMENT, before. */
function outcomeOf({ next, payment = PAYMENT }: Cell): { state: string; holder: string; payment: LedgerPayment } | undefined {
  const before = payment.scheme ? UPTO_PAYMENT : PAYMENT;
  const [state = "", holder] = next.split(" by ");
  if (next === "none" || next === "cancelled") return undefined;
  if (next === "paid and forgotten") return { state: "settled", holder: FIRST, payment: before };
  return { state, ...(holder === "FIRST" ? { holder: FIRST, payment: before } : { holder: SECOND, payment }) };
}

function rowsOf(cell: Cell): unknown[] {
  if (cell.next === "none" || cell.next === "paid and forgotten") return [];
  const outcome = outcomeOf(cell);
  if (!outcome) return [expect.objectContaining({ state: "cancelled", nonce: PAYMENT.nonce, value: null })];
  const { state, holder, payment } = outcome;
  const { nonce, payee, value, scheme = null, validBefore, authorizationDigest } = payment;
  const charge = chargeOf(cell, payment);
  const told = { state, holder, nonce, payee, value, scheme, valid_before: validBefore, authorization_digest: authorizationDigest };
  const charged = state === "settled" && charge !== value ? charge : null;
  return [expect.objectContaining({ ...told, charged })];
}

/** What a settled payment was charged: by the event, or before it. */
function chargeOf({ state, value, before }: Cell, payment: LedgerPayment): Charge {
  return (state.startsWith("settled") ? before : value) ?? payment.value;
}

/** Alice began with 250. */
function moneyOf(cell: Cell): Record<string, { balance: string; held: string }> {
  const outcome = outcomeOf(cell);
  const paid = outcome?.state === "settled";
  const value = BigInt(!outcome ? 0 : paid ? chargeOf(cell, outcome.payment) : outcome.payment.value);
  const received = (who: AccountId) => (paid && outcome.payment.payee === who ? value : 0n).toString();
  return {
    [ALICE]: { balance: (paid ? 250n - value : 250n).toString(), held: (outcome && !paid ? value : 0n).toString() },
    [BOB]: { balance: received(BOB), held: "0" },
    [CAROL]: { balance: received(CAROL), held: "0" },
  };
}

/** How the page words the cell's answer. */
function answerIn({ event, answer }: Cell): RegExp {
  if (event === "alarm") return answer === undefined ? /^never/ : /^(in an hour|after the deadline)$/;
  const { code, status, transaction, charged, reservation, value } = answer as {
    code?: string;
    status?: string;
    transaction?: unknown;
    charged?: unknown;
    reservation?: unknown;
    value?: string;
  };
  const word = code ?? status;
  if (word !== undefined)
    return new RegExp(`^\`${word}\`${transaction ? " with the transaction" : ""}${charged ? " and the charge" : ""}$`);
  if (value === "0") return /^the receipt over 0$/;
  if (value === "37") return /^the receipt over the part$/;
  return reservation ? /^the hold$/ : transaction ? /^the receipt$/ : /^ok$/;
}

/** How the page words the state after the event. */
function afterwards(cell: Cell): string {
  if (stays(cell)) return "as it was";
  if (cell.next === "paid and forgotten") return "forgotten";
  const [state = ""] = cell.next.split(" by ");
  return state === "held" ? "held by the caller" : state;
}

/** Whether the cell leaves its state as it was. */
function stays({ state, next }: Cell): boolean {
  if (state.startsWith("held")) return next === "held by FIRST";
  if (state.startsWith("settled")) return next === "settled by FIRST";
  return state === next;
}
