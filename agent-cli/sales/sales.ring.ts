/** `npm run sales`: thousands of sales over four shards, refunds among them, add up to the unit, whole and pruned. `SALES` is how many. */

import { beforeAll, expect, test } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { Link } from "../../shared/ledger/journal.ts";
import { runAllMaintenance } from "../../shared/ledger/testing/checkpoint.ts";
import { idOf } from "../../shared/ledger/testing/ledger.ts";
import { JOURNAL_RETENTION_SECONDS } from "../../shared/limits.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { MARCH, type SalesWorld, salesWorld } from "../testing/sales-world.ts";
import { Reconciliation } from "./reconcile.ts";
import { NO_RECORDS } from "./records.ts";
import { eachSale, readBooks, type Sale } from "./sales.ts";

const COUNT = Number(process.env["SALES"] ?? 10_000);
/** 69 days for 10,000 sales: more than the ledger keeps of an exported journal. */
const SPAN = 69 * 24 * 3600;
const EVERY = { delivery: 97, refund: 40, purchase: 500 };

const sold = new Map<Digest, { value: bigint; refunded: bigint }>();
let bought = 0n;
let refunds = 0;
let world: SalesWorld;
let end = MARCH;

/** Gives back a part of the sale, or all of it. */
function refund(transaction: Digest, amount: bigint, at: number): void {
  const number = ++refunds;
  const rules = world.shardFor(world.seller);
  const { journalSeq } = rules.account(world.seller);
  const entries = rules.journalPage(world.seller, Math.max(0, journalSeq - 400), 400, true).entries;
  const entry = entries.find((each) => each.transaction === transaction || each.transactions?.includes(transaction));
  const payer = entry?.counterparty ?? entry?.credits?.find((credit) => credit.transaction === transaction)?.payer;
  const sale = sold.get(transaction);
  if (!entry || !payer || !sale) throw new Error("no such sale");
  const result = rules.refund(
    {
      payee: world.seller,
      payer,
      transaction,
      entry: Number(entry.seq),
      amount: amount.toString() as Amount,
      id: idOf(number),
      refundDigest: idOf(10 ** 9 + number),
      issuedAt: at,
    },
    at,
  );
  if (!result.ok) throw new Error(result.code);
  sale.refunded += amount;
}

beforeAll(async () => {
  world = await salesWorld(10n ** 12n);
  const { seller, buyers } = world;
  let seed = 1;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  let latest: Digest[] = [];
  for (let i = 1; i <= COUNT; i++) {
    end = MARCH + Math.floor((i * SPAN) / COUNT);
    const value = BigInt(1 + random(1_000_000));
    const transaction = world.pay(buyers[random(buyers.length)] ?? seller, seller, value, end);
    sold.set(transaction, { value, refunded: 0n });
    latest.push(transaction);
    if (i % EVERY.purchase === 0) {
      world.pay(seller, buyers[random(buyers.length)] ?? seller, 7n, end);
      bought += 7n;
    }
    if (i % EVERY.delivery !== 0 && i !== COUNT) continue;
    await world.bring(end);
    for (const chosen of latest.filter((_, at) => at % EVERY.refund === 0)) {
      const { value } = sold.get(chosen) ?? { value: 0n };
      refund(chosen, random(2) === 0 ? value : 1n + value / 2n, end);
    }
    latest = [];
  }
  await world.bring(end);
});

const sum = (values: Iterable<bigint>) => [...values].reduce((total, value) => total + value, 0n);
const soldIn = (sales: readonly Sale[]) => sum(sales.map(({ value }) => value));

async function read() {
  const source = world.source(world.seller);
  const books = await readBooks(source);
  if (!books.ok) throw new Error(books.error.message);
  const sales: Sale[] = [];
  const refunds: bigint[] = [];
  const walked = await eachSale(source, NO_RECORDS, books.data, (some, given) => {
    sales.push(...some);
    refunds.push(...given.map(({ value }) => value));
  });
  expect(walked.ok).toBe(true);
  return { sales, refunds: sum(refunds), ...books.data, balance: BigInt(source.head.balance) };
}

test("sales less refunds and purchases are the balance; each sale is itemised, refunded as it was, and found in the orders", async () => {
  const { sales, refunds, statement, balance, chain } = await read();
  expect(sales).toHaveLength(COUNT);
  expect(chain.entries).toBeLessThan(COUNT); // most came in batches
  expect(soldIn(sales)).toBe(sum([...sold.values()].map(({ value }) => value)));
  expect(refunds).toBe(sum([...sold.values()].map(({ refunded }) => refunded)));
  expect(refunds).toBeGreaterThan(0n);
  expect(soldIn(sales) - refunds - bought).toBe(balance);
  expect([statement.sale.value, statement.refund.value, statement.purchase.value]).toEqual([soldIn(sales), refunds, bought]);
  for (const { transaction, value, refunded, source } of sales) {
    expect([{ value, refunded }, source]).toEqual([sold.get(transaction ?? idOf(0)), "ledger"]);
  }
  const orders = [...sold].map(([id, { value: amount }], line) => ({ line, id, amount }));
  const [first, ...rest] = orders;
  const whole = new Reconciliation(orders);
  const lacking = new Reconciliation(rest);
  for (const sale of sales) {
    whole.take(sale);
    lacking.take(sale);
  }
  expect(whole.finish()).toEqual({ matched: COUNT, differences: [] });
  expect(lacking.finish()).toEqual({ matched: COUNT - 1, differences: [{ kind: "missing", id: first?.id, sold: first?.amount }] });
});

test("what is left after pruning adds up from the balance that the ledger kept", async () => {
  const before = await read();
  const rules = world.shardFor(world.seller);
  const half = Math.floor(before.chain.entries / 2);
  const [last] = rules.journal(world.seller, half - 1, 1);
  rules.checkpoint(world.seller, half, (last as Link).hash, end);
  runAllMaintenance(rules, end + JOURNAL_RETENTION_SECONDS);
  const after = await read();
  expect(after.chain.base).toMatchObject({ seq: String(half), balanceAfter: last?.balanceAfter });
  expect(after.balance).toBe(before.balance);
  expect(after.statement.opening).toBe(BigInt(last?.balanceAfter ?? 0));
  const { sale, refund, purchase, opening } = after.statement;
  expect(opening + sale.value - refund.value - purchase.value).toBe(after.balance);
  expect(after.sales).toEqual(before.sales.slice(-after.sales.length));
  expect(after.sales.length).toBeLessThan(COUNT);
  expect(rules.audit()).toMatchObject({ ok: true, problems: [] });
});
