import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { change, leaves, testFields } from "../../test/fields.ts";
import { LEDGER, NOW, offerOf, owner, paymentRequest, REQUEST, requestBody, sessionRequest, stranger } from "../../test/fixtures.ts";
import {
  BAD_ACCOUNTS,
  BAD_AMOUNTS,
  BAD_METHODS,
  BAD_TIMEOUTS,
  BAD_TIMESTAMPS,
  BAD_URLS,
  badHex,
  badText,
  GOOD_AMOUNTS,
} from "../../test/spellings.ts";
import { type Digest, digest } from "../crypto/digest.ts";
import { MAX_NAME_LENGTH, MAX_OFFER_LENGTH, MAX_REASON_LENGTH, MAX_REQUEST_LIFE_SECONDS, MAX_VALIDITY_SECONDS } from "../limits.ts";
import { formatTimestamp } from "../time.ts";
import { bindingOf } from "./binding.ts";
import { checkPaymentRequest, type PaymentRequest, paymentRequestSchema, requestDigest, shortCode } from "./payment-request.ts";

const bodySha256 = "cd".repeat(32) as Digest;
const valid = await sessionRequest(undefined, undefined, { http: { ...REQUEST, bodySha256 } });

testFields({
  name: "a PaymentRequest",
  schema: paymentRequestSchema,
  valid,
  fields: [
    { path: "version", bad: ["", "0", "2", "1.0", "01"] },
    {
      path: "id",
      bad: ["", "pr_", "pr_short", "PR_0123456789abcdef", "pr_0123456789ABCDEF", `pr_${"a".repeat(41)}`, "pr_0123456789abcdef\n"],
    },
    { path: "createdAt", bad: BAD_TIMESTAMPS, good: ["1970-01-01T00:00:00Z", "2024-02-29T23:59:59Z"] },
    { path: "expiresAt", bad: BAD_TIMESTAMPS },
    { path: "agent", bad: [], type: "object" },
    { path: "agent.publicKey", bad: badHex(32) },
    { path: "agent.name", bad: badText(MAX_NAME_LENGTH), good: ["é", "😀".repeat(MAX_NAME_LENGTH)], optional: true },
    { path: "merchant", bad: [], type: "object" },
    { path: "merchant.name", bad: badText(MAX_NAME_LENGTH) },
    { path: "merchant.url", bad: BAD_URLS },
    { path: "http", bad: [], type: "object" },
    { path: "http.method", bad: BAD_METHODS, good: ["GET", "POST", "HEAD", "QUERY"] },
    { path: "http.url", bad: BAD_URLS, good: ["http://127.0.0.1:8787/", "https://xn--mrchant-bya.example.com/a%20b?q=%C3%A9"] },
    { path: "http.bodySha256", bad: badHex(32), optional: true },
    { path: "payment", bad: [], type: "object" },
    { path: "payment.scheme", bad: ["x".repeat(33)] },
    { path: "payment.network", bad: ["x".repeat(65)] },
    { path: "payment.asset", bad: ["x".repeat(65)] },
    { path: "payment.amount", bad: BAD_AMOUNTS, good: GOOD_AMOUNTS },
    { path: "payment.payTo", bad: BAD_ACCOUNTS },
    { path: "payment.maxTimeoutSeconds", bad: BAD_TIMEOUTS, good: ["1", "999999"] },
    { path: "payment.offer", bad: ["x".repeat(MAX_OFFER_LENGTH + 1)] },
    { path: "payment.session", bad: [], type: "object", optional: true },
    { path: "payment.session.deposit", bad: BAD_AMOUNTS, good: GOOD_AMOUNTS },
    { path: "payment.session.seconds", bad: ["", "0", "01", "1.0", "1e3", " 1", "1\n", "604801"], good: ["1", "604800"] },
    { path: "reason", bad: [...badText(MAX_REASON_LENGTH), "x".repeat(31)], good: ["x".repeat(32), "é".repeat(MAX_REASON_LENGTH)] },
    { path: "agentSignature", bad: badHex(64) },
  ],
  strict: ["", "agent", "merchant", "http", "payment", "payment.session"],
});

