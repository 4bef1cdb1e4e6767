/** `@x402/hono` with our server scheme sells through our facilitator over HTTP. The rows of spec/interop.md name these tests. */

import { decodePaymentRequiredHeader, decodePaymentResponseHeader } from "@x402/core/http";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { describe, expect, test } from "vitest";
import { REASON } from "../../agent-cli/demo/buyer.ts";
import { ask } from "../../agent-cli/demo/people.ts";
import { checkPaymentRequest } from "../../shared/protocol/payment-request.ts";
import { refundTextOf } from "../../shared/screen/refund-terms.ts";
import { unixNow } from "../../shared/time.ts";
import { PAYMENT_REQUIRED, PAYMENT_RESPONSE } from "../../shared/x402/headers.ts";
import { receiptOf, useStack } from "../stack/stack.ts";
import { listen, officialClient, officialMerchant, PRICE, replay } from "./official.ts";

const world = useStack();
const openShop = () => officialMerchant(new HTTPFacilitatorClient({ url: world.stack.facilitator }));
const FLOWS = ["authorization", "upfront"] as const;

/** What the official merchant says about a refusal: the error of its fresh terms, or of its receipt. */
function refusal(answer: Response): string | undefined {
  const terms = answer.headers.get(PAYMENT_REQUIRED);
  return terms ? decodePaymentRequiredHeader(terms).error : (receiptOf(answer)?.errorReason ?? undefined);
}

describe.each(FLOWS)("flow %s", (flow) => {
  test("the official merchant is paid by the official client [interop-merchant-paid]", async () => {
    const shop = await openShop();
    const buyer = await world.buyer();
    const before = await buyer.balances();
    const answer = await officialClient(buyer.people.owner).fetch(shop.url(`/${flow}`));
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ goods: `/${flow}` });
    expect(decodePaymentResponseHeader(answer.headers.get(PAYMENT_RESPONSE) ?? "")).toMatchObject({
      success: true,
      payer: buyer.people.owner.account,
      amount: String(PRICE),
    });
    expect((await buyer.balances()).owner).toEqual({ balance: before.owner.balance - PRICE, held: 0n });
  });

  test("the official merchant is paid on our owner's approval, and the owner learns that nothing ties it to the request [interop-merchant-owner]", async () => {
    const shop = await openShop();
    const buyer = await world.buyer();
    const purchase = { url: shop.url(`/${flow}`) };
    const offer = await buyer.offer(purchase);
    expect(offer.extra).toEqual({ ledger: world.stack.ledger, ...(flow === "upfront" && { paymentFlow: "upfront" }) });
    const checked = await checkPaymentRequest(await ask(buyer.people.agent, { method: "GET", ...purchase }, offer, REASON), unixNow());
    expect(checked).toMatchObject({ ok: true, scope: "none" });

    const before = await buyer.balances();
    const answer = await buyer.send(purchase, await buyer.approved(purchase));
    expect(answer.status).toBe(200);
    expect(receiptOf(answer)).toMatchObject({ success: true, payer: buyer.people.owner.account });
    expect((await buyer.balances()).owner.balance).toBe(before.owner.balance - PRICE);
  });

  test("the same payment again is refused by the official merchant, and its handler does not run [interop-merchant-replay]", async () => {
    const shop = await openShop();
    const buyer = await world.buyer();
    const { fetch, sent } = officialClient(buyer.people.owner);
    await fetch(shop.url(`/${flow}`));
    const before = await buyer.balances();
    const again = await replay(shop.url(`/${flow}`), sent[0] ?? "");
    expect(again.status).toBe(402);
    expect(refusal(again)).toBe("nonce_replayed");
    expect(shop.runs).toEqual([`/${flow}`]);
    expect(await buyer.balances()).toEqual(before);
  });

  test("twenty copies of one payment at once: the official merchant answers one and is paid once [interop-merchant-copies]", async () => {
    const shop = await openShop();
    const buyer = await world.buyer();
    const purchase = { url: shop.url(`/${flow}`) };
    const payment = await buyer.approved(purchase);
    const before = await buyer.balances();
    const answers = await Promise.all(Array.from({ length: 20 }, () => buyer.send(purchase, payment)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 402)).toHaveLength(19);
    expect((await buyer.balances()).owner).toEqual({ balance: before.owner.balance - PRICE, held: 0n });
    // Settling first keeps the handler to one run; verifying first is no lock, and the official merchant has none of its own.
    if (flow === "upfront") expect(shop.runs).toEqual(["/upfront"]);
  });
});

