/** The seller's page beside the ledger: what it calls checked, each way in which books and register can differ, and why it checks nothing. */

import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { HELD_ACCESS_FORMAT } from "../../shared/books/held-access.ts";
import { DEMO_MERCHANT_ACCOUNT as DEMO, DEMO_MERCHANT_SECRET_KEY } from "../../shared/demo.ts";
import type { JournalEntry } from "../../shared/ledger/journal.ts";
import { JOURNAL_PAGE, MAX_SELLER_PAGE_CALLS } from "../../shared/limits.ts";
import { grantAccess, verifyRead } from "../../shared/protocol/books-access.ts";
import { keySigner, type WalletSigner } from "../../shared/protocol/signer.ts";
import type { PaywallEnv } from "../../workers/merchant/paywall/index.ts";
import { sellerPage } from "../../workers/merchant/paywall/seller-page.ts";
import { LEDGER, owner } from "../fixtures.ts";
import { batch, booksOf, chainOf, credit, type Posting, refundOf } from "./seller-books.ts";
import { dayBefore, LAST_DAY, registerWith, sale, type Sales, SELLER_KEY } from "./seller-register.ts";

const FITS = "The shop's records of these days fit the ledger, payment by payment.";
const UNCHECKED = "Nothing here is checked against the ledger:";
const NOON = LAST_DAY + 12 * 3600;

let log: MockInstance<typeof console.log>;
beforeEach(() => {
  log = vi.spyOn(console, "log").mockImplementation(() => {});
  vi.useFakeTimers({ toFake: ["Date"], now: (NOON + 3600) * 1000 });
});
afterEach(() => {
  log.mockRestore();
  vi.useRealTimers();
});

async function pageOf(sales: Sales, env: object, query = "?to=2026-01-31&days=2"): Promise<string> {
  const app = new Hono<PaywallEnv>();
  app.route("/", sellerPage());
  const bindings = { PAY_TO: DEMO, SELLER_KEY, DELIVERIES: registerWith(sales, DEMO).DELIVERIES, ...env };
  const answer = await app.request(`https://shop.example/${query}`, { headers: { Authorization: `Bearer ${SELLER_KEY}` } }, bindings);
  expect(answer.status).toBe(200);
  return (await answer.text())
    .replace(/<style>[^]*<\/style>/, "")
    .replace(/<[^>]*>/g, " ")
    .replaceAll("&#39;", "'")
    .replace(/\s+/g, " ");
}

const [one, two, three, four] = [sale(), sale({ amount: "7" }), sale({ amount: "5" }), sale({ amount: "3" })];
const DAY: Sales = new Map([[LAST_DAY, [one, two, three, four]]]);
/** An old entry, so that the days are covered, and the day's sales. */
const OPENING: Posting = { kind: "genesis", value: "100", at: String(dayBefore(9)) };
const postings = [OPENING, credit(one, NOON), batch([two, three], NOON + 1), batch([four], NOON + 2)];
const entries = chainOf(postings);

test("records that fit the journal are called checked, with the ledger's key and what both have [seller-page-checked]", async () => {
  const { FACILITATOR, calls } = booksOf(entries);
  const text = await pageOf(DAY, { FACILITATOR });
  expect(text).toContain(FITS);
  expect(text).toContain("Entries 1 to 4 of the account's journal were computed again");
  expect(text).toMatch(/signed the last one, with the key [0-9a-f]{64} /);
  expect(text).toContain("Sales that both have 1.000000015 LGO in 4");
  expect(text).toContain("Payments received 1.000000015 LGO in 4");
  expect(text).toContain("Balance now 1.000000115 LGO");
  expect(text).not.toContain(UNCHECKED);
  expect(calls.filter((path) => path.includes("/journal"))).toHaveLength(1);
});