const codeOf = async (request: PaymentRequest, now = NOW) => {
  const result = await checkPaymentRequest(request, now);
  return result.ok ? result.scope : result.code;
};

describe("checkPaymentRequest", () => {
  test("accepts a request whose every part fits, and says what the offer is bound to", async () => {
    const request = await paymentRequest();
    expect(await checkPaymentRequest(request, NOW)).toEqual({
      ok: true,
      digest: requestDigest(request),
      offer: offerOf(),
      scope: "query+body",
    });
  });

  test.each([
    ["scheme", "upto"],
    ["network", "logos:other"],
    ["asset", "other"],
    ["amount", "9999"],
    ["payTo", stranger.account],
    ["maxTimeoutSeconds", "901"],
    ["offer", JSON.stringify(offerOf())], // not canonical: another order of keys
    ["offer", "{}"],
    ["offer", "not JSON"],
    ["offer", '{"a":1,"a":1}'],
  ])("refuses a %s that is not what the offer says", async (field, value) => {
    const { payment } = requestBody();
    expect(await codeOf(await paymentRequest(offerOf(), { payment: { ...payment, [field]: value } }))).toBe("offer_mismatch");
  });

  test.each([
    ["scheme", { scheme: "batch-settlement" }, "unsupported_scheme"],
    ["network", { network: "eip155:8453" }, "invalid_network"],
    ["asset", { asset: "USDC" }, "asset_mismatch"],
  ])("refuses an offer of another %s, which the owner's key must not sign for", async (_, changes, code) => {
    expect(await codeOf(await paymentRequest(offerOf(changes)))).toBe(code);
  });

  test.each([
    ["splits", [{ payTo: owner.account, amount: "1" }]],
    ["paymentFlow", "escrow"],
    ["assetTransferMethod", "transaction"],
    ["ledger", "not a ledger id"],
    ["ledger", { nested: "object" }],
    ["ledger", 7],
    ["ledger", ""],
  ])("refuses an offer whose extra.%s it cannot honour", async (key, value) => {
    const offer = offerOf();
    expect(await codeOf(await paymentRequest({ ...offer, extra: { ...offer.extra, [key]: value } }))).toBe("unsupported_extra");
  });

  test.each([
    ["another URL", { url: "https://merchant.example.com/other" }],
    ["another query", { url: "https://merchant.example.com/premium?for=another-reader" }],
    ["another method", { method: "POST" }],
  ])("refuses an offer that is bound to %s than the one shown", async (_, request) => {
    const offer = offerOf();
    const binding = bindingOf({ ...REQUEST, ...request }, offer);
    expect(await codeOf(await paymentRequest({ ...offer, extra: { binding } }))).toBe("binding_mismatch");
  });

  test.each([5, "", "zz", {}, "AB".repeat(32)])("refuses %j as a binding", async (binding) => {
    expect(await codeOf(await paymentRequest(offerOf({ extra: { binding, ledger: LEDGER } })))).toBe("binding_mismatch");
  });

  test("says when the merchant does not tie the payment to the request", async () => {
    for (const extra of [undefined, null, {}, { binding: null }]) {
      const { extra: _, ...rest } = offerOf();
      expect(await codeOf(await paymentRequest(extra === undefined ? rest : { ...rest, extra }))).toBe("none");
    }
  });

  test.each([
    "https://merchant.example.org/",
    "https://example.com/",
    "http://merchant.example.com/",
    "https://merchant.example.com:8443/",
    "https://merchant.example.com.evil.example/",
  ])("refuses %s as the merchant of https://merchant.example.com", async (url) => {
    expect(await codeOf(await paymentRequest(offerOf(), { merchant: { name: "Example Merchant", url } }))).toBe("origin_mismatch");
  });

  test("a request can be approved up to and including its last second", async () => {
    const request = await paymentRequest();
    expect(await codeOf(request, NOW + 3600)).toBe("query+body");
    expect(await codeOf(request, NOW + 3601)).toBe("request_expired");
  });

  test.each([
    ["that lives a second too long", NOW, NOW + MAX_REQUEST_LIFE_SECONDS + 1],
    ["from beyond the clocks' tolerance in the future", NOW + 31, NOW + 100],
    ["that ends when it begins", NOW, NOW],
    ["that ends before it begins", NOW + 20, NOW + 10],
  ])("refuses a request %s", async (_, created, expires) => {
    const times = { createdAt: formatTimestamp(created), expiresAt: formatTimestamp(expires) };
    expect(await codeOf(await paymentRequest(offerOf(), times))).toBe("request_too_long");
  });

  test("accepts the longest life, and the clocks' tolerance", async () => {
    const times = { createdAt: formatTimestamp(NOW + 30), expiresAt: formatTimestamp(NOW + 30 + MAX_REQUEST_LIFE_SECONDS) };
    expect(await codeOf(await paymentRequest(offerOf(), times))).toBe("query+body");
  });

  test("refuses an offer that would have to stay valid for longer than anything may", async () => {
    expect(await codeOf(await paymentRequest(offerOf({ maxTimeoutSeconds: MAX_VALIDITY_SECONDS })))).toBe("query+body");
    expect(await codeOf(await paymentRequest(offerOf({ maxTimeoutSeconds: MAX_VALIDITY_SECONDS + 1 })))).toBe("request_too_long");
  });

  test("the agent's signature covers every single field", async () => {
    const request = await paymentRequest();
    const changed: Record<string, string> = {
      id: "pr_0123456789abcdeg",
      createdAt: formatTimestamp(NOW - 1),
      expiresAt: formatTimestamp(NOW + 3599),
      "agent.publicKey": stranger.publicKey,
      "agent.name": "Another agent",
      "merchant.name": "Another merchant",
      "merchant.url": "https://merchant.example.com/about",
      reason: "The premium report answers question 4 of the brief.",
      agentSignature: (await paymentRequest(offerOf(), { id: "pr_ffffffffffffffff" })).agentSignature,
    };
    for (const [path, value] of Object.entries(changed)) expect(await codeOf(change(request, path, value)), path).toBe("invalid_signature");
    // What else is signed cannot even be changed that far: it must fit the offer.
    const others = leaves(request).filter((path) => !(path in changed) && path !== "version");
    for (const path of others)
      expect(await codeOf(change(request, path, "x")).catch(() => "refused by the schema"), path).not.toBe("query+body");
  });

  test("a signature by another key than the one named is refused", async () => {
    const body = requestBody();
    const agentSignature = await stranger.sign(requestDigest(body));
    expect(await codeOf({ ...body, agentSignature })).toBe("invalid_signature");
  });

  test("cheaper checks come first: a wrong offer is named before a wrong signature", async () => {
    const request = await paymentRequest();
    expect(await codeOf({ ...change(request, "payment.amount", "9999"), agentSignature: "00".repeat(64) })).toBe("offer_mismatch");
    expect(await codeOf({ ...request, agentSignature: "00".repeat(64) }, NOW + 3601)).toBe("request_expired");
  });
});

