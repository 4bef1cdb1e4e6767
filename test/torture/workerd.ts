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
  readonly #directory: string;
  readonly #port: number;
  #process: ChildProcess | undefined;

  private constructor(directory: string, port: number) {
    this.#directory = directory;
    this.#port = port;
    this.origin = `http://127.0.0.1:${port}`;
  }

  /** Facilitator and ledger, not started yet. What they store stays in `directory`. */
  static async create(directory: string, shards: number): Promise<Workerd> {
    await mkdir(join(directory, "storage"), { recursive: true });
    await writeFile(join(directory, "ledger.js"), await entry("workers/ledger.ts"));
    await writeFile(join(directory, "facilitator.js"), await entry("workers/facilitator.ts"));
    await writeFile(join(directory, "config.capnp"), configOf(directory, shards));
    return new Workerd(directory, await freePort());
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const args = ["serve", "config.capnp", "--socket-addr", `http=127.0.0.1:${this.#port}`];
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

function configOf(directory: string, shards: number): string {
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
    (name = "storage", disk = (path = ${JSON.stringify(join(directory, "storage"))}, writable = true)),
  ],
  sockets = [(name = "http", service = "facilitator", http = ())],
);
`;
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
