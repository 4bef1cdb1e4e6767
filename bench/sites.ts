/** The measured systems: production bundles in raw workerd, each site with its own processes and store. */

import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { WorkerBundle } from "../agent-cli/demo/stack.ts";
import { BUNDLES, buildWorkers, bundleScript, workers } from "../scripts/build-workers.ts";
import { Workerd } from "../scripts/workerd.ts";
import { DEMO_MERCHANT_ACCOUNT, DEMO_RECEIPT_KEY } from "../shared/demo.ts";
import { FAUCET_CAP_PER_ACCOUNT } from "../shared/limits.ts";
import { type Payer, randomId } from "./payments.ts";
import { temporaryDirectory } from "./temporary.ts";

export interface Site {
  /** Where requests go. */
  origin: string;
  /** Every process that takes part in an answer. */
  workerds: readonly Workerd[];
  /** Counts its recorded payments. Absent: it records none. */
  transfers?: () => Promise<number>;
  stop(): Promise<void>;
}

export interface SiteOptions {
  payers: readonly Payer[];
  /** Command prefix for workerd. */
  under: readonly string[];
}

export const SITES = {
  bare: (options) => single("bare", options),
  official: (options) => single("official", options),
  ours: async (options) => ours("lez-merchant", options),
  bySession: async (options) => ours("lez-merchant", options, "sessions"),
  facilitator: async (options) => ours("lez-facilitator", options),
  insert,
  officialOnOurs: async (options) => {
    const facilitator = await ours("lez-facilitator", options);
    return officialOn(facilitator, facilitator.transfers, options);
  },
  officialOnMemory: async (options) => {
    const facilitator = await single("official-facilitator", options);
    return officialOn(facilitator, counted(facilitator.origin), options);
  },
  ledger1: (options) => ledger("1", options),
  ledger4: (options) => ledger("4", options),
} satisfies Record<string, (options: SiteOptions) => Promise<Site>>;
export type SiteName = keyof typeof SITES;

const COMPATIBILITY_DATE = "2026-10-23";
const PAYMENT_WORKERS = new Set(workers().map(({ name }) => name));
const scripts = new Map<string, Promise<string>>();
let production: Promise<WorkerBundle[]> | undefined;

/** A Worker of bench/workers/. */
export async function benchWorker(name: string, options: WorkerBundle["options"] = {}, script = name): Promise<WorkerBundle> {
  const built = scripts.get(script) ?? bundleScript(fileURLToPath(new URL(`workers/${script}.ts`, import.meta.url)));
  scripts.set(script, built);
  return { name, script: await built, options: { compatibilityDate: COMPATIBILITY_DATE, ...options } };
}

/** Our three Workers as deployed, built once per run. */
export async function productionBundles(): Promise<WorkerBundle[]> {
  production ??= buildWorkers().then(async () => {
    const bundles = JSON.parse(await readFile(join(BUNDLES, "stack.json"), "utf8")) as WorkerBundle[];
    return bundles.filter(({ name }) => PAYMENT_WORKERS.has(name));
  });
  return production;
}

/** Starts Workers in one workerd; `front` takes the requests. */
export async function serve(
  bundles: readonly WorkerBundle[],
  front: string,
  under: readonly string[],
  open = [front],
): Promise<Site & { workerd: Workerd }> {
  const directory = temporaryDirectory();
  const workerd = await Workerd.create(directory, bundles, open);
  const stop = async () => {
    await workerd.kill();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await workerd.start(under);
  } catch (error) {
    await stop();
    throw error;
  }
  return { origin: workerd.origin(front), workerds: [workerd], workerd, stop };
}

async function single(name: string, { under }: SiteOptions): Promise<Site> {
  return serve([await benchWorker(name)], name, under);
}

