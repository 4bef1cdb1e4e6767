/** A merchant that settles at a foreign facilitator over HTTP: same outcomes, single flight, and our own words to the buyer. */

import { describe, expect, test } from "vitest";
import { REASON } from "../../agent-cli/demo/buyer.ts";
import { approve, ask } from "../../agent-cli/demo/people.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { MAX_UNSETTLED_RUNS } from "../../shared/limits.ts";
import { recordDecision } from "../../shared/protocol/decision.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { LEAK, type Mode, startHostileFacilitator } from "../hostile/facilitator.ts";
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

describe("a handler that runs before its payment is certain", () => {
  const at = (path: string) => ({ url: `${merchant.url}${path}` });
  const gate = (state: "open" | "shut") => fetch(`${merchant.url}/gate/${state}`, { method: "POST" });

  /** The verdicts of `count` payments at once by a payer with money for one, and how often the handler ran. */
  async function poorRuns(path: string, count: number) {
    const buyer = await merchant.buyer(world.stack, false);
    await buyer.fund("10000");
    const payments = await Promise.all(Array.from({ length: count }, () => buyer.approved(at(path))));
    const before = (await runs()).total;
    const verdicts = (await Promise.all(payments.map((payment) => buyer.send(at(path), payment)))).map(verdict);
    return { ran: (await runs()).total - before, sold: verdicts.filter((each) => each === "200").length, verdicts };
  }

  /** Ten payments that their payer cancels while the handler runs: how often it ran, and how often that was paid. */
  async function cancelledRuns(path: string) {
    const buyer = await newBuyer();
    let ran = 0;
    for (let time = 0; time < 10; time++) {
      const payment = await buyer.approved(at(path));
      const { authorization } = payment.payload as { authorization: { requestDigest: Digest } };
      const before = (await runs()).total;
      await gate("shut");
      const answer = buyer.send(at(path), payment);
      await Promise.race([expect.poll(async () => (await runs()).total, { timeout: 30_000 }).toBe(before + 1), answer]);
      const { requestDigest } = authorization;
      const decision = { decision: "revoked", code: "other", decidedAt: formatTimestamp(unixNow()), requestDigest } as const;
      const body = JSON.stringify(await recordDecision(decision, buyer.people.owner));
      await fetch(`${world.stack.facilitator}/settlements/cancel`, { method: "POST", body });
      await gate("open");
      await answer;
      ran += (await runs()).total - before;
    }
    const paid = (1_000_000n - (await buyer.balances()).owner.balance) / 10_000n;
    return { ran, free: ran - Number(paid) };
  }

  test("is none where the seller did not choose so: 50 payments with money for one run it once", async () => {
    const { ran, sold, verdicts } = await poorRuns("/default", 50);
    expect({ ran, sold }).toEqual({ ran: 1, sold: 1 });
    expect(new Set(verdicts)).toEqual(new Set(["200", "402 insufficient_funds"]));
  });

  test("nor is it free for a payer who cancels while it runs", async () => {
    expect(await cancelledRuns("/gated")).toEqual({ ran: 10, free: 0 });
  });

  test("under an explicit authorization stays unpaid three times at most, for 50 payments with money for one", async () => {
    const { ran, sold, verdicts } = await poorRuns("/slow", 50);
    expect(sold).toBeLessThanOrEqual(1);
    expect(ran - sold).toBeLessThanOrEqual(MAX_UNSETTLED_RUNS);
    expect(verdicts).toContain("402 unsettled_runs");
  });

  test("and three times at most for one who cancels each while it runs", async () => {
    expect(await cancelledRuns("/gated-unsettled")).toEqual({ ran: MAX_UNSETTLED_RUNS, free: MAX_UNSETTLED_RUNS });
  });
});

describe("two deployments of one shop, with a key at one facilitator", () => {
  const SHOP = "https://shop.example";
  const KEY = "key-of-the-shop";
  const deployments = [1, 2].map(() => useForeignMerchant(() => world.stack.facilitator, { PUBLIC_ORIGIN: SHOP, FACILITATOR_KEY: KEY }));
  const urls = () => deployments.map(({ url }) => url);

  test.each(["/slow", "/archive", "/default"])("%s: one payment is delivered by one of them", async (path) => {
    const buyer = await newBuyer();
    const offer = await buyer.offer({ url: `${urls()[0]}${path}` });
    const payment = await approve(
      buyer.people.owner,
      await ask(buyer.people.agent, { method: "GET", url: `${SHOP}${path}` }, offer, REASON),
    );
    const send = (url: string) => buyer.send({ url: `${url}${path}` }, payment);
    const verdicts = (await Promise.all([...urls(), ...urls()].map(send))).map(verdict);
    expect(verdicts.filter((each) => each === "200")).toHaveLength(1);
    for (const url of urls()) expect(verdict(await send(url))).toBe("402 nonce_replayed");
    expect((await buyer.balances()).owner).toEqual({ balance: 990_000n, held: 0n });
  });

  test("the key is on every call, and stays behind where the facilitator redirects to another origin", async () => {
    const [shop] = deployments;
    const facilitator = shop?.facilitator;
    expect(new Set(facilitator?.seen.map(({ key }) => key))).toEqual(new Set([`Bearer ${KEY}`]));
    const elsewhere = await startHostileFacilitator(() => world.stack.facilitator);
    try {
      facilitator?.misbehave("redirect", "/settle", elsewhere.url);
      const buyer = await newBuyer();
      const offer = await buyer.offer({ url: `${shop?.url}/default` });
      const request = await ask(buyer.people.agent, { method: "GET", url: `${SHOP}/default` }, offer, REASON);
      expect(verdict(await buyer.send({ url: `${shop?.url}/default` }, await approve(buyer.people.owner, request)))).toBe("200");
      expect(elsewhere.seen.map(({ path, key }) => [path, key])).toEqual([["/settle", undefined]]);
    } finally {
      await elsewhere.stop();
    }
  });
});