test("a sum whose payments the ledger does not list fits if the records add up to it", async () => {
  const unlisted = (sales: (typeof two)[]) =>
    booksOf(chainOf([OPENING, credit(one, NOON), batch(sales, NOON, false), batch([four], NOON)]));
  expect(await pageOf(DAY, unlisted([two, three]))).toContain(FITS);
  const text = await pageOf(DAY, unlisted([two, { ...three, amount: "6" }]));
  expect(text).toContain("Several payments with another sum: entry 3 0.000000012 LGO 0.000000013 LGO");
  expect(text).toContain("Sales that both have 1.000000003 LGO in 2");
});

describe("what does not fit is named, payment by payment [seller-page-differences]", () => {
  const extra = sale({ amount: "11" });
  const back = sale({ amount: "13", status: "owed", refund: { state: "made" } });
  const day = (...sales: (typeof one)[]): Sales => new Map([[LAST_DAY, sales]]);
  test.each<[string, Sales, Posting[], string]>([
    ["a sale that the journal has not", day(one, extra), [credit(one, NOON)], `Recorded as paid. The journal does not have it`],
    ["another amount", day({ ...one, amount: "12" }), [credit(one, NOON)], "Another amount: entry 2 0.000000012 LGO 1 LGO"],
    [
      "another amount in a batch",
      day({ ...two, amount: "6" }, three),
      [batch([two, three], NOON)],
      "Another amount: entry 2 0.000000006 LGO",
    ],
    ["a payment that is not recorded", day(one), [credit(one, NOON), credit(extra, NOON)], "or not yet: entry 3 nothing 0.000000011 LGO"],
    ["a refund that is not there", day(back), [credit(back, NOON)], "The journal has no refund of it 0.000000013 LGO no refund"],
  ])("%s", async (_, sales, postings, names) => {
    const text = await pageOf(sales, booksOf(chainOf([OPENING, ...postings])));
    expect(text).toContain("One payment does not fit the ledger.");
    expect(text).toContain(names);
    expect(text).not.toContain(FITS);
  });

  test("and what fits is none of it: nothing charged, a refund that is there, a transfer", async () => {
    const nothing = sale({ amount: "0" });
    const transfer: Posting = { ...credit(sale({ amount: "17" }), NOON), cause: "transfer" };
    const text = await pageOf(day(nothing, back), booksOf(chainOf([OPENING, credit(back, NOON), refundOf(back, NOON), transfer])));
    expect(text).toContain(FITS);
    expect(text).toContain("Given back 0.000000013 LGO in 1");
    expect(text).toContain("Other money in 0.000000017 LGO in 1");
  });
});

test("a payment whose outcome the shop did not know is owed if the journal has it, and else an open hold [seller-page-holds]", async () => {
  const [paid, held] = [sale({ amount: "7", status: "pending" }), sale({ amount: "5", status: "pending" })];
  const sales: Sales = new Map([[LAST_DAY, [paid, held]]]);
  const text = await pageOf(sales, booksOf(chainOf([OPENING, credit(paid, NOON)])));
  expect(text).toContain(FITS);
  expect(text).toContain("Sold 0.000000007 LGO Sales 1 Paid, not delivered 1 Open holds 1 ");
  expect(text).toContain("Open: the journal does not have it.");
  expect(await pageOf(sales, {})).toContain("Sold 0 LGO Sales 0 Paid, not delivered 0 Not known to be paid 2 ");
});

test("a payment around midnight is looked for in the register of the day before and after, and counted in neither [seller-page-midnight]", async () => {
  const [before, after] = [sale({ amount: "7" }), sale({ amount: "5" })];
  const [FIRST_SECOND, LAST_SECOND] = [dayBefore(1), LAST_DAY - 1];
  const sales: Sales = new Map([
    [dayBefore(2), [before]],
    [LAST_DAY, [after]],
  ]);
  const books = booksOf(chainOf([OPENING, credit(before, FIRST_SECOND + 60), credit(after, LAST_SECOND)]));
  const text = await pageOf(sales, books, "?to=2026-01-30&days=1");
  expect(text).toContain(FITS);
  expect(text).toContain("Sales 0 ");
  const unknown = await pageOf(new Map(), books, "?to=2026-01-30&days=1");
  expect(unknown).toContain("2 payments do not fit the ledger.");
});

