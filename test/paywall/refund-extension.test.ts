/** The extension `refund` in a 402: promised where it can be kept, and taken by clients of every kind. */

import { decodePaymentRequiredHeader } from "@x402/core/http";
import { parsePaymentRequired } from "@x402/core/schemas";
import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { refundTermsOf } from "../../shared/extensions/refund-terms.ts";
import { declareRefunds, REFUND } from "../../shared/extensions/refund.ts";
import { refundTextOf } from "../../shared/screen/refund-terms.ts";
import { PAYMENT_REQUIRED } from "../../shared/x402/headers.ts";
import { paywall, type PaywallEnv, type PaywallOptions, type RefundRequestOptions } from "../../workers/merchant/paywall/index.ts";
import { listen, officialClient } from "../interop/official.ts";
import { createWorld, PRICE, termsOf, verdict } from "./world.ts";

const ENDPOINT = "https://shop.example/refunds";
const POLICY = "https://shop.example/policy";

/** @param names what the facilitator says that it can do */
async function shopWith(refunds: PaywallOptions["refundRequests"], names: string[] = [REFUND]) {
  const world = await createWorld();
  const { supported } = world.rpc;
  world.rpc.supported = async (traceId) => ({ ...(await supported(traceId)), extensions: names });
  const app = new Hono<PaywallEnv>();
  app.get("/item", paywall({ amount: PRICE, ...(refunds && { refundRequests: refunds }) }), (c) => c.text("goods"));
  return { world, app, shop: world.around(app) };
}

describe("the 402", () => {
  test("promises the ledger's 30 days at the seller's own address, and is encoded once [refund-extension]", async () => {
    const { shop } = await shopWith({ endpoint: ENDPOINT, policyUrl: POLICY });
    const [first, second] = [await shop.get("/item"), await shop.get("/item")];
    expect(parsePaymentRequired(decodePaymentRequiredHeader(first.headers.get(PAYMENT_REQUIRED) ?? ""))).toMatchObject({ success: true });
    expect(termsOf(first)?.extensions).toEqual({ [REFUND]: declareRefunds(ENDPOINT, POLICY) });
    expect(termsOf(first)?.extensions?.[REFUND]).toMatchObject({
      info: { refundEndpoint: ENDPOINT, windowSeconds: 2_592_000, partialRefunds: true, policyUrl: POLICY },
    });
    // Times and traces are no part of it: the second one is the cached header.
    expect(second.headers.get(PAYMENT_REQUIRED)).toBe(first.headers.get(PAYMENT_REQUIRED));
    const offers = termsOf(first)?.accepts ?? [];
    expect(offers.map((offer) => JSON.stringify(offer).length <= 1024)).toEqual([true]);
  });

  test.each<[string, PaywallOptions["refundRequests"], string[]]>([
    ["whose seller promises nothing", undefined, [REFUND]],
    ["whose facilitator gives nothing back", { endpoint: ENDPOINT }, ["bazaar"]],
  ])("of a shop %s says nothing of refunds [refund-extension-true]", async (_, refunds, names) => {
    expect(termsOf(await (await shopWith(refunds, names)).shop.get("/item"))?.extensions).toBeUndefined();
  });

  test.each<[string, RefundRequestOptions]>([
    ["plain http", { endpoint: "http://shop.example/refunds" }],
    ["no address", { endpoint: "refunds@shop.example" }],
    ["credentials", { endpoint: "https://me:secret@shop.example/" }],
    ["a bad policy", { endpoint: ENDPOINT, policyUrl: "/policy" }],
  ])("is not configured with %s", (_, refunds) => {
    expect(() => paywall({ amount: PRICE, refundRequests: refunds })).toThrow(
      "refundRequests.endpoint and .policyUrl must be https addresses",
    );
  });

  test("takes the extension from one option alone", () => {
    expect(() => paywall({ amount: PRICE, extensions: { [REFUND]: {} } })).toThrow("say what the extension refund says in refundRequests");
  });
});

describe("a payment", () => {
  test.each<[string, object | undefined, string]>([
    ["without an echo", undefined, "200"],
    ["with the whole echo", declareRefunds(ENDPOINT), "200"],
    ["that stretches the promise", { info: { ...declareRefunds(ENDPOINT).info, windowSeconds: 1 } }, "402 extension_echo_mismatch"],
  ])("%s: %s", async (_, echo, answer) => {
    const { shop } = await shopWith({ endpoint: ENDPOINT });
    const payment = await shop.approved("/item");
    expect(verdict(await shop.pay("/item", { ...payment, ...(echo && { extensions: { [REFUND]: echo } }) }))).toBe(answer);
  });

  test("of the official client, which echoes everything, is taken [interop-refund-extension]", async () => {
    const { world, app } = await shopWith({ endpoint: ENDPOINT, policyUrl: POLICY });
    const origin = await listen((request) => app.fetch(request, world.env));
    const { fetch, sent } = officialClient(world.people.owner);
    const answer = await fetch(`${origin}/item`);
    expect([answer.status, await answer.text()]).toEqual([200, "goods"]);
    expect(JSON.parse(Buffer.from(sent[0] ?? "", "base64").toString())).toMatchObject({
      extensions: { [REFUND]: { info: { refundEndpoint: ENDPOINT } } },
    });
  });
});

describe("a buyer reads", () => {
  const good = declareRefunds(ENDPOINT).info;
  const text = (changes: object) => refundTextOf({ [REFUND]: { info: { ...good, ...changes } } });

  test("whose word it is, and that nothing holds the seller to it [refund-terms-words]", () => {
    expect(text({})).toBe("the seller says that refunds are possible within 30 days, also in part; nothing holds it to that");
    expect(text({ windowSeconds: 3600, partialRefunds: false })).toContain("within 60 min, whole only");
    expect(text({ windowSeconds: 0 })).toBe("the seller says that it gives nothing back");
    expect(refundTermsOf({ [REFUND]: { info: { ...good, more: 1 }, schema: {} } })).toEqual(good);
  });

  test.each<[string, object]>([
    ["a window in words", { windowSeconds: "30 days" }],
    ["a negative window", { windowSeconds: -1 }],
    ["half a second", { windowSeconds: 0.5 }],
    ["perhaps parts", { partialRefunds: "yes" }],
    ["an address of another kind", { refundEndpoint: "javascript:alert(1)" }],
    ["an address without TLS", { refundEndpoint: "http://shop.example/" }],
    ["a policy of another kind", { policyUrl: "ftp://shop.example/" }],
    ["no address", { refundEndpoint: undefined }],
  ])("nothing of %s", (_, changes) => expect(text(changes)).toBeUndefined());

  test("nothing where there is nothing", () => {
    for (const extensions of [undefined, null, {}, { [REFUND]: null }, { [REFUND]: good }])
      expect(refundTermsOf(extensions)).toBeUndefined();
  });
});
