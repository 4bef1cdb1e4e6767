/** The payer's entry is found in an account journal of any length, in few pages, and no other entry is taken along. */

import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import { ASSET, NETWORK } from "../../shared/lez.ts";
import { JOURNAL_PAGE } from "../../shared/limits.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { type Authorization, authorizationDigest, transactionOf } from "../../shared/protocol/authorization.ts";
import { keySigner } from "../../shared/protocol/signer.ts";
import { Shop } from "../../test/evidence.ts";
import { offerOf } from "../../test/fixtures.ts";
import { contextFor } from "../runtime/context.ts";
import { MAX_JOURNAL_PAGES } from "../runtime/limits.ts";
import { lackOf, ledgerEvidence } from "./ledger-evidence.ts";

const START = 1_760_000_000;
const [payer, payee] = await Promise.all([1, 2].map((seed) => keySigner(new Uint8Array(32).fill(seed))));
const idOf = (number: number) => number.toString(16).padStart(64, "0") as Digest;

/** A chain of `entries` entries, ten in a second; the payment is number `payment`. The clock of the first `fast` was a day ahead. */
const book = { entries: 0, payment: 0, pruned: 0, fast: 0, asked: [] as string[], presented: undefined as object | undefined };

const authorization: Authorization = {
  network: NETWORK,
  asset: ASSET,
  from: payer?.account as Authorization["from"],
  to: payee?.account as Authorization["to"],
  value: "10000" as Amount,
  validAfter: String(START),
  validBefore: String(START + 900),
  nonce: idOf(7),
};
const payment = { authorization, publicKey: payer?.publicKey ?? "", signature: "00".repeat(64) };
const transaction = transactionOf(NETWORK, authorizationDigest(authorization));

const entry = (seq: number) => ({
  account: authorization.from,
  seq: String(seq),
  kind: seq === book.payment ? "debit" : "batch",
  value: "1",
  balanceAfter: "1",
  ...(seq === book.payment ? { transaction } : { transactions: [idOf(seq)] }),
  at: String(START + 5 + Math.floor((seq - book.payment) / 10) + (seq <= book.fast ? 24 * 3600 : 0)),
  prevHash: idOf(seq),
  hash: idOf(seq + 1),
});

const server = http.createServer((request, response) => {
  const url = new URL(request.url ?? "", "http://127.0.0.1");
  book.asked.push(url.pathname.replace(/^.*\//, ""));
  const say = (body: object, status = 200) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  if (url.pathname.endsWith("/journal")) {
    const first = Math.max(Number(url.searchParams.get("after")), book.pruned) + 1;
    const length = Math.max(0, Math.min(JOURNAL_PAGE, book.entries - first + 1));
    say({ entries: Array.from({ length }, (_, i) => entry(first + i)) });
  } else if (url.pathname.endsWith("/checkpoint")) {
    const seq = url.searchParams.get("seq");
    const checkpoint = { ledger: idOf(1), account: authorization.from, seq, head: idOf(2), balance: "1", at: "1" };
    say({ checkpoint, publicKey: idOf(3), signature: idOf(4) + idOf(5) });
  } else if (request.method === "POST") say(book.presented ?? { error: "not_found" }, book.presented ? 200 : 404); // 0.1 has no such call
  else say({ journalSeq: book.entries });
});
let url = "";
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());
beforeEach(() => Object.assign(book, { entries: 0, payment: 0, pruned: 0, fast: 0, asked: [], presented: undefined }));

const silent = () => Object.assign(new PassThrough(), { isTTY: false });
const context = contextFor(
  { stdin: silent(), stdout: silent(), stderr: silent(), env: { LEZ_FACILITATOR_URL: url }, signal: new AbortController().signal },
  [],
  true,
);
const find = () => ledgerEvidence(context, { facilitatorUrl: url, allowHttp: false }, payment);
const pages = () => book.asked.filter((path) => path === "journal").length;

test("is shown for the payment, in one call [evidence-presented]", async () => {
  const signed = { publicKey: idOf(3), signature: idOf(4) + idOf(5) };
  const checkpoint = { ledger: idOf(1), account: authorization.from, seq: "7", head: idOf(2), balance: "1", at: "1" };
  book.payment = 7;
  book.presented = { ledger: idOf(1), entry: entry(7), checkpoint, ...signed };
  expect(await find()).toMatchObject({ ok: true, data: { part: { entries: [{ seq: "7" }], checkpoint: { checkpoint, ...signed } } } });
  book.presented = { ledger: idOf(1), entry: entry(7) };
  expect(await find()).toMatchObject({ data: { why: "the ledger signs no checkpoints" } });
  book.presented = { ledger: idOf(1) };
  expect(await find()).toMatchObject({ data: { why: expect.stringContaining("no such payment"), none: true } });
  book.presented = { ledger: idOf(1), charged: "0" };
  expect(await find()).toMatchObject({ data: { why: expect.stringContaining("nothing was charged"), none: true } });
  expect(book.asked).toEqual(["entry", "entry", "entry", "entry"]);
});

test("is lacking, unless the merchant signed that nothing was charged and the ledger has no debit", async () => {
  const offer = offerOf({ scheme: "upto" });
  const [free, part] = [
    await new Shop().buy({}, 0, undefined, { offer, amount: "0" }),
    await new Shop().buy({}, 0, undefined, { offer, amount: "7" as Amount }),
  ];
  const none = { why: "none", none: true } as const;
  expect(lackOf(none, free)).toBeUndefined();
  expect(lackOf(none, part)).toBe("none");
  expect(lackOf(none, { payment: free.payment })).toBe("none");
  expect(lackOf({ why: "unsigned" }, free)).toBe("unsigned");
});

test.each([
  [1, 1],
  [500, 500],
  [501, 501],
  [501, 1],
  [100_000, 1],
  [100_000, 61_234],
  [100_000, 100_000],
])("of %i entries, the payment is number %i", async (entries, payment) => {
  Object.assign(book, { entries, payment });
  expect(await find()).toMatchObject({
    ok: true,
    data: { part: { entries: [{ seq: String(payment), transaction }], checkpoint: { checkpoint: { seq: String(payment) } } } },
  });
  expect(pages()).toBeLessThan(14);
});

test.each([
  [5000, 1000, 900],
  [5000, 900, 900],
  [40_000, 39_999, 20_000],
])("of %i entries, the payment is number %i, and the clock was set back after number %i", async (entries, payment, fast) => {
  Object.assign(book, { entries, payment, fast });
  expect(await find()).toMatchObject({ data: { part: { entries: [{ seq: String(payment), transaction }] } } });
});

test("a pruned entry is not found, and one after it is", async () => {
  Object.assign(book, { entries: 5000, payment: 4000, pruned: 3999 });
  expect(await find()).toMatchObject({ data: { part: { entries: [{ seq: "4000" }] } } });
  Object.assign(book, { pruned: 4000 });
  expect(await find()).toMatchObject({ ok: true, data: { why: expect.stringContaining("no such payment") } });
});

test("an account without entries, and one without this payment, have nothing to show", async () => {
  expect(await find()).toMatchObject({ ok: true, data: { why: expect.any(String) } });
  Object.assign(book, { entries: 2000, payment: -1 });
  expect(await find()).toMatchObject({ ok: true, data: { why: expect.any(String) } });
});

test("an endless journal is not read to the end", async () => {
  Object.assign(book, { entries: 10 ** 9, payment: 10 ** 9 + 1 });
  const told = await find();
  expect(told).toMatchObject({ ok: true });
  expect(pages()).toBeLessThan(MAX_JOURNAL_PAGES + 40);
});
