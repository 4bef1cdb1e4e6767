/** The whole system on this machine: all Workers in one workerd, reachable on loopback only. */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { V4WorkerOptions } from "miniflare";
import * as z from "zod";
import { DEMO_MERCHANT_LEZ_ACCOUNT } from "../../shared/demo.ts";

/** One Worker, as scripts/build-workers.ts writes it. */
export interface WorkerBundle {
  name: string;
  script: string;
  /** From its wrangler.toml, and its .dev.vars if there is one. */
  options: Record<string, unknown>;
}

export interface StackOptions {
  /** The directory with stack.json. */
  bundles: string;
  /** The directory of the ledger. Default: a temporary one, removed on stop. */
  persist?: string;
  merchantPort?: number;
  facilitatorPort?: number;
  deskPort?: number;
  /** Runs a devnet of LEZ beside the ledger, on this port. */
  lezPort?: number;
  /** The number of shards of a new ledger; default 1. An existing ledger refuses any other number than its own. */
  shards?: number;
  /** Called with each line of a Worker's log. Without it miniflare prints them, most of them on stdout. */
  onLog?: (line: string) => void;
  /** Leaves SIGINT and SIGTERM to the caller. Otherwise miniflare ends the process at once, and what it would remove remains. */
  leaveSignals?: boolean;
  /** Overrides of single vars, per Worker name. */
  vars?: Record<string, Record<string, string>>;
  /** Overrides of rate limits: calls per period, by the name of the binding. */
  limits?: Record<string, number>;
  /** Replaces the demo merchant: the source of a bundled Worker with the same bindings. */
  merchantScript?: string;
}

export interface Stack {
  merchant: string;
  facilitator: string;
  /** The hosted desk, by a name: passkeys take no address. Absent where it is not bundled. */
  desk?: string;
  /** The devnet's JSON-RPC. Absent unless it was asked for. */
  lez?: string;
  /** The demo merchant's account. */
  payTo: string;
  /** The genesis id of the ledger. */
  ledger: string;
  /** The number of objects that the ledger is spread over. */
  shards: number;
  stop(): Promise<void>;
}

/** Its name in workers/desk/wrangler.toml. */
const DESK = "lez-desk";
/** Its name in workers/lez-devnet/wrangler.toml. */
const DEVNET = "lez-devnet";
/** Its name in workers/native/wrangler.toml: settles on the devnet. */
const NATIVE = "lez-native-facilitator";
/** Beside stack.json: the Worker that has the explorer's page. A stack without it has no explorer. */
export const EXPLORER_SCRIPT = "explorer.js";
const EXPLORER = "lez-explorer";

const healthSchema = z.object({ ledger: z.string() });

export async function startStack(options: StackOptions): Promise<Stack> {
  const { Miniflare, convertV4MiniflareOptions, Log, LogLevel } = await import("miniflare");
  const built = JSON.parse(await readFile(join(options.bundles, "stack.json"), "utf8")) as WorkerBundle[];
  const bundles = built.filter(({ name }) => ![DEVNET, NATIVE].includes(name) || options.lezPort !== undefined);
  const explorer = await readFile(join(options.bundles, EXPLORER_SCRIPT), "utf8").catch(() => undefined);
  const { onLog } = options;
  const directory = options.persist ?? (await mkdtemp(join(tmpdir(), "lez-agent-pay-")));
  /** miniflare logs its errors to stdout, which is for data. */
  class ErrorLog extends Log {
    override log(message: string): void {
      process.stderr.write(`${message}\n`);
    }
  }

  const listening = listenersOf();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      log: new ErrorLog(LogLevel.ERROR),
      cf: false,
      ...(onLog && { handleStructuredLogs: ({ message }) => onLog(message) }),
      resourcePersistencePath: directory,
      workers: withExplorer(
        bundles.map((bundle) => workerOptions(bundle, options)),
        explorer,
      ),
    }),
  );
  if (options.leaveSignals) {
    for (const [signal, listener] of listenersOf()) {
      if (!listening.some(([, other]) => other === listener)) process.off(signal, listener);
    }
  }
  try {
    await miniflare.ready;
    const merchant = await origin(miniflare.unsafeGetDirectURL("lez-merchant"));
    const facilitator = await origin(miniflare.unsafeGetDirectURL("lez-facilitator"));
    const desk = bundles.some(({ name }) => name === DESK) ? await miniflare.unsafeGetDirectURL(DESK) : undefined;
    const lez = options.lezPort === undefined ? undefined : await origin(miniflare.unsafeGetDirectURL(DEVNET));
    const health = healthSchema.safeParse(await (await fetch(`${facilitator}/health`)).json());
    if (!health.success) throw new Error("the ledger does not answer");
    return {
      merchant,
      facilitator,
      ...(desk && { desk: `http://localhost:${desk.port}` }),
      ...(lez && { lez }),
      payTo: payToOf(bundles),
      ledger: health.data.ledger,
      shards: options.shards ?? 1,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }

  async function stop(): Promise<void> {
    await miniflare.dispose();
    if (options.persist === undefined) await rm(directory, { recursive: true, force: true });
  }
}

