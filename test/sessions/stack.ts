/** The real stack with several merchant Workers: each is an isolate of its own, and all share the objects of the first. */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4WorkerOptions } from "miniflare";
import type { WorkerBundle } from "../../agent-cli/demo/stack.ts";
import { bundleScript, BUNDLES } from "../../scripts/build-workers.ts";
import { bytesToHex, randomBytes } from "../../shared/crypto/bytes.ts";
import { DEMO_RECEIPT_KEY } from "../../shared/demo.ts";

/** Every merchant's origin, to its buyers and in its sessions. */
export const ORIGIN = "https://shop.example";

export interface SessionStack {
  facilitator: string;
  /** The addresses of the merchant's Workers. */
  merchants: string[];
  /** Lines of the Workers' logs that are JSON. */
  logs: Record<string, unknown>[];
  /** How often handlers ran, over all Workers. */
  runs(): Promise<number>;
  account(id: string): Promise<{ balance: bigint; held: bigint }>;
  fund(account: string): Promise<void>;
  /** Kills the runtime with all Workers, and starts it again on what is on disk. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export async function startSessionStack(count: number): Promise<SessionStack> {
  const bundles = JSON.parse(await readFile(join(BUNDLES, "stack.json"), "utf8")) as WorkerBundle[];
  const script = await bundleScript(fileURLToPath(new URL("workers/session-shop.ts", import.meta.url)));
  const directory = await mkdtemp(join(tmpdir(), "lez-sessions-"));
  const logs: Record<string, unknown>[] = [];
  const names = Array.from({ length: count }, (_, index) => `shop-${index}`);
  const shops = names.map((name) => shop(name, script, bundles));
  const others = bundles.filter(({ name }) => name !== "lez-merchant").map(other);
  const start = async () => {
    const miniflare = new Miniflare(
      convertV4MiniflareOptions({
        log: new Log(LogLevel.ERROR),
        cf: false,
        handleStructuredLogs: ({ message }) => void (message.startsWith("{") && logs.push(JSON.parse(message) as Record<string, unknown>)),
        resourcePersistencePath: directory,
        workers: [...shops, ...others],
      }),
    );
    await miniflare.ready;
    const address = async (name: string) => (await miniflare.unsafeGetDirectURL(name)).origin;
    return { miniflare, facilitator: await address("lez-facilitator"), merchants: await Promise.all(names.map(address)) };
  };
  let running = await start();
  return {
    get facilitator() {
      return running.facilitator;
    },
    get merchants() {
      return running.merchants;
    },
    logs,
    async runs() {
      const counts = await Promise.all(
        running.merchants.map(async (url) => (await (await fetch(`${url}/runs`)).json()) as { runs: number }),
      );
      return counts.reduce((sum, { runs }) => sum + runs, 0);
    },
    async account(id) {
      const { balance, held } = (await (await fetch(`${running.facilitator}/accounts/${id}`)).json()) as { balance: string; held: string };
      return { balance: BigInt(balance), held: BigInt(held) };
    },
    async fund(account) {
      const body = JSON.stringify({ account, id: bytesToHex(randomBytes(32)) });
      const response = await fetch(`${running.facilitator}/faucet`, { method: "POST", body });
      if (!response.ok) throw new Error(`the faucet answers ${response.status}`);
    },
    async kill() {
      await running.miniflare.dispose();
      running = await start();
    },
    async stop() {
      await running.miniflare.dispose();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function shop(name: string, script: string, bundles: WorkerBundle[]): V4WorkerOptions {
  const merchant = bundles.find((bundle) => bundle.name === "lez-merchant");
  const { compatibilityDate, serviceBindings, bindings } = (merchant?.options ?? {}) as V4WorkerOptions;
  const isFirst = name === "shop-0";
  return {
    name,
    modules: true,
    script,
    ...(compatibilityDate && { compatibilityDate }),
    ...(serviceBindings && { serviceBindings }),
    bindings: { ...bindings, PUBLIC_ORIGIN: ORIGIN, RECEIPT_KEY: DEMO_RECEIPT_KEY },
    durableObjects: { SESSIONS: { className: "Sessions", useSQLite: true, ...(!isFirst && { scriptName: "shop-0" }) } },
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  };
}

function other({ name, script, options }: WorkerBundle): V4WorkerOptions {
  const limits = (options["ratelimits"] ?? {}) as Record<string, { simple: object }>;
  const ratelimits = Object.fromEntries(
    Object.entries(limits).map(([limit, { simple, ...rest }]) => [limit, { ...rest, simple: { ...simple, limit: 1_000_000 } }]),
  );
  const isFacilitator = name === "lez-facilitator";
  const socket = isFacilitator ? { unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] } : {};
  return { ...options, name, modules: true, script, ratelimits, ...socket } as V4WorkerOptions;
}
