/** Several events as one transaction: spec/state-table.md, "Events in a group". */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { AWAY_SECONDS, OUTBOX_BATCH } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import type { Amount } from "../protocol/amount.ts";
import { ExportCheck } from "./export-check.ts";
import { EXPORTED_TABLES } from "./export.ts";
import { batchDigest } from "./journal.ts";
import type { LedgerRules } from "./rules.ts";
import type { LedgerStore } from "./store.ts";
import { breakAfter, failed } from "./testing/breaking-store.ts";
import {
  ALICE,
  BOB,
  CAROL,
  captureOf,
  DAVE,
  dump,
  FIRST,
  give,
  idOf,
  LEDGER,
  openLedger,
  paymentOf,
  reopen,
  reserveOf,
  settleOf,
  START,
  txOf,
} from "./testing/ledger.ts";
import { refundOf, refundTx } from "./testing/refund-table.ts";
import { claimOf, sessionOf } from "./testing/session-table.ts";

const units = (value: number) => String(value) as Amount;
/** A payment of so much. Its nonce is the number. */
const pays = (payer: AccountId, payee: AccountId, value: number) => paymentOf({ payer, payee, nonce: idOf(value), value: units(value) });
const settle = (rules: LedgerRules, payer: AccountId, payee: AccountId, value: number) =>
  rules.settle(settleOf(pays(payer, payee, value), FIRST), START);
const OK = { ok: true };

/** Alice and Dave have 250 each. Bob and Carol have nothing, and no journal. */
function funded(store: LedgerStore = memoryStore()): LedgerRules {
  const rules = openLedger(store, 100_000n);
  give(rules, DAVE, 250n);
  return rules;
}

/** The entries of an account's journal: kind, sum, and how many payments a batch has. */
function linesOf(rules: LedgerRules, account: AccountId): string {
  const lines = rules.journal(account, 0, 100).map(({ kind, value, cause, batch }) => {
    return [cause ?? kind, value, batch && `of ${batch.count}`].filter((word) => word !== undefined).join(" ");
  });
  return lines.join(", ");
}

function balancesOf(rules: LedgerRules): number[] {
  return [ALICE, BOB, CAROL, DAVE].map((account) => Number(rules.account(account).balance));
}

interface Cell {
  id: string;
  /** Bob's entries, as the page has them. */
  entries: string;
  events: (rules: LedgerRules) => void;
  /** Of Alice, Bob, Carol and Dave. */
  balances: number[];
}

