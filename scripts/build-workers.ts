/**
 * Bundles the Workers for running outside wrangler: the local stack, the demo, tests and benchmarks.
 * Same bundler and conditions as wrangler's; bindings and dates come from the wrangler.toml files, never from here.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";
import type { WorkerBundle } from "../agent-cli/demo/stack.ts";
import { buildDeskWorker } from "./build-desk-worker.ts";

// wrangler announces on stdout what it reads; the stack's stdout has one JSON line and nothing else.
process.env["WRANGLER_LOG"] ??= "error";
const { unstable_getMiniflareWorkerOptions: readWorkerOptions, unstable_readConfig: readConfig } = await import("wrangler");

const ROOT = fileURLToPath(new URL("..", import.meta.url));
export const BUNDLES = `${ROOT}dist/workers`;

/** The merchant first: miniflare sends requests without a target to the first Worker. */
const CONFIGS = ["wrangler.toml", "workers/facilitator/wrangler.toml", "workers/ledger-do/wrangler.toml"];
/** A stack runs it only if it is asked to. */
const DEVNET_CONFIG = "workers/lez-devnet/wrangler.toml";
/** With it runs the Worker that settles on it. */
export const NATIVE_CONFIG = "workers/native/wrangler.toml";
/** Bundled before, with its page: its `main` is that bundle. */
const DESK_CONFIG = "workers/desk/wrangler.toml";

const OPTIONAL_SERVICES = new Set(["EXPLORER", "NATIVE"]);

export async function buildWorkers(outDir: string = BUNDLES): Promise<void> {
  await mkdir(outDir, { recursive: true });
  await buildDeskWorker();
  const bundles = await Promise.all([...CONFIGS, DESK_CONFIG, DEVNET_CONFIG, NATIVE_CONFIG].map((config) => bundle(`${ROOT}${config}`)));
  await writeFile(`${outDir}/stack.json`, JSON.stringify(bundles));
}

/** The Worker that the test kit adds to a workers pool. */
export async function buildTestLedgers(): Promise<void> {
  await mkdir(`${ROOT}dist/test-kit`, { recursive: true });
  await writeFile(`${ROOT}dist/test-kit/ledgers.js`, await bundleScript(`${ROOT}test-kit/ledger-worker.ts`));
}

async function bundle(configPath: string): Promise<WorkerBundle> {
  const { main = "", workerOptions } = readWorkerOptions(configPath);
  const { compatibilityDate, bindings, durableObjects, additionalUnboundDurableObjects, serviceBindings, ratelimits } = workerOptions;
  // A stack binds what it may run without: the explorer where its page is built, the chain if it is asked to.
  const services = Object.fromEntries(Object.entries(serviceBindings ?? {}).filter(([binding]) => !OPTIONAL_SERVICES.has(binding)));
  return {
    name: readConfig({ config: configPath }).name ?? "",
    script: await bundleScript(main),
    options: { compatibilityDate, bindings, durableObjects, additionalUnboundDurableObjects, serviceBindings: services, ratelimits },
  };
}

/** The three Workers of a payment: their names, and where their code begins. */
export function workers(): { name: string; main: string }[] {
  return CONFIGS.map((config) => {
    const { name = "", main = "" } = readConfig({ config: `${ROOT}${config}` });
    return { name, main };
  });
}

/** One Worker as a single ES module, minified as for production. @param plugins a test's, which change its source */
export async function bundleScript(entryPoint: string, plugins: Plugin[] = []): Promise<string> {
  return (await bundleWorker(entryPoint, plugins)).script;
}

/** The same, with the bytes that each file contributes. */
export async function bundleWorker(
  entryPoint: string,
  plugins: Plugin[] = [],
): Promise<{ script: string; bytesOf: Record<string, number> }> {
  const { outputFiles, metafile } = await build({
    entryPoints: [entryPoint],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    plugins,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    // Our Workers use no Node module; the official packages that tests and benchmarks bundle do.
    external: ["cloudflare:*", "node:*"],
    alias: Object.fromEntries(builtinModules.filter((name) => !name.startsWith("_")).map((name) => [name, `node:${name}`])),
  });
  const inputs = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
  const bytesOf = Object.fromEntries(inputs.map(([file, { bytesInOutput }]) => [file, bytesInOutput]));
  return { script: outputFiles[0]?.text ?? "", bytesOf };
}

if (import.meta.main) await buildWorkers();
