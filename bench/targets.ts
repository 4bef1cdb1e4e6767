/** What is measured: each path in a workerd of its own, production bundles, direct sockets. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startStack } from "../agent-cli/demo/stack.ts";
import { BUNDLES, bundleScript, buildWorkers } from "../scripts/build-workers.ts";
import { bytesToHex, randomBytes } from "../shared/bytes.ts";
import { decodeHeader, PAYMENT_REQUIRED } from "../shared/headers.ts";
import { FAUCET_CAP_PER_ACCOUNT } from "../shared/limits.ts";
import { type PaymentRequirements, paymentRequiredSchema } from "../shared/x402.ts";
import type { Payer } from "./payments.ts";

export interface Target {
  url: string;
  /** Payments that the ledger knows of; undefined where nothing is stored. */
  transfers(): Promise<number | undefined>;
  stop(): Promise<void>;
}

const COMPATIBILITY_DATE = "2026-10-23";
const script = (name: string) => bundleScript(fileURLToPath(new URL(`workers/${name}.ts`, import.meta.url)));

/** @param payers get test money */
export async function ours(path: string, payers: readonly Payer[]): Promise<Target> {
  await buildWorkers();
  const stack = await startStack({ bundles: BUNDLES, merchantScript: await script("ours"), unlimited: true });
  for (const { account } of payers) {
    const grant = { account, amount: FAUCET_CAP_PER_ACCOUNT.toString(), id: bytesToHex(randomBytes(32)) };
    const funded = await fetch(`${stack.facilitator}/faucet`, { method: "POST", body: JSON.stringify(grant) });
    if (!funded.ok) throw new Error(`faucet: ${funded.status} ${await funded.text()}`);
  }
  const earned = async () => {
    const account = (await (await fetch(`${stack.facilitator}/accounts/${stack.payTo}`)).json()) as { balance: string };
    return Number(account.balance);
  };
  return { url: `${stack.merchant}${path}`, transfers: earned, stop: () => stack.stop() };
}

/** A single Worker, or several in one workerd. */
export async function plain(name: "bare" | "official"): Promise<Target> {
  const worker = { name, modules: true as const, script: await script(name), compatibilityDate: COMPATIBILITY_DATE };
  return start([{ ...worker, unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] }], name);
}

export async function insert(): Promise<Target> {
  const worker = { modules: true as const, script: await script("insert"), compatibilityDate: COMPATIBILITY_DATE };
  const store = { className: "Store", useSQLite: true };
  return start(
    [
      {
        ...worker,
        name: "front",
        serviceBindings: { NEXT: { name: "middle", entrypoint: "Middle" } },
        unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
      },
      { ...worker, name: "middle", durableObjects: { STORE: { ...store, scriptName: "store" } } },
      { ...worker, name: "store", durableObjects: { STORE: store } },
    ],
    "front",
  );
}

async function start(workers: Record<string, unknown>[], front: string): Promise<Target> {
  const { Miniflare, convertV4MiniflareOptions, Log, LogLevel } = await import("miniflare");
  const directory = await mkdtemp(join(tmpdir(), "lez-bench-"));
  const options = { log: new Log(LogLevel.ERROR), cf: false as const, resourcePersistencePath: directory, workers: workers as never };
  const miniflare = new Miniflare(convertV4MiniflareOptions(options));
  await miniflare.ready;
  const { origin } = await miniflare.unsafeGetDirectURL(front);
  return {
    url: `${origin}/item`,
    transfers: async () => undefined,
    async stop() {
      await miniflare.dispose();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The offer of a target, as it is now. */
export async function offerOf(url: string): Promise<PaymentRequirements> {
  const required = decodeHeader((await fetch(url)).headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema);
  const [offer] = required.ok ? required.value.accepts : [];
  if (!offer) throw new Error(`${url} makes no offer`);
  return offer;
}
