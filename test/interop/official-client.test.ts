/** `@x402/fetch` with our client scheme pays our merchant Worker. The rows of spec/interop.md name these tests. */

import { decodePaymentRequiredHeader, decodePaymentResponseHeader } from "@x402/core/http";
import { parsePaymentRequired } from "@x402/core/schemas";
import type { PaymentRequired } from "@x402/core/types";
import { expect, test } from "vitest";
import { Buyer } from "../../agent-cli/demo/buyer.ts";
import { askFirst } from "../../shared/exact/client/index.ts";
import { PAYMENT_REQUIRED, PAYMENT_RESPONSE } from "../../shared/x402/headers.ts";
import { useStack, verdict } from "../stack/stack.ts";
import { officialClient, PRICE, replay } from "./official.ts";

const world = useStack();
const premium = () => `${world.stack.merchant}/premium`;
const archive = () => `${world.stack.merchant}/archive`;

test.each(["authorization", "upfront"])(
  "the official client pays our merchant, and the official decoder reads the receipt, flow %s [interop-client-receipt]",
  async (flow) => {
    const buyer = await world.buyer();
    const before = await buyer.balances();
    const answer = await officialClient(buyer.people.owner).fetch(flow === "upfront" ? archive() : premium());
    expect(answer.status).toBe(200);
    const receipt = decodePaymentResponseHeader(answer.headers.get(PAYMENT_RESPONSE) ?? "");
    expect(receipt).toEqual({
      success: true,
      payer: buyer.people.owner.account,
      transaction: expect.stringMatching(/^[0-9a-f]{64}$/),
      network: "logos:lez-testnet",
      amount: String(PRICE),
    });
    const after = await buyer.balances();
    expect(after.owner).toEqual({ balance: before.owner.balance - PRICE, held: 0n });
    expect(after.merchant.balance).toBe(before.merchant.balance + PRICE);
  },
);

test("our terms are what the official schema and decoder expect, in the header and in the body [interop-client-terms]", async () => {
  for (const url of [premium(), archive()]) {
    const answer = await fetch(url);
    const header = decodePaymentRequiredHeader(answer.headers.get(PAYMENT_REQUIRED) ?? "");
    for (const terms of [header, await answer.json()]) expect(parsePaymentRequired(terms)).toMatchObject({ success: true });
    expect(header.accepts).toHaveLength(1);
  }
});

test("the official client's default spend controls let one LGO pass, and not one unit more [interop-client-spend-controls]", async () => {
  const buyer = await world.buyer();
  const { client } = officialClient(buyer.people.owner);
  const offer = await buyer.offer({ url: premium() });
  const terms = (amount: string) =>
    ({ x402Version: 2, resource: { url: premium() }, accepts: [{ ...offer, amount }] }) as unknown as PaymentRequired;
  expect(await client.createPaymentPayload(terms("1000000000"))).toMatchObject({ payload: { authorization: { value: "1000000000" } } });
  await expect(client.createPaymentPayload(terms("1000000001"))).rejects.toThrow(/spendControls/);
});

test("the official client's payment, sent again, buys nothing [interop-client-replay]", async () => {
  const buyer = await world.buyer();
  const { fetch, sent } = officialClient(buyer.people.owner);
  expect((await fetch(premium())).status).toBe(200);
  const before = await buyer.balances();
  const again = await replay(premium(), sent[0] ?? "");
  expect(verdict(again)).toBe("402 nonce_replayed");
  expect(decodePaymentResponseHeader(again.headers.get(PAYMENT_RESPONSE) ?? "")).toMatchObject({
    success: false,
    errorReason: "nonce_replayed",
    transaction: "",
  });
  expect(await buyer.balances()).toEqual(before);
});

test("the official client's payment for one text does not summarize another [interop-client-binding]", async () => {
  const buyer = await world.buyer();
  const { fetch, sent } = officialClient(buyer.people.owner);
  const url = `${world.stack.merchant}/summarize`;
  expect((await fetch(url, { method: "POST", body: "One text." })).status).toBe(200);
  expect(verdict(await replay(url, sent[0] ?? "", { method: "POST", body: "Another text." }))).toBe("402 binding_mismatch");
});

test("the official client with an owner who declines sends nothing [interop-client-declined]", async () => {
  const buyer = await world.buyer();
  const shown: string[] = [];
  const asking = askFirst(buyer.people.owner, async ({ to, value }) => {
    shown.push(`${value} to ${to}`);
    return false;
  });
  const { fetch, sent } = officialClient(asking);
  await expect(fetch(premium())).rejects.toThrow(/owner declined/);
  expect(shown).toEqual([`${PRICE} to ${world.stack.payTo}`]);
  expect(sent).toEqual([]);
});

test("the official client without money reads why [interop-client-no-money]", async () => {
  const poor = await Buyer.create(world.stack);
  const answer = await officialClient(poor.people.owner).fetch(premium());
  expect(verdict(answer)).toBe("402 insufficient_funds");
  expect(decodePaymentResponseHeader(answer.headers.get(PAYMENT_RESPONSE) ?? "")).toMatchObject({
    success: false,
    errorReason: "insufficient_funds",
  });
});
