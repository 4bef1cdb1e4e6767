/** Which of the things that a merchant signed goes into evidence. */

import { describe, expect, test } from "vitest";
import { keysFor, Shop, statement } from "../../test/evidence.ts";
import { NOW, offerOf, REQUEST } from "../../test/fixtures.ts";
import { offerPayload, type SignedJws } from "../extensions/offer-receipt.ts";
import { MAX_ACCEPTS } from "../limits.ts";
import { signedOfferOf, signedReceiptOf } from "./parts.ts";

const ASKED = new URL(REQUEST.url);
const KEYS = (await keysFor(await new Shop().buy())).merchants?.[ASKED.origin] ?? [];
const good = await statement(offerPayload(REQUEST.url, offerOf(), NOW + 900));
const forged = await statement(offerPayload(REQUEST.url, offerOf(), NOW + 900), "77".repeat(32));
const elsewhere = await statement(offerPayload("https://other.example/", offerOf(), NOW + 900));

const found = (offers: unknown[], keys = KEYS) => {
  const extensions = { "offer-receipt": { info: { offers } } };
  return signedOfferOf({ x402Version: 2, resource: { url: REQUEST.url }, accepts: [offerOf()], extensions }, offerOf(), ASKED, keys);
};

describe("a signed offer", () => {
  test("is the one that a known key signed, whatever stands before it", async () => {
    for (const offers of [[good], [forged, good], [{ format: "jws", signature: "x" }, 1, elsewhere, forged, good]]) {
      expect(await found(offers)).toEqual(good);
    }
  });

  test("is the first where no key is known", async () => {
    expect(await found([forged, good], [])).toEqual(forged);
  });

  test("is none where it is for another resource, in another host's name, or in a list without end", async () => {
    expect(
      await found([await statement(offerPayload(REQUEST.url, offerOf(), NOW + 900), undefined, "did:web:other.example#key")]),
    ).toBeUndefined();
    expect(await found([elsewhere])).toBeUndefined();
    expect(await found(Array<SignedJws>(MAX_ACCEPTS + 1).fill(good))).toBeUndefined();
  });
});

test.each(["x", "a.b", "a.b.", "a.b.c.d", "ä.b.c"])(
  "a signed receipt is none where it is %j: no file of evidence could have it",
  (signature) => {
    const extensions = { "offer-receipt": { info: { receipt: { format: "jws", signature } } } };
    expect(signedReceiptOf({ success: true, transaction: "", network: "", extensions })).toBeUndefined();
  },
);