async function insert({ under }: SiteOptions): Promise<Site> {
  const store = { className: "Store" };
  const front = await benchWorker("front", { serviceBindings: { NEXT: { name: "middle", entrypoint: "Middle" } } }, "insert");
  const middle = await benchWorker("middle", { durableObjects: { STORE: { ...store, scriptName: "store" } } }, "insert");
  const site = await serve([front, middle, await benchWorker("store", { durableObjects: { STORE: store } }, "insert")], "front", under);
  return { ...site, transfers: counted(site.origin) };
}

/** Our stack with the smallest merchant that a seller could write. Payers get test money. */
async function ours(
  front: "lez-merchant" | "lez-facilitator",
  { payers, under }: SiteOptions,
  merchant: "ours" | "sessions" = "ours",
): Promise<Site> {
  const { script } = await benchWorker(merchant);
  const bundles = (await productionBundles()).map((bundle) =>
    bundle.name === "lez-merchant"
      ? { ...bundle, script, ...(merchant === "sessions" && { options: withSessions(bundle.options) }) }
      : bundle,
  );
  const site = await serve(bundles, front, under, ["lez-merchant", "lez-facilitator"]);
  const facilitator = site.workerd.origin("lez-facilitator");
  for (const { account } of payers) {
    await postJson(`${facilitator}/faucet`, { account, amount: FAUCET_CAP_PER_ACCOUNT.toString(), id: randomId() });
  }
  const transfers = async () => {
    const account = (await (await fetch(`${facilitator}/accounts/${DEMO_MERCHANT_ACCOUNT}`)).json()) as { balance: string };
    return Number(account.balance); // the price is one unit
  };
  return { ...site, transfers };
}

/** Sessions have an object and a key. With that key a merchant signs its offers and receipts, too. */
function withSessions(options: WorkerBundle["options"]): WorkerBundle["options"] {
  const { bindings, durableObjects } = options as { bindings?: object; durableObjects?: object };
  return {
    ...options,
    bindings: { ...bindings, RECEIPT_KEY: DEMO_RECEIPT_KEY },
    durableObjects: { ...durableObjects, SESSIONS: { className: "Sessions" } },
  };
}

async function officialOn(facilitator: Site, transfers: Site["transfers"], { under }: SiteOptions): Promise<Site> {
  const merchant = await serve([await benchWorker("official", { bindings: { FACILITATOR_URL: facilitator.origin } })], "official", under);
  return {
    origin: merchant.origin,
    workerds: [...merchant.workerds, ...facilitator.workerds],
    ...(transfers && { transfers }),
    async stop() {
      await merchant.stop();
      await facilitator.stop();
    },
  };
}

async function ledger(shards: string, { payers, under }: SiteOptions): Promise<Site> {
  const [objects] = (await productionBundles()).filter(({ name }) => name === "lez-ledger-do");
  if (!objects) throw new Error("there is no ledger Worker");
  const bindings = { ...(objects.options["bindings"] as Record<string, string>), SHARDS: shards };
  return driven({ ...objects, options: { ...objects.options, bindings } }, "Ledger", payers, under);
}

/** A ledger whose objects are called by the driver. */
export async function driven(ledger: WorkerBundle, className: string, payers: readonly Payer[], under: readonly string[]): Promise<Site> {
  const { SHARDS = "1" } = ledger.options["bindings"] as Record<string, string>;
  const durableObjects = { LEDGER: { className, scriptName: ledger.name } };
  const site = await serve([await benchWorker("driver", { durableObjects, bindings: { SHARDS } }), ledger], "driver", under);
  for (const { account } of payers) await postJson(`${site.origin}/fund`, { account });
  return { ...site, transfers: counted(site.origin) };
}

function counted(origin: string): () => Promise<number> {
  return async () => ((await (await fetch(`${origin}/transfers`)).json()) as { transfers: number }).transfers;
}

export async function postJson(url: string, body: unknown): Promise<unknown> {
  const answer = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok || text.includes('"ok":false')) throw new Error(`${url}: ${answer.status} ${text}`);
  return JSON.parse(text);
}
