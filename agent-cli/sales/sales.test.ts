/** A seller's books: read from a checked chain, itemised, and added up to the balance. */

import { beforeAll, describe, expect, test } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { ChainSource } from "../facilitator/account-chain.ts";
import { succeed } from "../runtime/outcome.ts";
import { MARCH, type SalesWorld, salesWorld } from "../testing/sales-world.ts";
import { NO_RECORDS, type SaleRecord, type SaleRecords } from "./records.ts";
import { eachSale, readBooks, type Sale } from "./sales.ts";

let world: SalesWorld;
const sold = new Map<Digest, { payer: string; value: bigint }>();

beforeAll(async () => {
  world = await salesWorld();
  const { seller, buyers } = world;
  for (const [i, payer] of [...buyers, ...buyers].entries()) {
    const value = BigInt(i + 1) * 10n;
    sold.set(world.pay(payer, seller, value, MARCH + i), { payer, value });
  }
  await world.bring(MARCH + 20);
  const [, neighbour = seller] = buyers;
  world.pay(seller, neighbour, 25n, MARCH + 30);
});

const record = (transaction: Digest): SaleRecord => ({
  transaction,
  route: "GET /premium",
  status: "delivered",
  payer: sold.get(transaction)?.payer as SaleRecord["payer"],
  amount: sold.get(transaction)?.value ?? 0n,
});

function recordsOf(find: SaleRecords["find"]): SaleRecords {
  return { origin: "https://shop.example", load: async () => succeed(undefined), find };
}

async function salesOf(source: ChainSource, records: SaleRecords): Promise<Sale[]> {
  const books = await readBooks(source);
  if (!books.ok) throw new Error(books.error.message);
  const all: Sale[] = [];
  const read = await eachSale(source, records, books.data, (sales) => all.push(...sales));
  expect(read.ok).toBe(true);
  return all;
}

const sum = (sales: readonly { value: bigint }[]) => sales.reduce((total, { value }) => total + value, 0n);

describe("the books of a seller", () => {
  test("add up to its balance, over a batch from each other shard", async () => {
    const books = await readBooks(world.source(world.seller));
    expect(books).toMatchObject({
      ok: true,
      data: {
        chain: { base: undefined, entries: 6 },
        statement: { opening: 0n, sale: { payments: 8, value: 360n }, purchase: { payments: 1, value: 25n }, closing: 335n },
      },
    });
  });

  test("itemise a batch by the merchant's record, as far as it fits the sum", async () => {
    const source = world.source(world.seller);
    const whole = await salesOf(source, recordsOf(record));
    const amounts = whole.filter(({ payments }) => payments === 1).map(({ value }) => Number(value));
    expect(amounts.toSorted((a, b) => a - b)).toEqual([10, 20, 30, 40, 50, 60, 70, 80]);
    expect(whole.filter(({ source: said }) => said === "merchant")).toHaveLength(6);

    const nothing = await salesOf(source, NO_RECORDS);
    expect(nothing.filter(({ source: said }) => said === "sum")).toHaveLength(3);
    expect([sum(nothing), sum(whole)]).toEqual([360n, 360n]);

    const [first] = sold.keys();
    const partly = await salesOf(
      source,
      recordsOf((transaction) => (transaction === first ? record(transaction) : undefined)),
    );
    expect(partly.find(({ transaction }) => transaction === first)).toMatchObject({ value: 10n, source: "merchant" });
    expect(sum(partly)).toBe(360n);
  });

  test("believe no record that contradicts the sum", async () => {
    const lies = recordsOf((transaction) => ({ ...record(transaction), amount: 1n }));
    const told = await salesOf(world.source(world.seller), lies);
    expect(told.filter(({ source }) => source === "sum")).toHaveLength(3);
    expect(sum(told)).toBe(360n);
  });

  test.each<[what: string, change: (source: ChainSource) => ChainSource, problem: string]>([
    ["a changed amount", (source) => changed(source, (entry) => ({ ...entry, value: "11" })), "does not continue"],
    ["a batch whose payments are others", (source) => changed(source, (entry) => ({ ...entry, transactions: [] })), "does not continue"],
    ["another balance", (source) => ({ ...source, head: { ...source.head, balance: "1" } }), "its head"],
    ["an end that is missing", (source) => ({ ...source, head: { ...source.head, seq: 9 } }), "it ends after entry 6"],
    ["another account's entries", (source) => ({ ...source, account: world.buyers[0] ?? source.account }), "does not continue"],
  ])("are refused with %s", async (_what, change, problem) => {
    const books = await readBooks(change(world.source(world.seller)));
    expect(books).toMatchObject({ ok: false, exit: 23, error: { code: "journal_differs" } });
    expect(!books.ok && books.error.message).toContain(problem);
  });
});

/** Changes the second entry, which is a batch. */
function changed(source: ChainSource, change: (entry: object) => object): ChainSource {
  return {
    ...source,
    async page(after) {
      const page = await source.page(after);
      if (!page.ok) return page;
      return succeed({
        ...page.data,
        entries: page.data.entries.map((entry) => (entry.kind === "batch" ? change(entry) : entry)) as never,
      });
    },
  };
}