function listenersOf(): [NodeJS.Signals, NodeJS.SignalsListener][] {
  const of = (signal: NodeJS.Signals) =>
    process.listeners(signal).map((listener): [NodeJS.Signals, NodeJS.SignalsListener] => [signal, listener]);
  return (["SIGINT", "SIGTERM"] as const).flatMap(of);
}

function workerOptions({ name, script, options }: WorkerBundle, stack: StackOptions): V4WorkerOptions {
  const { merchantPort = 0, facilitatorPort = 0, deskPort = 0, lezPort = 0, vars = {}, limits = {}, shards, merchantScript } = stack;
  const ports: Record<string, number> = {
    "lez-merchant": merchantPort,
    "lez-facilitator": facilitatorPort,
    [DESK]: deskPort,
    [DEVNET]: lezPort,
  };
  const port = ports[name];
  return {
    ...options,
    name,
    modules: true,
    script: name === "lez-merchant" ? (merchantScript ?? script) : script,
    bindings: {
      ...(options["bindings"] as object),
      ...(shards !== undefined && ["lez-facilitator", "lez-ledger-do"].includes(name) && { SHARDS: String(shards) }),
      ...(name === "lez-merchant" && stack.lezPort !== undefined && { PAY_TO_LEZ: DEMO_MERCHANT_LEZ_ACCOUNT }),
      ...(name === NATIVE && { SEQUENCER_URL: `http://${DEVNET}/` }),
      ...vars[name],
    },
    ratelimits: withLimits(options["ratelimits"] as RateLimits, limits),
    ...(name === "lez-facilitator" &&
      stack.lezPort !== undefined && { serviceBindings: { ...(options["serviceBindings"] as object), NATIVE } }),
    // All that it fetches is its sequencer, which has no port before the stack runs.
    ...(name === NATIVE && { outboundService: DEVNET }),
    ...(port !== undefined && { unsafeDirectSockets: [{ host: "127.0.0.1", port }] }),
  };
}

function withExplorer(workers: V4WorkerOptions[], script: string | undefined): V4WorkerOptions[] {
  if (script === undefined) return workers;
  const bound = workers.map((worker) =>
    worker.name === "lez-facilitator" ? { ...worker, serviceBindings: { ...worker.serviceBindings, EXPLORER } } : worker,
  );
  return [...bound, { name: EXPLORER, modules: true, script, ...compatibilityOf(workers) }];
}

function compatibilityOf([first]: V4WorkerOptions[]): Pick<V4WorkerOptions, "compatibilityDate"> {
  return first?.compatibilityDate === undefined ? {} : { compatibilityDate: first.compatibilityDate };
}

type RateLimits = Record<string, { namespace_id: string; simple: { limit: number; period?: 10 | 60 } }>;

function withLimits(configured: RateLimits, limits: Record<string, number>): RateLimits {
  return Object.fromEntries(
    Object.entries(configured).map(([name, { simple, ...rest }]) => [
      name,
      { ...rest, simple: { ...simple, limit: limits[name] ?? simple.limit } },
    ]),
  );
}

async function origin(url: Promise<URL>): Promise<string> {
  return (await url).origin;
}

function payToOf(bundles: WorkerBundle[]): string {
  const merchant = bundles.find(({ name }) => name === "lez-merchant");
  return (merchant?.options["bindings"] as { PAY_TO?: string } | undefined)?.PAY_TO ?? "";
}
