import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { digest } from "../crypto/digest.ts";
import { FAUCET_CAP_PER_ACCOUNT, FAUCET_WINDOW_SECONDS } from "../limits.ts";
import type { Amount } from "../protocol/amount.ts";
import { LedgerRules } from "./rules.ts";
import { ALICE, BOB, CAROL, dump, idOf, LEDGER, reopen, START } from "./testing/ledger.ts";

const CAP = FAUCET_CAP_PER_ACCOUNT;
const amount = (value: bigint) => value.toString() as Amount;
const refused = (code: string) => ({ ok: false, code });

function ledger(supply = 10n * CAP) {
  const store = memoryStore();
  return { store, rules: new LedgerRules(store, { ledger: LEDGER, supply, at: START }) };
}

describe("a grant", () => {
  test("is a payment by the treasury, in both journals", () => {
    const { rules } = ledger();
    const { treasury } = rules.info();
    const grant = rules.fund(ALICE, amount(1000n), idOf(1), START);
    expect(grant).toEqual({ ok: true, transaction: expect.stringMatching(/^[0-9a-f]{64}$/), account: ALICE, balance: "1000" });
    const transaction = grant.ok ? grant.transaction : undefined;
    expect(rules.journal(ALICE, 0, 10)).toMatchObject([{ kind: "credit", counterparty: treasury, value: "1000", transaction }]);
    expect(rules.journal(treasury, 1, 10)).toMatchObject([{ kind: "debit", counterparty: ALICE, value: "1000", transaction }]);
    expect(rules.status(treasury, idOf(1), START, START)).toEqual({ status: "settled", transaction });
    expect(rules.audit()).toMatchObject({ ok: true });
  });

  test("is given once: asked for again, it answers the same and gives nothing", () => {
    const { store, rules } = ledger();
    const first = rules.fund(ALICE, amount(1000n), idOf(1), START);
    const before = dump(store);
    expect(rules.fund(ALICE, amount(1000n), idOf(1), START + 5)).toEqual(first);
    expect(dump(store)).toEqual(before);
  });

  test("is given once for ever: not again when its payment is forgotten", () => {
    const { store, rules } = ledger();
    const first = rules.fund(ALICE, amount(1000n), idOf(1), START);
    const later = START + 10 ** 7;
    while (rules.runMaintenance(later) !== undefined);
    expect(dump(store)["payment"]).toEqual([]);
    expect(rules.fund(ALICE, amount(1000n), idOf(1), later)).toEqual(first);
    expect(rules.fund(BOB, amount(1000n), idOf(1), later)).toEqual(refused("nonce_replayed"));
    expect(rules.account(ALICE)).toMatchObject({ balance: "1000" });
  });

  test("keeps its id to itself: another amount or account under it is nonce_replayed", () => {
    const { store, rules } = ledger();
    rules.fund(ALICE, amount(1000n), idOf(1), START);
    const before = dump(store);
    expect(rules.fund(ALICE, amount(1001n), idOf(1), START)).toEqual(refused("nonce_replayed"));
    expect(rules.fund(BOB, amount(1000n), idOf(1), START)).toEqual(refused("nonce_replayed"));
    expect(dump(store)).toEqual(before);
  });

  test("to the treasury itself is refused", () => {
    const { store, rules } = ledger();
    const before = dump(store);
    expect(rules.fund(rules.info().treasury, amount(1n), idOf(1), START)).toEqual(refused("recipient_mismatch"));
    expect(dump(store)).toEqual(before);
  });
});

describe("the cap", () => {
  test("is reached to the unit, in one grant or in many, and writes nothing when it refuses", () => {
    const { store, rules } = ledger();
    expect(rules.fund(ALICE, amount(CAP + 1n), idOf(1), START)).toEqual(refused("rate_limited"));
    expect(rules.fund(ALICE, amount(CAP - 1n), idOf(2), START)).toMatchObject({ ok: true });
    expect(rules.fund(ALICE, amount(2n), idOf(3), START)).toEqual(refused("rate_limited"));
    expect(rules.fund(ALICE, amount(1n), idOf(4), START)).toMatchObject({ ok: true, balance: CAP.toString() });
    const before = dump(store);
    expect(rules.fund(ALICE, amount(1n), idOf(5), START)).toEqual(refused("rate_limited"));
    expect(dump(store)).toEqual(before);
  });

  test("still lets a grant be asked for again", () => {
    const { rules } = ledger();
    const all = rules.fund(ALICE, amount(CAP), idOf(1), START);
    expect(rules.fund(ALICE, amount(CAP), idOf(1), START)).toEqual(all);
  });

  test("is each account's own", () => {
    const { rules } = ledger();
    for (const [index, person] of [ALICE, BOB, CAROL].entries()) {
      expect(rules.fund(person, amount(CAP), idOf(index), START)).toMatchObject({ ok: true });
    }
  });

  test("counts from the first grant of a window, and opens again when the window ends", () => {
    const { rules } = ledger();
    const end = START + FAUCET_WINDOW_SECONDS;
    rules.fund(ALICE, amount(CAP - 1n), idOf(1), START);
    rules.fund(ALICE, amount(1n), idOf(2), end - 1);
    expect(rules.fund(ALICE, amount(1n), idOf(3), end - 1)).toEqual(refused("rate_limited"));
    expect(rules.fund(ALICE, amount(CAP), idOf(4), end)).toMatchObject({ ok: true });
    expect(rules.fund(ALICE, amount(1n), idOf(5), end + FAUCET_WINDOW_SECONDS - 1)).toEqual(refused("rate_limited"));
  });
});

