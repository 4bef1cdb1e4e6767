/** The explorer's link. */

import { expect, test } from "vitest";
import { LEDGER, owner, stranger } from "../../test/fixtures.ts";
import { EXPLORER_ACCESS_SECONDS } from "../limits.ts";
import { grantAccess } from "../protocol/books-access.ts";
import { explorerLink, readOpening } from "./link.ts";

const ORIGIN = "https://pay.example.com";

test("is read as it was written, with all that it opens in the fragment [explorer-link]", async () => {
  const signed = await grantAccess(owner, LEDGER, stranger.publicKey, 1_760_000_000, EXPLORER_ACCESS_SECONDS);
  expect(Number(signed.access.validBefore) - Number(signed.access.issuedAt)).toBe(3600);
  const opening = { account: owner.account, transaction: LEDGER, books: { signed, readerKey: "5a".repeat(32) } };
  for (const each of [opening, { account: owner.account }]) {
    const link = new URL(explorerLink(ORIGIN, each));
    expect([link.origin, link.pathname, link.search]).toEqual([ORIGIN, "/explorer/", ""]);
    expect(readOpening(link.hash)).toEqual(each);
    expect(readOpening(link.hash.slice(0, -3))).toBeUndefined();
  }
  const other = new URL(explorerLink(ORIGIN, { ...opening, account: stranger.account }));
  expect(readOpening(other.hash)).toBeUndefined();
  for (const hash of ["", "#", "#/", "#open=", "#open=e30", `#open=${"a".repeat(100_000)}`]) expect(readOpening(hash)).toBeUndefined();
});
