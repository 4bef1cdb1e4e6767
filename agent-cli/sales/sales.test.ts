/** A seller's books: read from a checked chain, itemised, and added up to the balance. */

import { beforeAll, describe, expect, test } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import { entryHash, type JournalEntry } from "../../shared/ledger/journal.ts";
import { treasuryOf } from "../../shared/ledger/shards.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
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
  day: MARCH,
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

  test("itemise a batch by the ledger's list, if it has the batch's payments and its sum", async () => {
    const source = world.source(world.seller);
    const listed = await salesOf(source, NO_RECORDS);
    expect(listed.map(({ transaction, counterparty, value }) => [transaction, { payer: counterparty, value }]).length).toBe(8);
    for (const { transaction = "", counterparty, value, source: said } of listed) {
      expect([{ payer: counterparty, value }, said]).toEqual([sold.get(transaction as Digest), "ledger"]);
    }
    const more = changed(source, (entry) => ({
      ...entry,
      credits: entry.credits?.map((credit) => ({ ...credit, value: "99" as Amount })),
    }));
    const others = changed(source, (entry) => ({ ...entry, credits: entry.credits?.toReversed() }));
    for (const lie of [more, others]) expect((await salesOf(lie, NO_RECORDS)).filter(({ source: said }) => said === "sum")).toHaveLength(3);
  });

  test("itemise what the ledger does not list by the merchant's record, as far as it fits the sum", async () => {
    const source = unlisted(world.source(world.seller));
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
    const told = await salesOf(unlisted(world.source(world.seller)), lies);
    expect(told.filter(({ source }) => source === "sum")).toHaveLength(3);
    expect(sum(told)).toBe(360n);
  });

  test("tell refunds, transfers, purchases and funding from sales, and follow the refunds of each sale [sales-causes]", async () => {
    const { seller, buyers, ledger } = world;
    const [far = seller] = buyers;
    const tx = (number: number) => number.toString(16).padStart(64, "0") as Digest;
    const source = chainOf(seller, ledger, [
      { kind: "credit", counterparty: treasuryOf(ledger), value: "5", transaction: tx(1) },
      { kind: "credit", counterparty: far, value: "100", transaction: tx(2) },
      { kind: "debit", counterparty: far, value: "30", transaction: tx(3), cause: "refund", refundOf: tx(2) },
      { kind: "debit", counterparty: far, value: "20", transaction: tx(4), cause: "refund", refundOf: tx(2) },
      { kind: "credit", counterparty: far, value: "7", transaction: tx(5), cause: "transfer" },
      { kind: "debit", counterparty: far, value: "11", transaction: tx(6), cause: "transfer" },
      { kind: "debit", counterparty: far, value: "13", transaction: tx(7) },
      { kind: "credit", counterparty: far, value: "3", transaction: tx(8), cause: "refund", refundOf: tx(7) },
    ]);
    const books = await readBooks(source);
    expect(books).toMatchObject({
      ok: true,
      data: {
        statement: {
          opening: 0n,
          funding: { payments: 1, value: 5n },
          sale: { payments: 1, value: 100n },
          refund: { payments: 2, value: 50n },
          transfer_in: { payments: 1, value: 7n },
          transfer_out: { payments: 1, value: 11n },
          purchase: { payments: 1, value: 13n },
          refund_received: { payments: 1, value: 3n },
          closing: 41n,
        },
      },
    });
    expect(await salesOf(source, NO_RECORDS)).toMatchObject([{ transaction: tx(2), value: 100n, refunded: 50n }]);
  });

  test.each<[what: string, change: (source: ChainSource) => ChainSource, problem: string]>([
    ["a changed amount", (source) => changed(source, (entry) => ({ ...entry, value: "11" })), "it does not have the hash of what it says"],
    [
      "a batch whose payments are others",
      (source) => changed(source, (entry) => ({ ...entry, transactions: [] })),
      "the transactions of its batch",
    ],
    ["another balance", (source) => ({ ...source, head: { ...source.head, balance: "1" } }), "its balance is not the one"],
    ["an end that is missing", (source) => ({ ...source, head: { ...source.head, seq: 9 } }), "the journal ends after entry 6"],
    ["another account's entries", (source) => ({ ...source, account: world.buyers[0] ?? source.account }), "it is of another account"],
  ])("are refused with %s", async (_what, change, problem) => {
    const books = await readBooks(change(world.source(world.seller)));
    expect(books).toMatchObject({ ok: false, exit: 23, error: { code: "journal_differs" } });
    expect(!books.ok && books.error.message).toContain(problem);
  });
});

/** Changes its batches. */
function changed(source: ChainSource, change: (entry: JournalEntry) => object): ChainSource {
  return {
    ...source,
    async page(after) {
      const page = await source.page(after);
      if (!page.ok) return page;
      const entries = page.data.entries.map((entry) => (entry.kind === "batch" ? (change(entry) as JournalEntry) : entry));
      return succeed({ ...page.data, entries });
    },
  };
}

/** As a ledger of 0.1 shows it. */
function unlisted(source: ChainSource): ChainSource {
  return changed(source, (entry) => ({ ...entry, credits: undefined }));
}

type Posting = Pick<JournalEntry, "kind" | "counterparty" | "value" | "transaction" | "cause" | "refundOf">;

/** The chain of these entries. */
function chainOf(account: AccountId, ledger: Digest, postings: readonly Posting[]): ChainSource {
  const entries: JournalEntry[] = [];
  for (const [i, posting] of postings.entries()) {
    const last = entries.at(-1);
    const balance = BigInt(last?.balanceAfter ?? "0") + BigInt(posting.value) * (posting.kind === "debit" ? -1n : 1n);
    const entry = { account, seq: String(i + 1), ...posting, balanceAfter: balance.toString(), at: "1", prevHash: last?.hash ?? ledger };
    entries.push({ ...entry, hash: entryHash(entry) });
  }
  const { hash = ledger, balanceAfter: balance = "0" } = entries.at(-1) ?? {};
  const page = async (after: number) => succeed({ entries: entries.slice(after) });
  return { account, ledger, head: { seq: entries.length, hash, balance }, page };
}
