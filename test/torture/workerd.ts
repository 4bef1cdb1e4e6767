/** The facilitator and the ledger of the torture, as raw workerd runs them, and a merchant beside them where one is wanted. */

import { fileURLToPath } from "node:url";
import { bundleScript } from "../../scripts/build-workers.ts";
import { Workerd } from "../../scripts/workerd.ts";

const entry = (name: string) => bundleScript(fileURLToPath(new URL(`workers/${name}.ts`, import.meta.url)));
const COMPATIBILITY = { compatibilityDate: "2026-10-23" };

/**
 * Not started yet. What is stored stays in `directory`; "facilitator" answers HTTP, and so does "merchant".
 * @param merchantVars bindings of a merchant, from workers/dying-merchant.ts; without, there is none
 */
export async function torturedWorkerd(directory: string, shards: number, merchantVars?: Record<string, string>): Promise<Workerd> {
  const common = { ...COMPATIBILITY, bindings: { FAUCET: "on", BOOKS: "public", SHARDS: String(shards) } };
  const LEDGER = { className: "Ledger" };
  const facilitator = { ...common, durableObjects: { LEDGER: { ...LEDGER, scriptName: "ledger" } } };
  const bundles = [
    { name: "facilitator", script: await entry("facilitator"), options: facilitator },
    { name: "ledger", script: await entry("ledger"), options: { ...common, durableObjects: { LEDGER } } },
  ];
  if (!merchantVars) return Workerd.create(directory, bundles, ["facilitator"]);
  const bound = { serviceBindings: { FACILITATOR: { name: "facilitator" } }, durableObjects: { DELIVERIES: { className: "Deliveries" } } };
  const merchant = { ...COMPATIBILITY, bindings: merchantVars, ...bound };
  bundles.push({ name: "merchant", script: await entry("dying-merchant"), options: merchant as never });
  return Workerd.create(directory, bundles, ["facilitator", "merchant"]);
}
