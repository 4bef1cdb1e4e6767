import { expect, test } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import { lezAccountOfBytes } from "../../shared/zone/account.ts";
import { type GivenNonce, type NonceBook, withGiven } from "../records/lez-nonces.ts";
import { chooseNonce, type NonceQuestion } from "./choose-nonce.ts";

const NOW = 1_790_000_000;
const digest = (digit: string) => digit.repeat(64) as Digest;
const account = lezAccountOfBytes(new Uint8Array(32).fill(1));
const [A, B] = [digest("a"), digest("b")];

const GIVEN: GivenNonce = {
  genesis: digest("6"),
  account,
  nonce: "7",
  requestDigest: A,
  messageHash: digest("d"),
  at: "2026-09-21T14:13:20Z",
  validBefore: String(NOW + 900),
};
const bookOf = (...given: Partial<GivenNonce>[]): NonceBook => ({
  accounts: [{ account, genesis: GIVEN.genesis, since: GIVEN.at }],
  given: given.map((one) => ({ ...GIVEN, ...one })),
});
const question: NonceQuestion = { genesis: GIVEN.genesis, account, next: 7n, requestDigest: B, now: NOW, isRefused: () => false };
const choose = (book: NonceBook, changed: Partial<NonceQuestion> = {}) => chooseNonce(book, { ...question, ...changed });

test("the account's next nonce, of an account that has given none", () => {
  expect(choose({ accounts: [], given: [] })).toEqual({ kind: "chosen", nonce: 7n, reused: undefined });
});

test("a nonce that another request has is not given out again [nonce-once]", () => {
  expect(choose(bookOf({}))).toMatchObject({ kind: "busy", by: { requestDigest: A } });
});

test("the same request gets the same nonce again", () => {
  expect(choose(bookOf({}), { requestDigest: A })).toEqual({ kind: "chosen", nonce: 7n, reused: undefined });
});

test("a request that was declined, taken back or has expired leaves its nonce to the next one, and is named [nonce-reused]", () => {
  const chosen = { kind: "chosen", nonce: 7n, reused: { requestDigest: A } };
  expect(choose(bookOf({}), { isRefused: (request) => request === A })).toMatchObject(chosen);
  expect(choose(bookOf({ validBefore: String(NOW - 1) }))).toMatchObject(chosen);
  expect(choose(bookOf({ validBefore: String(NOW) }))).toMatchObject({ kind: "busy" });
});

test("of two requests that had it, one that may still be paid keeps it", () => {
  expect(choose(bookOf({ validBefore: "1" }, { requestDigest: digest("c") }))).toMatchObject({
    kind: "busy",
    by: { requestDigest: digest("c") },
  });
});

test("what is used is no obstacle, and what a reorganisation has brought back is one", () => {
  expect(choose(bookOf({}), { next: 8n })).toEqual({ kind: "chosen", nonce: 8n, reused: undefined });
  expect(choose(bookOf({ usedAt: { id: "9", hash: digest("9") } }), { next: 7n })).toMatchObject({ kind: "busy" });
});

test("a key that has signed on another chain signs on no other [nonce-foreign]", () => {
  expect(choose(bookOf(), { genesis: digest("5") })).toEqual({ kind: "foreign", genesis: GIVEN.genesis });
});

test("accounts and chains have books of their own", () => {
  const other = lezAccountOfBytes(new Uint8Array(32).fill(2));
  expect(choose(bookOf({}), { account: other })).toMatchObject({ kind: "chosen" });
});

test("a use is written down where it was first seen, and forgotten once that block is final [nonce-forgotten]", () => {
  const [seen, later] = [
    { id: 9n, hash: digest("9") },
    { id: 12n, hash: digest("c") },
  ];
  const next = { ...GIVEN, nonce: "8", requestDigest: B };
  const noted = withGiven(bookOf({}), next, seen, () => false);
  expect(noted.given).toEqual([{ ...GIVEN, usedAt: { id: "9", hash: seen.hash } }, next]);
  const again = withGiven(noted, { ...next, nonce: "9", requestDigest: digest("c") }, later, ({ usedAt }) => usedAt?.id === "9");
  expect(again.given.map(({ nonce }) => nonce)).toEqual(["8", "9"]);
  expect(again.accounts).toHaveLength(1);
});

test("a use that a reorganisation has undone is no use any more", () => {
  const used = bookOf({ nonce: "7", usedAt: { id: "9", hash: digest("9") } });
  const after = withGiven(used, { ...GIVEN, requestDigest: B }, { id: 8n, hash: digest("8") }, () => true);
  expect(after.given).toEqual([GIVEN, { ...GIVEN, requestDigest: B }]);
});
