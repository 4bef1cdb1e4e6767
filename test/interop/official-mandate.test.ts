/** `@x402/fetch` over our `mandateFetch` pays within a mandate. The rows of spec/interop.md name these tests. */

import { readFileSync } from "node:fs";
import { decodePaymentRequiredHeader } from "@x402/core/http";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { expect, test } from "vitest";
import { type Buyer, REASON } from "../../agent-cli/demo/buyer.ts";
import { bytesToHex } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { mandateFetch } from "../../shared/exact/client/index.ts";
import { ASSET, NETWORK, SCHEME } from "../../shared/lez.ts";
import { type Mandate, mandateDigest } from "../../shared/protocol/mandate.ts";
import { generateSecretKey, keySigner } from "../../shared/protocol/signer.ts";
import { encodeHeader, PAYMENT_REQUIRED, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import { newMandate } from "../signed.ts";
import { receiptOf, useStack } from "../stack/stack.ts";
import { buy } from "./documented-buyer.ts";
import { listen, officialMerchant, PRICE } from "./official.ts";

const world = useStack();
const openShop = () => officialMerchant(new HTTPFacilitatorClient({ url: world.stack.facilitator }));

/** 10000 for one payment and 20000 in all, at these origins. */
function grant({ people: { owner, agent } }: Buyer, origins: string[], changes: Partial<Mandate> = {}) {
  const limits = { payees: [DEMO_MERCHANT_ACCOUNT], origins: origins.toSorted(), ...changes };
  return newMandate(owner, agent, world.stack.ledger as Digest, limits);
}

/** A buyer's official client within a mandate. */
async function within(buyer: Buyer, origins: string[], changes: Partial<Mandate> = {}) {
  const mandate = await grant(buyer, origins, changes);
  const client = new x402Client();
  const paying = mandateFetch(fetch, { client, agentKey: buyer.people.agent, mandate, reason: REASON });
  return { mandate, pay: wrapFetchWithPayment(paying, client) };
}

test.each(["authorization", "upfront"])(
  "the official client pays an official merchant within a mandate, and no more than it allows, flow %s [interop-mandate-paid]",
  async (flow) => {
    const [shop, buyer] = [await openShop(), await world.buyer()];
    const before = await buyer.balances();
    const { pay, mandate } = await within(buyer, [shop.origin]);
    for (const _ of [1, 2]) {
      const answer = await pay(shop.url(`/${flow}`));
      expect(answer.status).toBe(200);
      expect(receiptOf(answer)).toMatchObject({ success: true, payer: buyer.people.owner.account, amount: String(PRICE) });
    }
    const refused = await pay(shop.url(`/${flow}`));
    expect(refused.status).toBe(402);
    const said = receiptOf(refused)?.errorReason ?? decodePaymentRequiredHeader(refused.headers.get(PAYMENT_REQUIRED) ?? "").error;
    expect(said).toBe("mandate_exceeded");
    expect(shop.runs).toEqual([`/${flow}`, `/${flow}`]);
    expect((await buyer.balances()).owner).toEqual({ balance: before.owner.balance - 2n * PRICE, held: 0n });
    const path = `/mandates/logos:lez-testnet/${buyer.people.owner.account}/${mandateDigest(mandate.mandate)}`;
    expect(await (await fetch(`${world.stack.facilitator}${path}`)).json()).toMatchObject({ settled: String(2n * PRICE) });
  },
);

test("the official client pays our merchant within a mandate, for the body that it sends [interop-mandate-own]", async () => {
  const buyer = await world.buyer();
  const { pay } = await within(buyer, [world.stack.merchant]);
  const answer = await pay(`${world.stack.merchant}/summarize`, { method: "POST", body: "One text." });
  expect(answer.status).toBe(200);
  expect(receiptOf(answer)).toMatchObject({ success: true, payer: buyer.people.owner.account });
});

test("terms of another origin than the fetched one are not paid, though the mandate names both [interop-mandate-origin]", async () => {
  const [shop, buyer] = [await openShop(), await world.buyer()];
  const front = await listen((request) => fetch(shop.url(new URL(request.url).pathname), { headers: request.headers }));
  const before = await buyer.balances();
  const { pay } = await within(buyer, [front, shop.origin]);
  await expect(pay(`${front}/authorization`)).rejects.toMatchObject({ name: "PaymentRefused", code: "mandate_mismatch" });
  expect(shop.runs).toEqual([]);
  expect(await buyer.balances()).toEqual(before);
});

test("a host that the fetched one redirects to gets no payment, though its terms name the fetched one [interop-mandate-redirect]", async () => {
  const buyer = await world.buyer();
  const got: (string | null)[] = [];
  const thief = await listen((request) => {
    got.push(request.headers.get(PAYMENT_SIGNATURE));
    const extra = { ledger: world.stack.ledger };
    const price = { amount: String(PRICE), payTo: buyer.people.agent.account, maxTimeoutSeconds: 300, extra };
    const terms = {
      x402Version: 2,
      resource: { url: `${front}/open` },
      accepts: [{ scheme: SCHEME, network: NETWORK, asset: ASSET, ...price }],
    };
    return new Response(null, { status: 402, headers: { [PAYMENT_REQUIRED]: encodeHeader(terms) } });
  });
  const front = await listen(() => Response.redirect(`${thief}/terms`, 307));
  const { pay } = await within(buyer, [front], { payees: ["*"] });
  expect((await pay(`${front}/open`)).status).toBe(307);
  expect(got).toEqual([null]);
});

test("a payee that the mandate does not name is not paid [interop-mandate-payee]", async () => {
  const [shop, buyer] = [await openShop(), await world.buyer()];
  const { pay } = await within(buyer, [shop.origin], { payees: [buyer.people.agent.account] });
  await expect(pay(shop.url("/authorization"))).rejects.toMatchObject({
    code: "mandate_mismatch",
    message: expect.stringContaining("payee"),
  });
  expect(shop.runs).toEqual([]);
});

test("the client of spec/scheme_exact_lez.md is what the page shows, and pays [interop-mandate-documented]", async () => {
  const [page, file] = ["spec/scheme_exact_lez.md", "test/interop/documented-buyer.ts"].map((name) => readFileSync(name, "utf8"));
  const [, shown = "none"] = /```ts\n[^`]*?\n(const \{ secretKey \} = [^]*?)```/.exec(page ?? "") ?? [];
  expect(file?.replaceAll(/^ {2}/gm, "")).toContain(shown.replace('"https://merchant.example.com/premium"', "url"));

  const [shop, buyer, seed] = [await openShop(), await world.buyer(), generateSecretKey()];
  const agent = await keySigner(seed);
  const mandate = await grant(buyer, [shop.origin], { agent: agent.publicKey });
  const files: Record<string, string> = {
    "agent.json": JSON.stringify({ secretKey: bytesToHex(seed) }),
    "mandate.json": JSON.stringify(mandate),
  };
  const kept: unknown[] = [];
  const answer = await buy(
    async (name) => files[name] ?? "",
    async (_name, text) => void kept.push(JSON.parse(text)),
    shop.url("/authorization"),
  );
  expect(await answer.json()).toEqual({ goods: "/authorization" });
  expect(kept).toMatchObject([{ request: { http: { url: shop.url("/authorization") } }, payload: { payload: { mandate } } }]);
});
