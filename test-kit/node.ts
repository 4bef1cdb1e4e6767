/**
 * `lez-agent-pay/testing`: buys from a shop in its own tests. The facilitator is in memory: the real verification and the real ledger's
 * rules, with holds. Under Node.js the ledger is in node:sqlite.
 */

import { memoryStore } from "../agent-cli/demo/memory-store.ts";
import { createTestLedger } from "./ledger.ts";
import { type App, createShop, type TestShop, type TestShopOptions } from "./shop.ts";

export { receiptOf, type TestBuyer } from "./buyer.ts";
export type { Fault } from "./faults.ts";
export type { Balance, TestSettlement } from "./ledger.ts";
export type { App, TestShop, TestShopOptions } from "./shop.ts";

/**
 * A shop with a ledger of its own.
 *
 * @example
 * const shop = testShop(app);
 * const buyer = await shop.buyer({ balance: "100000" });
 * const answer = await buyer.fetch("/weather?city=Zurich");
 */
export function testShop(app: App, { env = {} }: TestShopOptions = {}): TestShop {
  return createShop(app, createTestLedger(memoryStore()), env);
}
