/** A merchant that settles at a foreign facilitator over HTTP: same outcomes, single flight, and our own words to the buyer. */

import { describe, expect, test } from "vitest";
import { LEAK, type Mode } from "../hostile/facilitator.ts";
import { useForeignMerchant } from "./merchant.ts";
import { receiptOf, useStack, verdict } from "./stack.ts";

/** The facilitator and its ledger. */
const world = useStack();
const merchant = useForeignMerchant(() => world.stack.facilitator);
const foreign = () => merchant.facilitator;

const slow = () => ({ url: `${merchant.url}/slow` });
const archive = () => ({ url: `${merchant.url}/archive` });
const broken = () => ({ url: `${merchant.url}/broken` });
const { runs } = merchant;
const newBuyer = () => merchant.buyer(world.stack);

test.each([
  ["authorization", slow],
  ["upfront", archive],
])("flow %s: paid once, receipt relayed, replay refused", async (_flow, purchase) => {
  const buyer = await newBuyer();
  const payment = await buyer.approved(purchase());
  const paid = await buyer.send(purchase(), payment);
  expect(verdict(paid)).toBe("200");
  expect(receiptOf(paid)).toMatchObject({ success: true, network: "logos:lez-testnet", payer: buyer.people.owner.account });
  expect(verdict(await buyer.send(purchase(), payment))).toBe("402 nonce_replayed");
  expect((await buyer.balances()).owner).toEqual({ balance: 990_000n, held: 0n });
});

test.each([
  ["authorization", slow],
  ["upfront", archive],
])("flow %s: a hundred copies at once run the handler once, deliver once and pay once", async (_flow, purchase) => {
  const buyer = await newBuyer();
  const payment = await buyer.approved(purchase());
  const before = await runs();
  const verdicts = (await Promise.all(Array.from({ length: 100 }, () => buyer.send(purchase(), payment)))).map(verdict);
  const after = await runs();
  expect(verdicts.filter((each) => each === "200")).toHaveLength(1);
  const others = new Set(verdicts.filter((each) => each !== "200"));
  expect([...others].every((each) => each === "409 payment_in_progress" || each === "402 nonce_replayed")).toBe(true);
  expect(after).toMatchObject({ total: before.total + 1, most: 1 });
  expect((await buyer.balances()).owner).toEqual({ balance: 990_000n, held: 0n });
});

test("a handler that fails costs nothing, and the same payment is good afterwards", async () => {
  const buyer = await newBuyer();
  const payment = await buyer.approved(broken());
  expect((await buyer.send(broken(), payment)).status).toBe(500);
  expect((await buyer.send(broken(), payment)).status).toBe(500);
  expect((await buyer.balances()).owner.balance).toBe(1_000_000n);
});

test("without money: the facilitator's code is the buyer's", async () => {
  const buyer = await merchant.buyer(world.stack, false);
  expect(verdict(await buyer.send(slow(), await buyer.approved(slow())))).toBe("402 insufficient_funds");
});

describe("when /verify misbehaves, nothing runs, nothing leaks, and the same payment is good later", () => {
  test.each<[Mode]>([["html"], ["wrong-shape"], ["error-text"], ["reset"], ["flood"]])("%s", async (mode) => {
    const buyer = await newBuyer();
    const payment = await buyer.approved(slow());
    const before = await runs();
    foreign().misbehave(mode, "/verify");
    const refused = await buyer.send(slow(), payment);
    // What no later call can cure is the seller's to mend.
    expect(verdict(refused)).toBe(["error-text", "reset"].includes(mode) ? "503 facilitator_unavailable" : "500 internal_error");
    expect(await refused.text()).not.toContain(LEAK);
    expect((await runs()).total).toBe(before.total);
    foreign().misbehave("honest");
    expect(verdict(await buyer.send(slow(), payment))).toBe("200");
  });
});

describe("when /settle gives no answer that can be believed, the outcome is pending, never refused", () => {
  test.each<[Mode]>([["html"], ["wrong-shape"], ["no-transaction"], ["error-text"], ["reset"]])("%s", async (mode) => {
    const buyer = await newBuyer();
    const payment = await buyer.approved(slow());
    foreign().misbehave(mode, "/settle");
    const pending = await buyer.send(slow(), payment);
    expect(verdict(pending)).toBe("402 settlement_pending");
    expect(receiptOf(pending)).toMatchObject({ success: false, errorReason: "settlement_pending", network: "logos:lez-testnet" });
    expect(receiptOf(pending)?.transaction).toMatch(/^[0-9a-f]{64}$/);
    expect(await pending.text()).not.toContain(LEAK);
    foreign().misbehave("honest");
    expect(verdict(await buyer.send(slow(), payment))).toBe("200");
    expect((await buyer.balances()).owner).toEqual({ balance: 990_000n, held: 0n });
  });
});

test("when /settle settles and loses its answer, the buyer gets what was paid for as soon as it can be known, and not twice", async () => {
  const buyer = await newBuyer();
  const payment = await buyer.approved(slow());
  foreign().misbehave("loses-answer", "/settle");
  expect(verdict(await buyer.send(slow(), payment))).toBe("402 settlement_pending");
  foreign().misbehave("honest");
  expect(verdict(await buyer.send(slow(), payment))).toBe("200");
  expect(verdict(await buyer.send(slow(), payment))).toBe("402 nonce_replayed");
  expect((await buyer.balances()).owner).toEqual({ balance: 990_000n, held: 0n });
});

test("a facilitator that finds everything valid and settles nothing: the goods are withheld", async () => {
  const buyer = await newBuyer();
  const payment = await buyer.approved(slow());
  foreign().misbehave("valid-never-settles");
  const refused = await buyer.send(slow(), payment);
  expect(verdict(refused)).toBe("402 insufficient_funds");
  expect(await refused.text()).not.toContain("goods");
});

test("a payment that is not signed by its payer never reaches the facilitator", async () => {
  const buyer = await newBuyer();
  const payment = await buyer.approved(slow());
  const before = foreign().calls["/verify"] ?? 0;
  const forged = { ...payment, payload: { ...payment.payload, signature: "ab".repeat(64) } };
  expect(verdict(await buyer.send(slow(), forged))).toBe("402 invalid_signature");
  expect(foreign().calls["/verify"] ?? 0).toBe(before);
});