describe("the digest of a request", () => {
  test("is the same with and without the agent's signature", async () => {
    const request = await paymentRequest();
    const { agentSignature: _, ...body } = request;
    expect(requestDigest(request)).toBe(requestDigest(body));
    expect(requestDigest(body)).toBe(digest("PaymentRequest", body));
  });

  test("changes with every field", () => {
    const body = requestBody();
    for (const path of leaves(body)) expect(requestDigest(change(body, path, "x")), path).not.toBe(requestDigest(body));
  });
});

describe("the short code", () => {
  test("is the first 40 bits of the digest in Crockford's alphabet", () => {
    expect(shortCode("0".repeat(64) as Digest)).toBe("0000-0000");
    expect(shortCode("f".repeat(64) as Digest)).toBe("ZZZZ-ZZZZ");
    expect(shortCode(`00443214c74254b6${"0".repeat(48)}` as Digest)).toBe("0123-4567");
  });

  test("has no letter that can be taken for a digit, and depends on nothing after the 40th bit", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const hex = createHash("sha256").update(text).digest("hex");
        expect(shortCode(hex as Digest)).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
        expect(shortCode(`${hex.slice(0, 10)}${"0".repeat(54)}` as Digest)).toBe(shortCode(hex as Digest));
      }),
    );
  });
});