describe("what the operator pays out", () => {
  const issue = (rules: LedgerRules, value: bigint, id: number, to = ALICE) => rules.issue(to, amount(value), idOf(id), 10n * CAP, START);

  test("is journaled in both chains under a digest of its own type, and counted by the audit [issue-journaled]", () => {
    const { rules } = ledger(100n * CAP);
    const { treasury } = rules.info();
    const authorizationDigest = digest("Funding", { from: treasury, to: ALICE, value: "1000", nonce: idOf(1) });
    expect(issue(rules, 1000n, 1)).toMatchObject({ ok: true, account: ALICE, balance: "1000" });
    expect(rules.journal(ALICE, 0, 10)).toMatchObject([{ kind: "credit", counterparty: treasury, value: "1000", authorizationDigest }]);
    expect(rules.journal(treasury, 1, 10)).toMatchObject([{ kind: "debit", counterparty: ALICE, value: "1000", authorizationDigest }]);
    rules.fund(BOB, amount(5n), idOf(2), START);
    expect(rules.audit()).toMatchObject({ ok: true, issued: "1000", balances: (100n * CAP).toString() });
  });

  test("is paid once under its id, for ever, and no faucet's grant shares the id", () => {
    const { store, rules } = ledger(100n * CAP);
    const first = issue(rules, 1000n, 1);
    const before = dump(store);
    expect(issue(rules, 1000n, 1)).toEqual(first);
    expect(issue(rules, 1001n, 1)).toEqual(refused("nonce_replayed"));
    expect(rules.fund(ALICE, amount(1000n), idOf(1), START)).toEqual(refused("nonce_replayed"));
    expect(dump(store)).toEqual(before);
    const later = START + 10 ** 7;
    while (rules.runMaintenance(later) !== undefined);
    expect(rules.issue(ALICE, amount(1000n), idOf(1), 10n * CAP, later)).toEqual(first);
  });

  test("ends at its cap to the unit, over all accounts and restarts, and leaves the faucet's own [issue-capped]", () => {
    const { store, rules } = ledger(100n * CAP);
    expect(issue(rules, 10n * CAP + 1n, 1)).toEqual(refused("insufficient_funds"));
    expect(issue(rules, 4n * CAP, 2)).toMatchObject({ ok: true });
    expect(issue(rules, 6n * CAP + 1n, 3, BOB)).toEqual(refused("insufficient_funds"));
    expect(issue(rules, 6n * CAP, 4, BOB)).toMatchObject({ ok: true });
    const before = dump(store);
    expect(issue(reopen(store), 1n, 5, CAROL)).toEqual(refused("insufficient_funds"));
    expect(issue(rules, 6n * CAP, 4, BOB)).toMatchObject({ ok: true });
    expect(dump(store)).toEqual(before);
    expect(rules.fund(CAROL, amount(CAP), idOf(6), START)).toMatchObject({ ok: true });
    expect(rules.audit()).toMatchObject({ ok: true, issued: (10n * CAP).toString() });
  });

  test("needs a treasury that covers it, and another account", () => {
    const { rules } = ledger(10n);
    expect(issue(rules, 11n, 1)).toEqual(refused("faucet_empty"));
    expect(issue(rules, 1n, 2, rules.info().treasury)).toEqual(refused("recipient_mismatch"));
  });
});

test("a treasury that cannot cover a grant is faucet_empty, and keeps what it has", () => {
  const { store, rules } = ledger(10n);
  const before = dump(store);
  expect(rules.fund(ALICE, amount(11n), idOf(1), START)).toEqual(refused("faucet_empty"));
  expect(dump(store)).toEqual(before);
  expect(rules.fund(ALICE, amount(10n), idOf(2), START)).toMatchObject({ ok: true, balance: "10" });
  expect(rules.fund(ALICE, amount(1n), idOf(3), START)).toEqual(refused("faucet_empty"));
  expect(rules.audit()).toMatchObject({ ok: true });
});