test("a binding that the seller computed for a fixed URL keeps a payment from buying another route [interop-merchant-binding]", async () => {
  const shop = await openShop();
  const buyer = await world.buyer();
  const bound = { url: shop.url("/bound") };
  const elsewhere = await buyer.approved({ url: shop.url("/authorization") });
  expect((await buyer.send(bound, elsewhere)).status).toBe(402);
  const request = await buyer.request(bound);
  expect(await checkPaymentRequest(request, unixNow())).toMatchObject({ ok: true, scope: "query+body" });
  const payment = await buyer.approved(bound);
  expect((await buyer.send({ url: shop.url("/authorization") }, payment)).status).toBe(402);
  expect((await buyer.send(bound, payment)).status).toBe(200);
});

/** What the official middleware makes of an override. */
const OVERRIDES = Object.entries({ "1858": 1858n, "0": 0n, "25%": PRICE / 4n });

test.each(OVERRIDES)(
  "upto: the official merchant's override of %s is what our facilitator takes of the maximum [interop-upto]",
  async (override, taken) => {
    const shop = await openShop();
    const buyer = await world.buyer();
    const before = await buyer.balances();
    const { fetch, sent } = officialClient(buyer.people.owner);
    const answer = await fetch(shop.url(`/metered?charge=${encodeURIComponent(override)}`));
    expect([answer.status, answer.headers.get("Settlement-Overrides")]).toEqual([200, null]);
    expect(receiptOf(answer)).toMatchObject({ success: true, amount: String(taken) });
    expect((await buyer.balances()).owner).toEqual({ balance: before.owner.balance - taken, held: 0n });
    const { accepted } = JSON.parse(atob(sent[0] ?? "")) as { accepted: object };
    expect(accepted).toMatchObject({ scheme: "upto", amount: String(PRICE), extra: { unit: "call", unitPrice: "1" } });
  },
);

test("upto: an override above the maximum is refused, and takes nothing [interop-upto-beyond]", async () => {
  const shop = await openShop();
  const buyer = await world.buyer();
  const before = await buyer.balances();
  const answer = await officialClient(buyer.people.owner).fetch(shop.url(`/metered?charge=${PRICE + 1n}`));
  expect([answer.status, refusal(answer)]).toEqual([402, "charge_exceeded"]);
  expect(await buyer.balances()).toEqual(before);
});

test("an official handler that fails costs nothing, and the payment stays good [interop-merchant-failing-handler]", async () => {
  const shop = await openShop();
  const buyer = await world.buyer();
  const payment = await buyer.approved({ url: shop.url("/failing") });
  const before = await buyer.balances();
  expect((await buyer.send({ url: shop.url("/failing") }, payment)).status).toBe(500);
  expect(await buyer.balances()).toEqual(before);
  expect((await buyer.send({ url: shop.url("/authorization") }, payment)).status).toBe(200);
});

test("an answer lost between official merchant and facilitator: the buyer has paid once, and can prove it [official-merchant-lost-answer]", async () => {
  let lost = 0;
  const proxy = await listen(async (request) => {
    const { pathname } = new URL(request.url);
    const body = request.method === "POST" && (await request.text());
    const answer = await fetch(`${world.stack.facilitator}${pathname}`, { method: request.method, ...(body && { body }) });
    if (pathname !== "/settle" || lost++ > 0) return new Response(await answer.text(), answer);
    return new Response("<h1>Bad gateway</h1>", { status: 502 });
  });
  const shop = await officialMerchant(new HTTPFacilitatorClient({ url: proxy }));
  const buyer = await world.buyer();
  const { fetch: pay, sent } = officialClient(buyer.people.owner);
  const before = await buyer.balances();
  // The official merchant takes a lost answer for a refusal. What is true is at the facilitator.
  expect((await pay(shop.url("/authorization"))).status).toBe(402);
  expect(refusal(await replay(shop.url("/authorization"), sent[0] ?? ""))).toBe("nonce_replayed");
  expect((await buyer.balances()).owner.balance).toBe(before.owner.balance - PRICE);
  const { payload } = JSON.parse(atob(sent[0] ?? "")) as {
    payload: { authorization: { from: string; nonce: string; validBefore: string } };
  };
  const { from, nonce, validBefore } = payload.authorization;
  const status = await fetch(`${world.stack.facilitator}/settlements/logos:lez-testnet/${from}/${nonce}?validBefore=${validBefore}`);
  expect(await status.json()).toMatchObject({ status: "settled", transaction: expect.any(String) });
});

test("the official merchant's 402 with the extension refund is paid by the official client, and read by ours [interop-merchant-refund-extension]", async () => {
  const shop = await openShop();
  const buyer = await world.buyer();
  const terms = decodePaymentRequiredHeader((await fetch(shop.url("/refundable"))).headers.get(PAYMENT_REQUIRED) ?? "");
  expect(refundTextOf(terms.extensions)).toContain("possible within 30 days");
  expect((await officialClient(buyer.people.owner).fetch(shop.url("/refundable"))).status).toBe(200);
});