const CELLS: Cell[] = [
  {
    id: "group/one",
    entries: "credit 3",
    events: (rules) => expect(settle(rules, ALICE, BOB, 3)).toMatchObject(OK),
    balances: [247, 3, 0, 250],
  },
  {
    id: "group/several",
    entries: "batch 12 of 3",
    events(rules) {
      settle(rules, ALICE, BOB, 3);
      settle(rules, DAVE, BOB, 4);
      settle(rules, ALICE, BOB, 5);
    },
    balances: [242, 12, 0, 246],
  },
  {
    id: "group/two-payees",
    entries: "batch 7 of 2",
    events(rules) {
      settle(rules, ALICE, BOB, 3);
      settle(rules, DAVE, CAROL, 6);
      settle(rules, DAVE, BOB, 4);
    },
    balances: [247, 7, 6, 240],
  },
  {
    id: "group/captured",
    entries: "batch 7 of 2",
    events(rules) {
      rules.reserve(reserveOf(pays(ALICE, BOB, 3), FIRST), START);
      expect(rules.capture(captureOf(pays(ALICE, BOB, 3), FIRST), START)).toMatchObject(OK);
      settle(rules, DAVE, BOB, 4);
    },
    balances: [247, 7, 0, 246],
  },
  {
    id: "group/repeated",
    entries: "credit 3",
    events(rules) {
      const first = settle(rules, ALICE, BOB, 3);
      expect(settle(rules, ALICE, BOB, 3)).toEqual(first);
    },
    balances: [247, 3, 0, 250],
  },
  {
    id: "group/refused",
    entries: "batch 7 of 2",
    events(rules) {
      settle(rules, ALICE, BOB, 3);
      expect(settle(rules, ALICE, BOB, 248)).toMatchObject({ code: "insufficient_funds" });
      settle(rules, DAVE, BOB, 4);
    },
    balances: [247, 7, 0, 246],
  },
  {
    id: "group/payee-pays",
    entries: "batch 7 of 2, debit 6",
    events(rules) {
      settle(rules, ALICE, BOB, 3);
      settle(rules, DAVE, BOB, 4);
      expect(settle(rules, BOB, CAROL, 6)).toMatchObject(OK);
    },
    balances: [247, 1, 6, 246],
  },
  {
    id: "group/payee-overdraws",
    entries: "batch 7 of 2",
    events(rules) {
      settle(rules, ALICE, BOB, 3);
      settle(rules, DAVE, BOB, 4);
      expect(settle(rules, BOB, CAROL, 8)).toMatchObject({ code: "insufficient_funds" });
    },
    balances: [247, 7, 0, 246],
  },
  {
    id: "group/payee-holds",
    entries: "credit 3, batch 9 of 2",
    events(rules) {
      settle(rules, ALICE, BOB, 3);
      expect(rules.reserve(reserveOf(pays(BOB, CAROL, 2), FIRST), START)).toMatchObject(OK);
      settle(rules, ALICE, BOB, 5);
      settle(rules, DAVE, BOB, 4);
    },
    balances: [242, 12, 0, 246],
  },
  {
    id: "group/round",
    entries: "credit 3, debit 2, credit 1",
    events(rules) {
      settle(rules, ALICE, BOB, 3);
      settle(rules, BOB, CAROL, 2);
      expect(settle(rules, CAROL, BOB, 1)).toMatchObject(OK);
    },
    balances: [247, 2, 1, 250],
  },
  {
    id: "group/refunded",
    entries: "batch 7 of 2, refund 2",
    events(rules) {
      settle(rules, ALICE, BOB, 3);
      settle(rules, DAVE, BOB, 4);
      const refund = refundOf({ payer: DAVE, transaction: txOf(pays(DAVE, BOB, 4)), entry: 1, amount: units(2) });
      expect(rules.refund(refund, START)).toMatchObject({ ok: true, transaction: refundTx(refund) });
    },
    balances: [247, 5, 0, 248],
  },
  {
    id: "group/claim",
    entries: "batch 7 of 2, claim 30, credit 5",
    events(rules) {
      const session = sessionOf({ payer: ALICE, payee: BOB, deposit: units(40), nonce: idOf(1) });
      settle(rules, ALICE, BOB, 3);
      settle(rules, DAVE, BOB, 4);
      expect(rules.openSession(session, START)).toMatchObject(OK);
      expect(rules.claimSession(claimOf({ "0": 30 }, session), START)).toMatchObject(OK);
      settle(rules, DAVE, BOB, 5);
    },
    balances: [217, 42, 0, 241],
  },
  {
    id: "group/transfer",
    entries: "credit 3, transfer 6",
    events(rules) {
      settle(rules, ALICE, BOB, 3);
      expect(rules.settle({ ...settleOf(pays(ALICE, BOB, 6), FIRST), purpose: "transfer" }, START)).toMatchObject(OK);
    },
    balances: [241, 9, 0, 250],
  },
];

describe("a group of events", () => {
  test.each(CELLS)("$id: $entries", ({ events, entries, balances }) => {
    const store = memoryStore();
    const rules = funded(store);
    rules.together(() => events(rules));
    expect(linesOf(rules, BOB)).toBe(entries);
    expect(balancesOf(rules)).toEqual(balances);
    expect(balancesOf(reopen(store))).toEqual(balances);
    expect(rules.audit()).toMatchObject({ problems: [] });
  });

  test("is what spec/state-table.md says", () => {
    const page = readFileSync("spec/state-table.md", "utf8");
    const rows = [...page.matchAll(/^\| `(group\/\S+)` \| .* \| (.*) \|$/gm)].map(([, ...row]) => row);
    expect(rows).toEqual(CELLS.map(({ id, entries }) => [id, entries]));
  });

  test.each(CELLS)("$id: fails as a whole at any statement, and can be done afterwards [group-fails-whole]", ({ events, balances }) => {
    for (let statements = 0; ; statements++) {
      const store = memoryStore();
      funded(store);
      const breaking = breakAfter(store);
      const rules = reopen(breaking);
      const before = dump(store);
      breaking.allow(statements);
      if (!failed(() => rules.together(() => events(rules)))) return expect(statements).toBeGreaterThan(3);
      expect(dump(store)).toEqual(before);
      breaking.allow(Number.POSITIVE_INFINITY);
      rules.together(() => events(rules));
      expect(balancesOf(rules)).toEqual(balances);
      expect(rules.audit()).toMatchObject({ problems: [] });
    }
  });

  test("has not happened if one of its events throws, although the error is caught [group-event-throws]", () => {
    const store = memoryStore();
    const rules = funded(store);
    const before = dump(store);
    const group = () =>
      rules.together(() => {
        settle(rules, ALICE, BOB, 3);
        expect(() => settle(rules, ALICE, ALICE, 5)).toThrow("payer and payee differ");
        settle(rules, DAVE, BOB, 4);
      });
    expect(group).toThrow("payer and payee differ");
    expect(dump(store)).toEqual(before);
    settle(rules, ALICE, BOB, 3);
    rules.together(() => void settle(rules, DAVE, BOB, 4));
    expect(linesOf(rules, BOB)).toBe("credit 3, credit 4");
    expect(rules.audit()).toMatchObject({ problems: [] });
  });
});

