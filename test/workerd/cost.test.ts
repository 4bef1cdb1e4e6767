/** What a payment costs in rows written, as the platform counts them. spec/architecture.md quotes these numbers. */

import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import { LedgerRules } from "../../shared/ledger/rules.ts";
import type { Place } from "../../shared/ledger/shards.ts";
import type { LedgerStore, Row } from "../../shared/ledger/store.ts";
import {
  BOB,
  CAROL,
  idOf,
  LEDGER_OF_FOUR,
  paymentOf,
  reservationOf,
  reserveOf,
  settleOf,
  START,
} from "../../shared/ledger/testing/ledger.ts";
import { under } from "../../shared/ledger/testing/mandate-table.ts";
import { claimOf, sessionOf } from "../../shared/ledger/testing/session-table.ts";
import { FORGET_SECONDS } from "../../shared/limits.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { env } from "./ledger.ts";

/** Bob, on shard 1 of 4, pays; Carol, on shard 2, is paid. */
const payment = (nonce: number) => paymentOf({ payer: BOB, payee: CAROL, nonce: idOf(nonce), value: "1" as Amount });

/** Runs `body` on an empty shard in a Durable Object's own SQLite. @returns its result, and how many rows it wrote */
function written<T>(place: Place, body: (rules: LedgerRules) => T): Promise<{ rows: number; result: T }> {
  return runInDurableObject(env.LEDGER.getByName(crypto.randomUUID()), (_, { storage }) => {
    let rows = 0;
    const store: LedgerStore = {
      sql(statement, ...bindings) {
        const cursor = storage.sql.exec(statement, ...bindings);
        const result = cursor.toArray() as Row[];
        rows += cursor.rowsWritten;
        return result;
      },
      transact: (body) => storage.transactionSync(body),
    };
    for (const { name } of store.sql("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*'")) {
      store.sql(`DROP TABLE ${name}`);
    }
    const rules = new LedgerRules(store, { ledger: LEDGER_OF_FOUR, supply: 10n ** 9n, at: START, place });
    store.sql("INSERT INTO account (id, balance, held, journal_seq, journal_head) VALUES (?, '1000000', '0', 1, ?)", BOB, LEDGER_OF_FOUR);
    store.sql("INSERT INTO account (id, balance, held, journal_seq, journal_head) VALUES (?, '1', '0', 1, ?)", CAROL, LEDGER_OF_FOUR);
    rows = 0;
    const result = body(rules);
    return { rows, result };
  });
}

const settle = (count: number) => (rules: LedgerRules) => {
  for (let i = 0; i < count; i++) rules.settle(settleOf(payment(i), idOf(i)), START);
};
const sell = (rules: LedgerRules) => {
  const id = idOf(1) satisfies Digest;
  rules.reserve(reserveOf(payment(1), id), START);
  rules.capture(reservationOf(payment(1), id), START);
};

const ALL = { shard: 0, shards: 1 };
const SENDER = { shard: 1, shards: 4 };
const RECEIVER = { shard: 2, shards: 4 };

test("one shard writes 5 rows to settle, and 8 to reserve and capture", async () => {
  expect((await written(ALL, settle(1))).rows).toBe(5);
  expect((await written(ALL, sell)).rows).toBe(8);
});

test.each([
  [1, 5],
  [2, 8],
  [10, 32],
  [100, 302],
])("a group of %i settlements to one account writes 3 rows for each and 2 for the payee: %i [cost-group]", async (count, rows) => {
  expect((await written(ALL, (rules) => rules.together(() => settle(count)(rules)))).rows).toBe(rows);
});

test("several shards write 4 rows to settle, and 7 to reserve and capture, before anything is delivered", async () => {
  expect((await written(SENDER, settle(1))).rows).toBe(4);
  expect((await written(SENDER, sell)).rows).toBe(7);
});

test("a mandate adds 1 row to settle, and 2 to reserve and capture; its first payment 3 more for its limits and their indexes", async () => {
  const first = under(1, { payer: BOB, nonce: idOf(0) });
  const next = under(1, { payer: BOB, nonce: idOf(1) });
  const afterFirst = async (body: (rules: LedgerRules) => void) =>
    (
      await written(ALL, (rules) => {
        rules.settle(settleOf(first, idOf(1)), START);
        body(rules);
      })
    ).rows;
  expect(await afterFirst(() => undefined)).toBe(9);
  expect(await afterFirst((rules) => rules.settle(settleOf(next, idOf(1)), START))).toBe(9 + 6);
  const sell = (rules: LedgerRules) => {
    rules.reserve(reserveOf(next, idOf(1)), START);
    rules.capture(reservationOf(next, idOf(1)), START);
  };
  expect(await afterFirst(sell)).toBe(9 + 10);
});

test("a session costs 5 rows to open, 8 to claim from one lane on one shard, and 3 to close [session-cost]", async () => {
  const session = sessionOf({ payer: BOB, payee: CAROL, deposit: "100" as Amount });
  const open = (rules: LedgerRules) => void rules.openSession(session, START);
  const claim = (rules: LedgerRules) => void rules.claimSession(claimOf({ "0": 30 }, session), START);
  const close = (rules: LedgerRules) => void rules.claimSession(claimOf({}, session), START);
  const rowsOf = async (...events: ((rules: LedgerRules) => void)[]) =>
    (await written(ALL, (rules) => events.forEach((event) => event(rules)))).rows;
  const opened = await rowsOf(open);
  const claimed = await rowsOf(open, claim);
  expect([opened, claimed - opened, (await rowsOf(open, claim, close)) - claimed]).toEqual([5, 8, 3]);
});

test.each([
  [1, 5],
  [10, 14],
  [100, 104],
])("a batch of %i credits to one account is %i rows on both sides together", async (count, expected) => {
  const sent = await written(SENDER, (rules) => {
    settle(count)(rules);
    return rules.nextBatch(2);
  });
  const batch = sent.result;
  if (!batch) throw new Error("nothing was sent");
  const received = await written(RECEIVER, (rules) => rules.receive(batch, START));
  const acknowledged = await written(SENDER, (rules) => {
    settle(count)(rules);
    return rules.acknowledge(2, received.result);
  });
  expect(received.rows + acknowledged.rows - sent.rows).toBe(expected);
});

test("forgetting a payment is 1 row", async () => {
  const forgot = await written(ALL, (rules) => {
    settle(10)(rules);
    rules.runMaintenance(START + 900 + FORGET_SECONDS + 1);
  });
  expect(forgot.rows - 50).toBe(11); // ten payments, and the clock
});
