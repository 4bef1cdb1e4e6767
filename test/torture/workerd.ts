/** The facilitator and the ledger of the torture, as raw workerd runs them. */
import { fileURLToPath } from "node:url";
import { bundleScript } from "../../scripts/build-workers.ts";
import { Workerd } from "../../scripts/workerd.ts";

const entry = (name: string) => bundleScript(fileURLToPath(new URL(`workers/${name}.ts`, import.meta.url)));

/** Not started yet. What is stored stays in `directory`; "facilitator" answers HTTP. */
export async function torturedWorkerd(directory: string, shards: number): Promise<Workerd> {
  const common = { compatibilityDate: "2026-10-23", bindings: { FAUCET: "on", SHARDS: String(shards) } };
  const LEDGER = { className: "Ledger" };
  const facilitator = { ...common, durableObjects: { LEDGER: { ...LEDGER, scriptName: "ledger" } } };
  const bundles = [
    { name: "facilitator", script: await entry("facilitator"), options: facilitator },
    { name: "ledger", script: await entry("ledger"), options: { ...common, durableObjects: { LEDGER } } },
  ];
  return Workerd.create(directory, bundles, ["facilitator"]);
}
