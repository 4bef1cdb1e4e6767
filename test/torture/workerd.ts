/** Raw workerd over a directory: it starts in a moment, and can be killed at any. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { bundleScript } from "../../scripts/build-workers.ts";

const COMPATIBILITY_DATE = "2026-10-23";
/** workerd comes with miniflare. */
const { default: WORKERD } = createRequire(createRequire(import.meta.url).resolve("miniflare"))("workerd") as { default: string };

const entry = (name: string) => bundleScript(fileURLToPath(new URL(name, import.meta.url)));

export class Workerd {
  readonly origin: string;
  /** Where the merchant listens, if there is one. */
  readonly merchant: string;
  readonly #directory: string;
  readonly #port: number;
  readonly #merchantPort: number | undefined;
  #process: ChildProcess | undefined;

  private constructor(directory: string, port: number, merchantPort: number | undefined) {
    this.#directory = directory;
    this.#port = port;
    this.#merchantPort = merchantPort;
    this.origin = `http://127.0.0.1:${port}`;
    this.merchant = `http://127.0.0.1:${merchantPort}`;
  }

  /**
   * Facilitator and ledger, not started yet. What they store stays in `directory`.
   * @param vars bindings of a merchant beside them, from workers/dying-merchant.ts; without, there is none
   */
  static async create(directory: string, shards: number, vars?: Record<string, string>): Promise<Workerd> {
    await mkdir(join(directory, "storage"), { recursive: true });
    await writeFile(join(directory, "ledger.js"), await entry("workers/ledger.ts"));
    await writeFile(join(directory, "facilitator.js"), await entry("workers/facilitator.ts"));
    if (vars) await writeFile(join(directory, "merchant.js"), await entry("workers/dying-merchant.ts"));
    await writeFile(join(directory, "config.capnp"), configOf(directory, shards, vars));
    return new Workerd(directory, await freePort(), vars && (await freePort()));
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const sockets = { http: this.#port, ...(this.#merchantPort !== undefined && { merchant: this.#merchantPort }) };
    const args = ["serve", "config.capnp", ...Object.entries(sockets).map(([name, port]) => `--socket-addr=${name}=127.0.0.1:${port}`)];
    this.#process = spawn(WORKERD, args, { cwd: this.#directory, stdio: "ignore" });
    const deadline = Date.now() + 20_000;
    while (!(await isUp(this.origin))) {
      if (Date.now() > deadline) throw new Error("workerd does not answer");
      await sleep(5);
    }
  }

  /** SIGKILL: nothing is flushed, nobody says goodbye. */
  async kill(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (!this.#process || this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.once("exit", () => resolve());
    this.#process.kill("SIGKILL");
    await promise;
  }
}

function configOf(directory: string, shards: number, merchantVars?: Record<string, string>): string {
  const vars = `(name = "FAUCET", text = "on"), (name = "SHARDS", text = "${shards}")`;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "facilitator", worker = (
      modules = [(name = "facilitator.js", esModule = embed "facilitator.js")],
      compatibilityDate = "${COMPATIBILITY_DATE}",
      bindings = [(name = "LEDGER", durableObjectNamespace = (className = "Ledger", serviceName = "ledger")), ${vars}],
    )),
    (name = "ledger", worker = (
      modules = [(name = "ledger.js", esModule = embed "ledger.js")],
      compatibilityDate = "${COMPATIBILITY_DATE}",
      bindings = [(name = "LEDGER", durableObjectNamespace = "Ledger"), ${vars}],
      durableObjectNamespaces = [(className = "Ledger", uniqueKey = "ledger", enableSql = true)],
      durableObjectStorage = (localDisk = "storage"),
    )),
    (name = "storage", disk = (path = ${JSON.stringify(join(directory, "storage"))}, writable = true)),${merchantVars ? merchantOf(merchantVars) : ""}
  ],
  sockets = [(name = "http", service = "facilitator", http = ())${merchantVars ? ', (name = "merchant", service = "merchant", http = ())' : ""}],
);
`;
}

/** The merchant, and the way to the test that watches it. */
function merchantOf(vars: Record<string, string>): string {
  const texts = Object.entries(vars).map(([name, text]) => `(name = "${name}", text = "${text}")`);
  return `
    (name = "merchant", worker = (
      modules = [(name = "merchant.js", esModule = embed "merchant.js")],
      compatibilityDate = "${COMPATIBILITY_DATE}",
      bindings = [(name = "FACILITATOR", service = "facilitator"), (name = "DELIVERIES", durableObjectNamespace = "Deliveries"), ${texts.join(", ")}],
      durableObjectNamespaces = [(className = "Deliveries", uniqueKey = "deliveries", enableSql = true)],
      durableObjectStorage = (localDisk = "storage"),
      globalOutbound = "loopback",
    )),
    (name = "loopback", network = (allow = ["local", "private"])),`;
}

async function isUp(origin: string): Promise<boolean> {
  return fetch(`${origin}/health`).then(
    ({ ok, body }) => body?.cancel().then(() => ok) ?? ok,
    () => false,
  );
}

function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer()
    .once("error", reject)
    .listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port"))));
    });
  return promise;
}