describe("books that do not add up are checked for nothing, in the first words of the page [seller-page-lie]", () => {
  const flip = (text: unknown) => String(text).replace(/.$/, (end) => (end === "1" ? "2" : "1"));
  const onEntry = (seq: string, change: (entry: JournalEntry) => object) => (path: string, body: Record<string, unknown>) =>
    path.includes("/journal")
      ? { ...body, entries: (body["entries"] as JournalEntry[]).map((e) => (e.seq === seq ? change(e) : e)) }
      : body;
  test.each<[string, (path: string, body: Record<string, unknown>) => object, string]>([
    ["a flipped bit", onEntry("2", (entry) => ({ ...entry, at: flip(entry.at) })), "entry 2: it does not have the hash"],
    ["another balance", (path, body) => (path.endsWith(DEMO) ? { ...body, balance: "1" } : body), "entry 4: its balance is not the one"],
    ["a forged signature", (_, body) => (body["signature"] ? { ...body, signature: flip(body["signature"]) } : body), "its last entry"],
  ])("%s", async (_, change, names) => {
    const text = await pageOf(DAY, booksOf(entries, { change }));
    expect(text).toContain("The ledger's books of this account do not add up.");
    expect(text).toContain(names);
    expect(text).toContain("Nothing below is checked.");
    expect(text).toContain("Not known to be paid");
    expect(text).not.toMatch(/Sales that both have|fit the ledger/);
  });

  test("a ledger that signs nothing is told apart", async () => {
    const text = await pageOf(DAY, booksOf(entries, { signs: false }));
    expect(text).toContain("This ledger signs nothing");
  });
});

describe("nothing is called checked, and the page says why [seller-page-unchecked-why]", () => {
  test.each<[string, object, string]>([
    ["without a facilitator", {}, "this Worker reaches no facilitator"],
    ["with closed books", booksOf(entries, { status: (path) => (path === "/health" ? undefined : 401) }), "closed to this page"],
    ["with one that is away", booksOf(entries, { status: () => 503 }), "does not answer"],
    ["with one that breaks off", { FACILITATOR: { fetch: () => Promise.reject(new Error("gone")) } }, "does not answer"],
    ["with another kind of facilitator", booksOf(entries, { status: () => 404 }), "keeps no books that this page can read"],
    [
      "without its signature, which it names a key for",
      booksOf(entries, { status: (p) => (p.includes("checkp") ? 429 : undefined) }),
      "does not answer",
    ],
  ])("%s", async (_, env, why) => {
    const text = await pageOf(DAY, env);
    expect(text).toContain(UNCHECKED);
    expect(text).toContain(why);
    expect(text).not.toMatch(/Sales that both have|Open holds/);
  });
});

describe("a journal of many entries", () => {
  const old = (count: number) =>
    Array.from({ length: count }, (_, i): Posting => ({
      ...OPENING,
      kind: "credit",
      value: "1",
      at: String(dayBefore(40) + i),
      transaction: sale().transaction,
    }));
  const long = chainOf([...old(3 * JOURNAL_PAGE), ...postings.slice(1)]);

  test("is read from an entry that is older than the days, and up to its signed head [seller-page-window]", async () => {
    const { FACILITATOR, calls } = booksOf(long);
    const text = await pageOf(DAY, { FACILITATOR });
    expect(text).toContain(FITS);
    const first = long.length - JOURNAL_PAGE + 1;
    expect(text).toContain(`Entries ${first + 1} to ${long.length} of the account's journal`);
    expect(calls.filter((path) => path.includes("/journal"))).toHaveLength(2);
    const forged = booksOf(long, {
      change: (path, body) => {
        const [head, ...rest] = (body["entries"] ?? []) as JournalEntry[];
        return path.includes("/journal") && head ? { ...body, entries: [{ ...head, at: "1" }, ...rest] } : body;
      },
    });
    expect(await pageOf(DAY, forged)).toContain(`entry ${first}: it does not have the hash`);
  });

  test("is not checked beyond the calls of one view [seller-page-calls]", async () => {
    const { FACILITATOR, calls } = booksOf(long.slice(0, 60), { size: 1 });
    const text = await pageOf(DAY, { FACILITATOR });
    expect(text).toContain("longer than one view reads");
    expect(calls.length).toBe(MAX_SELLER_PAGE_CALLS - 4); // two days of the register, and the two around them
  });

  test("is checked as far as it is kept: pruned days are not [seller-page-pruned]", async () => {
    expect(await pageOf(DAY, booksOf(long, { pruned: 3 * JOURNAL_PAGE }))).toContain(FITS);
    const text = await pageOf(DAY, booksOf(long, { pruned: 3 * JOURNAL_PAGE }), "?to=2026-01-01&days=2");
    expect(text).toContain("pruned the journal of these days");
    expect(text).toContain(UNCHECKED);
  });
});

