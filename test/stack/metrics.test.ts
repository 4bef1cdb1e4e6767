/** What a scraper reads at the facilitator of a running stack: its metrics before and after a sale, a refusal and an open hold. */

import { expect, test } from "vitest";
import { type Metric, readMetrics } from "../prometheus.ts";
import { useStack, verdict } from "./stack.ts";

const world = useStack({ merchant: "../workerd/counting-merchant.ts" });

async function scrape(): Promise<Record<string, Metric>> {
  const answer = await fetch(`${world.stack.facilitator}/metrics`);
  expect([answer.status, answer.headers.get("Content-Type")]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
  return readMetrics(await answer.text());
}
const of = (metrics: Record<string, Metric>, name: string, labels = 'shard="0"') => metrics[name]?.samples[labels] ?? 0;
const calls = (metrics: Record<string, Metric>, operation: string, code: string) =>
  of(metrics, "lez_ledger_calls_total", `shard="0",operation="${operation}",code="${code}"`);

test("a sale, a refused copy and an open hold are counted [metrics-stack]", async () => {
  const buyer = await world.buyer();
  const before = await scrape();
  expect([of(before, "lez_ledger_up"), of(before, "lez_ledger_halted"), of(before, "lez_ledger_holds")]).toEqual([1, 0, 0]);

  const sold = { url: `${world.stack.merchant}/default?sold` };
  const payment = await buyer.approved(sold);
  expect(verdict(await buyer.send(sold, payment))).toBe("200");
  expect(verdict(await buyer.send(sold, payment))).toBe("402 nonce_replayed");
  const gated = { url: `${world.stack.merchant}/gated` };
  const gate = (state: string) => fetch(`${world.stack.merchant}/gate/${state}`, { method: "POST" });
  await gate("closed");
  const waiting = buyer.send(gated, await buyer.approved(gated));
  await expect.poll(async () => of(await scrape(), "lez_ledger_holds")).toBe(1);
  const during = await scrape();
  await gate("open");
  expect(verdict(await waiting)).toBe("200");
  const after = await scrape();

  const more = (operation: string, code: string) => calls(after, operation, code) - calls(before, operation, code);
  expect([more("reserve", "ok"), more("reserve", "nonce_replayed"), more("capture", "ok")]).toEqual([2, 1, 2]);
  expect(of(after, "lez_ledger_holds")).toBe(0);
  for (const name of ["lez_ledger_outbox", "lez_ledger_undelivered_seconds"]) expect([name, of(during, name)]).toEqual([name, 0]);
  expect(of(during, "lez_ledger_start_time_seconds")).toBe(of(before, "lez_ledger_start_time_seconds"));
  expect(of(during, "lez_ledger_answer_seconds")).toBeLessThan(10);
});
