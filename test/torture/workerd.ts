/** The facilitator and the ledger of the torture, as raw workerd runs them, and merchants beside them where some are wanted. */

import { fileURLToPath } from "node:url";
import type { WorkerBundle } from "../../agent-cli/demo/stack.ts";
import { bundleScript } from "../../scripts/build-workers.ts";
import { Workerd } from "../../scripts/workerd.ts";
import { DEMO_MERCHANT_ACCOUNT, DEMO_RECEIPT_KEY } from "../../shared/demo.ts";

const entry = (name: string) => bundleScript(fileURLToPath(new URL(`workers/${name}.ts`, import.meta.url)));
const COMPATIBILITY = { compatibilityDate: "2026-10-23" };
const FACILITATOR = { name: "facilitator" };

/** Four isolates of one merchant. The first has the objects. */
export const SHOPS = ["shop0", "shop1", "shop2", "shop3"];

/**
 * Not started yet. What is stored stays in `directory`; "facilitator" answers HTTP, and so does "merchant".
 * @param merchantVars bindings of a merchant, from workers/dying-merchant.ts; without, there is none
 */
export async function torturedWorkerd(directory: string, shards: number, merchantVars?: Record<string, string>): Promise<Workerd> {
  const bundles = await ledgerAndFacilitator(shards);
  if (!merchantVars) return Workerd.create(directory, bundles, ["facilitator"]);
  const bound = { serviceBindings: { FACILITATOR }, durableObjects: { DELIVERIES: { className: "Deliveries" } } };
  const merchant = { ...COMPATIBILITY, bindings: merchantVars, ...bound };
  bundles.push({ name: "merchant", script: await entry("dying-merchant"), options: merchant });
  return Workerd.create(directory, bundles, ["facilitator", "merchant"]);
}

/** The same with a merchant that sells by session, of which "shop0" to "shop3" answer HTTP. Not started yet. */
export async function torturedShops(directory: string, shards: number): Promise<Workerd> {
  const bundles = await ledgerAndFacilitator(shards);
  const script = await entry("session-shop");
  const [home = "", ...others] = SHOPS;
  const bindings = { PAY_TO: DEMO_MERCHANT_ACCOUNT, RECEIPT_KEY: DEMO_RECEIPT_KEY, PUBLIC_ORIGIN: "https://shop.example" };
  const shop = (SESSIONS: { className: string; scriptName?: string }) => {
    return { ...COMPATIBILITY, bindings, serviceBindings: { FACILITATOR }, durableObjects: { SESSIONS } };
  };
  bundles.push({ name: home, script, options: shop({ className: "Sessions" }) });
  for (const name of others) bundles.push({ name, script, options: shop({ className: "Sessions", scriptName: home }) });
  return Workerd.create(directory, bundles, ["facilitator", ...SHOPS]);
}

async function ledgerAndFacilitator(shards: number): Promise<WorkerBundle[]> {
  const common = { ...COMPATIBILITY, bindings: { FAUCET: "on", BOOKS: "public", SHARDS: String(shards) } };
  const LEDGER = { className: "Ledger" };
  const facilitator = { ...common, durableObjects: { LEDGER: { ...LEDGER, scriptName: "ledger" } } };
  return [
    { name: "facilitator", script: await entry("facilitator"), options: facilitator },
    { name: "ledger", script: await entry("ledger"), options: { ...common, durableObjects: { LEDGER } } },
  ];
}
