/** `@x402/hono` sells by transfers on the chain itself with our scheme. Its facilitator verifies as ours does; what the chain did is what the test says. */

import { decodePaymentRequiredHeader } from "@x402/core/http";
import type { FacilitatorClient } from "@x402/core/server";
import { paymentMiddleware, x402ResourceServer } from "@x402/hono";
import { Hono } from "hono";
import { expect, test } from "vitest";
import { ExactNativeLezScheme, registerExactLezScheme } from "../../shared/exact/server/index.ts";
import { encodeHeader, PAYMENT_REQUIRED, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import type { PaymentRequirements } from "../../shared/x402/x402.ts";
import { CLOCK_ACCOUNTS } from "../../shared/zone/account.ts";
import { kindOf, NATIVE, nativeFacilitator, NETWORK, sign } from "../paywall/native-world.ts";
import { receiptOf } from "../stack/stack.ts";

function officialShop(extra: Record<string, unknown> = {}) {
  const facilitator = nativeFacilitator();
  const client = {
    getSupported: async () => facilitator.supported(),
    verify: async (paymentPayload: unknown, paymentRequirements: unknown) => facilitator.verify({ paymentPayload, paymentRequirements }),
    // Each /settle has an id of its own, as over HTTP.
    settle: async (paymentPayload: unknown, paymentRequirements: unknown) =>
      facilitator.settle({ paymentPayload, paymentRequirements }, crypto.randomUUID()),
  } as unknown as FacilitatorClient;
  const { amount, network, payTo } = NATIVE;
  const accepts = { scheme: "exact", network, payTo, price: { asset: "native", amount }, maxTimeoutSeconds: 300, extra };
  const runs: string[] = [];
  const app = new Hono();
  app.use(paymentMiddleware({ "GET /item": { accepts } }, registerExactLezScheme(new x402ResourceServer(client))));
  app.get("/item", (c) => (runs.push("run"), c.text("goods")));
  const get = async (headers: Record<string, string> = {}) => app.request("https://shop.example/item", { headers });
  const offer = async () => {
    const [first] = decodePaymentRequiredHeader((await get()).headers.get(PAYMENT_REQUIRED) ?? "").accepts;
    return first as PaymentRequirements;
  };
  return { facilitator, runs, get, offer, pay: (payment: object) => get({ [PAYMENT_SIGNATURE]: encodeHeader(payment) }) };
}

test("the official merchant sells natively: pending, then paid by the same payment, once [interop-native-merchant]", async () => {
  const shop = officialShop({ finality: "depth:2" });
  const offer = await shop.offer();
  expect(offer).toMatchObject({
    network: NETWORK,
    extra: { assetTransferMethod: "transaction", paymentFlow: "upfront", dialect: "v0.3", maxFee: "1000000", finality: "depth:2" },
  });
  const payment = sign(offer);
  shop.facilitator.state.fate = "open";
  const first = await shop.pay(payment);
  expect([first.status, receiptOf(first)?.errorReason, shop.runs]).toEqual([402, "settlement_pending", []]);
  shop.facilitator.state.fate = "included";
  const paid = await shop.pay(payment);
  expect([paid.status, await paid.text()]).toEqual([200, "goods"]);
  expect(receiptOf(paid)).toMatchObject({ success: true, network: NETWORK, amount: NATIVE.amount });
  expect((await shop.pay(payment)).status).toBe(402);
  expect(shop.runs).toEqual(["run"]);
});

test("a price, a payee and a choice that cannot be are refused with a sentence [interop-native-terms]", async () => {
  const scheme = new ExactNativeLezScheme();
  await expect(scheme.parsePrice("$0.01", NETWORK)).rejects.toThrow(/no exchange rate/);
  await expect(scheme.parsePrice({ asset: "native", amount: "1" }, "logos:lez-testnet")).rejects.toThrow(/lez:testnet or lez:devnet/);
  const { kinds } = nativeFacilitator().supported();
  const enhance = (change: object) =>
    scheme.enhancePaymentRequirements(
      { ...NATIVE, scheme: "exact", asset: "native", maxTimeoutSeconds: 60, extra: {}, ...change },
      kinds[0] as never,
    );
  await expect(enhance({ payTo: CLOCK_ACCOUNTS[0] })).rejects.toThrow(/payTo must be an account of a LEZ key/);
  await expect(enhance({ extra: { finality: "depth:9" } })).rejects.toThrow(/no finality "depth:9"/);
  await expect(enhance({ extra: { maxFee: 1 } })).rejects.toThrow(/extra\.maxFee/);
  expect(scheme.validateFacilitatorSupport(NETWORK, kindOf("none") as never)).toMatch(/ledger/);
  expect([scheme.getAssetDecimals("native", NETWORK), scheme.getAssetDecimals("native", "logos:lez-testnet")]).toEqual([9, undefined]);
});
