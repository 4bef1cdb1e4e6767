/** Names under a did:web, as a client and a reader of evidence both meet them. */

import { expect, test } from "vitest";
import { nameUnder } from "./did-web.ts";

test.each<[string, string, object | undefined]>([
  ["shop.example", "did:web:shop.example#key", { fragment: "key" }],
  ["shop.example", "did:web:Shop.EXAMPLE#key", { fragment: "key" }],
  ["shop.example", "#key", { fragment: "key" }],
  ["shop.example", "did:web:shop.example", {}],
  ["127.0.0.1:8787", "did:web:127.0.0.1%3a8787#key", { fragment: "key" }],
  ["shop.example", "did:web:evil.example#key", undefined],
  ["shop.example", "did:web:shop.example:path#key", undefined],
  ["shop.example", "did:web:shop.example#key#key", undefined],
  ["shop.example", "did:key:shop.example#key", undefined],
  ["shop.example", "did:web:%E0%A4%A#key", undefined],
  ["shop.example", "", undefined],
  ["shop.example", "#", undefined],
])("under %s: %s", (host, didUrl, name) => {
  expect(nameUnder(host, didUrl)).toEqual(name);
});