describe("a batch of a group", () => {
  /** Three payments, and what Bob is told of them. */
  function paid() {
    const rules = funded();
    const payments = [pays(ALICE, BOB, 3), pays(DAVE, BOB, 4), pays(ALICE, BOB, 5)];
    rules.together(() => payments.forEach((payment) => void rules.settle(settleOf(payment, FIRST), START)));
    return { rules, payments, transactions: payments.map(txOf) };
  }

  test("has the shape of one from another shard: its range is that of the group, from its own shard [group-batch]", () => {
    const { rules, transactions } = paid();
    const [entry] = rules.journalPage(BOB, 0, 10, true).entries;
    expect(entry).toMatchObject({
      kind: "batch",
      value: "12",
      balanceAfter: "12",
      at: String(START),
      batch: { fromShard: "0", first: "1", last: "3", count: "3", transactions: batchDigest(transactions) },
      transactions,
      credits: [ALICE, DAVE, ALICE].map((payer, i) => ({ transaction: transactions[i], payer, value: String(i + 3) })),
    });
    expect(entry?.transaction).toBeUndefined();
  });

  test("says of each payment where it was credited, and of each what can be given back, and no more", () => {
    const { rules, transactions } = paid();
    for (const [i, transaction] of transactions.entries())
      expect(rules.creditOf(BOB, transaction, START)).toMatchObject({ entry: 1, value: String(i + 3) });
    const refund = refundOf({ payer: DAVE, transaction: transactions[1] ?? FIRST, entry: 1, amount: units(5) });
    expect(rules.refund(refund, START)).toMatchObject({ code: "refund_exceeded" });
    expect(rules.refund({ ...refund, payer: ALICE, amount: units(4) }, START)).toMatchObject({ code: "refund_unknown" });
    expect(rules.refund({ ...refund, amount: units(4) }, START)).toMatchObject(OK);
    expect(rules.audit()).toMatchObject({ problems: [] });
  });

  test("is exported, and the export checked", () => {
    const { rules } = paid();
    rules.retire(LEDGER, START);
    const check = new ExportCheck({ ledger: LEDGER, supply: "100000", shards: 1 });
    for (const table of EXPORTED_TABLES) {
      const page = rules.exportPage(table, []);
      expect("rows" in page && check.take({ shard: 0, table, rows: page.rows })).toBeUndefined();
    }
    expect(check.finish()).toMatchObject(OK);
  });

  test("lists as many payments as one from another shard at most", () => {
    const rules = funded();
    give(rules, CAROL, 10_000n);
    const payment = (nonce: number) => paymentOf({ payer: CAROL, payee: BOB, nonce: idOf(nonce), value: units(1) });
    rules.together(() => {
      for (let i = 0; i < OUTBOX_BATCH + 2; i++) rules.settle(settleOf(payment(i), FIRST), START);
    });
    expect(linesOf(rules, BOB)).toBe(`batch ${OUTBOX_BATCH} of ${OUTBOX_BATCH}, batch 2 of 2`);
    expect(rules.audit()).toMatchObject({ problems: [] });
  });

  test.each([
    ["a payment less", (text: string) => text.replace(/,\["[^\]]*"\]\]$/, "]"), "credits"],
    ["another sum", (text: string) => text.replace('"3"', '"2"'), "credits"],
  ])("that lists %s is found by the audit", (_, change, column) => {
    const store = memoryStore();
    const rules = funded(store);
    rules.together(() => {
      settle(rules, ALICE, BOB, 3);
      settle(rules, DAVE, BOB, 4);
    });
    const [row] = store.sql(`SELECT ${column} FROM journal WHERE account = ?`, BOB);
    store.sql(`UPDATE journal SET ${column} = ? WHERE account = ?`, change(String(row?.[column])), BOB);
    expect(rules.audit().problems).toEqual([`${BOB}: the payments of batch 1 are not its sum`]);
  });
});

test("a group that fails first after the shard was away leaves its sessions to be prolonged [group-fails-away]", () => {
  const back = START + AWAY_SECONDS + 100;
  const session = sessionOf({ payer: ALICE, payee: BOB });
  const payment = paymentOf({ payer: DAVE, payee: BOB, validAfter: back, validBefore: back });
  for (let statements = 0; ; statements++) {
    const store = memoryStore();
    const opened = funded(store).openSession(session, START);
    const breaking = breakAfter(store);
    const rules = reopen(breaking);
    breaking.allow(statements);
    const broke = failed(() => rules.together(() => void rules.settle(settleOf(payment, FIRST), back)));
    breaking.allow(Number.POSITIVE_INFINITY);
    rules.runMaintenance(back);
    const closesAt = opened.ok ? opened.session.closesAt + AWAY_SECONDS + 100 : NaN;
    expect(rules.sessionOf(session, back)).toMatchObject({ closesAt });
    if (!broke) return expect(statements).toBeGreaterThan(3);
  }
});
