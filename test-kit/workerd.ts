/** `lez-agent-pay/testing` inside @cloudflare/vitest-pool-workers. The ledger is in the Durable Object that `testLedger()` adds. */

import { env as bindings } from "cloudflare:workers";
import { BINDING } from "./binding.ts";
import type { TestLedger } from "./ledger.ts";
import { type App, createShop, type TestShop, type TestShopOptions } from "./shop.ts";

export { receiptOf, type TestBuyer } from "./buyer.ts";
export type { Fault } from "./faults.ts";
export type { Balance, TestSettlement } from "./ledger.ts";
export type { App, TestShop, TestShopOptions } from "./shop.ts";

/** As under Node.js; the bindings are those of the test project by default. */
export function testShop(app: App, { env = bindings as object as Record<string, unknown> }: TestShopOptions = {}): TestShop {
  const ledgers = (bindings as { [BINDING]?: { getByName(name: string): unknown } })[BINDING];
  if (!ledgers)
    throw new Error(`the project has no ${BINDING}: spread testLedger() of lez-agent-pay/testing/pool into its miniflare options`);
  const ledger = ledgers.getByName(crypto.randomUUID()) as TestLedger;
  return createShop(app, ledger, env);
}