describe("where books are keyed, the secret SELLER_ACCESS", () => {
  const READER_KEY = "5a".repeat(32);
  const secret = async (account: WalletSigner, changes: object = {}, issuedAt = NOON) => {
    const reader = await keySigner(new Uint8Array(32).fill(0x5a));
    const signed = await grantAccess(account, LEDGER, reader.publicKey, issuedAt);
    const content = { format: HELD_ACCESS_FORMAT, facilitator: "https://pay.example", account: account.account, ...signed };
    return JSON.stringify({ ...content, readerKey: READER_KEY, ...changes });
  };
  const seller = keySigner(DEMO_MERCHANT_SECRET_KEY);
  const keyed = (status = 401) => booksOf(entries, { status: (path, sent) => (path !== "/health" && !sent ? status : undefined) });

  test("reads them with its own key, each call signed, and the page says until when [seller-page-access]", async () => {
    const sent: [path: string, header: string | null][] = [];
    const books = booksOf(entries, { status: (path, header) => void sent.push([path, header]) });
    const text = await pageOf(DAY, { ...books, SELLER_ACCESS: await secret(await seller) });
    expect(text).toContain(FITS);
    expect(text).toContain("This page may read the journal until 2026-03-02T12:00:00Z.");
    const [[health, none] = [], ...reads] = sent;
    expect([health, none, reads.length]).toEqual(["/health", null, 3]);
    for (const [path, header] of reads)
      expect(await verifyRead(header ?? "", { method: "GET", path, account: DEMO, now: NOON + 3600 })).toMatchObject({ ok: true });
  });

  test.each<[string, () => Promise<string>, string]>([
    ["no JSON", async () => "no", "cannot be used"],
    ["another account's", async () => secret(owner), "it is of the account"],
    ["another key", async () => secret(await seller, { readerKey: "6b".repeat(32) }), "its key is not the one that may read"],
    ["31 days ago", async () => secret(await seller, {}, NOON - 31 * 86_400), "this page's access has ended, at 2026-01-30T12:00:00Z"],
  ])("of %s is not used, and no call is made", async (_, text, why) => {
    const { FACILITATOR, calls } = keyed();
    const page = await pageOf(DAY, { FACILITATOR, SELLER_ACCESS: await text() });
    expect(page).toContain(why);
    expect(page).toContain("books grant --new-key");
    expect(calls).toEqual([]);
  });

  test("of another ledger, or one that the account revoked, shows nothing", async () => {
    const SELLER_ACCESS = await secret(await seller);
    const other = booksOf(entries, { change: (path, body) => (path === "/health" ? { ...body, ledger: "2f".repeat(32) } : body) });
    expect(await pageOf(DAY, { ...other, SELLER_ACCESS })).toContain("for another ledger");
    expect(other.calls).toEqual(["/health"]);
    const revoked = booksOf(entries, { status: (path) => (path === "/health" ? undefined : 401) });
    expect(await pageOf(DAY, { ...revoked, SELLER_ACCESS })).toContain("it may have been revoked");
  });
});
