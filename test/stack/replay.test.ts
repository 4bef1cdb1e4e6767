/** One payment, many copies: over real HTTP, against a merchant that counts its handler's runs. */

import { expect, test } from "vitest";
import { useStack, verdict } from "./stack.ts";

const world = useStack({ merchant: "../workerd/counting-merchant.ts" });
const slow = () => ({ url: `${world.stack.merchant}/slow` });
const runs = async () => (await fetch(`${world.stack.merchant}/runs`)).json() as Promise<{ total: number; most: number }>;

test("in sequence: the second is refused and the handler does not run", async () => {
  const buyer = await world.buyer();
  const payment = await buyer.approved(slow());
  const before = await runs();
  expect(verdict(await buyer.send(slow(), payment))).toBe("200");
  expect(verdict(await buyer.send(slow(), payment))).toBe("402 nonce_replayed");
  expect((await runs()).total).toBe(before.total + 1);
});

test("fifty at once: one answer, one handler run, one debit", async () => {
  const buyer = await world.buyer();
  const payment = await buyer.approved(slow());
  const before = { runs: await runs(), money: await buyer.balances() };
  const verdicts = (await Promise.all(Array.from({ length: 50 }, () => buyer.send(slow(), payment)))).map(verdict);
  const after = { runs: await runs(), money: await buyer.balances() };
  expect(verdicts.filter((each) => each === "200")).toHaveLength(1);
  const refusals = new Set(verdicts.filter((each) => each !== "200"));
  expect([...refusals].every((each) => each === "409 payment_in_progress" || each === "402 nonce_replayed")).toBe(true);
  expect(after.runs).toMatchObject({ total: before.runs.total + 1, most: 1 });
  expect(after.money.owner).toEqual({ balance: before.money.owner.balance - 10_000n, held: 0n });
  expect(after.money.merchant.balance).toBe(before.money.merchant.balance + 10_000n);
});

test("a client that hangs up has paid, and cannot be charged again", async () => {
  const buyer = await world.buyer();
  const payment = await buyer.approved(slow());
  const before = await buyer.balances();
  const abort = new AbortController();
  const lost = buyer.send(slow(), payment, abort.signal);
  setTimeout(() => abort.abort(), 20);
  await expect(lost).rejects.toThrow();
  await expect.poll(async () => (await buyer.balances()).owner).toEqual({ balance: before.owner.balance - 10_000n, held: 0n });
  expect(verdict(await buyer.send(slow(), payment))).toBe("402 nonce_replayed");
});

test("a paid body arrives as the handler streams it [stream-arrives]", async () => {
  const buyer = await world.buyer();
  const body = "x".repeat(300_000);
  const echo = { url: `${world.stack.merchant}/echo`, body };
  const answer = await buyer.send(echo, await buyer.approved(echo));
  expect(verdict(answer)).toBe("200");
  expect(await answer.text()).toBe(body);
});
