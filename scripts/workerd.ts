/** Bundled Workers in raw workerd, each on a socket of its own: quick to start, and killable at any moment. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { WorkerBundle } from "../agent-cli/demo/stack.ts";

/** workerd comes with miniflare. */
const { default: WORKERD, version: WORKERD_VERSION } = createRequire(createRequire(import.meta.url).resolve("miniflare"))("workerd") as {
  default: string;
  version: string;
};
export { WORKERD_VERSION };

const START_MILLIS = 20_000;

/** This process may end before it stops them. */
const running = new Set<ChildProcess>();
process.once("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/** The options of a Worker that workerd supports. Rate limits are the platform's. */
interface Options {
  compatibilityDate: string;
  bindings?: Record<string, string>;
  serviceBindings?: Record<string, { name: string; entrypoint?: string }>;
  durableObjects?: Record<string, { className: string; scriptName?: string }>;
}

export class Workerd {
  readonly #directory: string;
  readonly #ports: ReadonlyMap<string, number>;
  #process: ChildProcess | undefined;

  private constructor(directory: string, ports: ReadonlyMap<string, number>) {
    this.#directory = directory;
    this.#ports = ports;
  }

  /**
   * Prepares workerd without starting it. Its objects store in `directory`.
   * @param open names of the Workers that answer HTTP
   */
  static async create(directory: string, bundles: readonly WorkerBundle[], open: readonly string[]): Promise<Workerd> {
    await mkdir(join(directory, "storage"), { recursive: true });
    for (const { name, script } of bundles) await writeFile(join(directory, `${name}.js`), script);
    await writeFile(join(directory, "config.capnp"), configOf(directory, bundles, open));
    const ports = new Map<string, number>();
    for (const name of open) ports.set(name, await freePort());
    return new Workerd(directory, ports);
  }

  origin(name: string): string {
    const port = this.#ports.get(name);
    if (port === undefined) throw new Error(`${name} is not open`);
    return `http://127.0.0.1:${port}`;
  }

  get pid(): number {
    const { pid } = this.#process ?? {};
    if (pid === undefined) throw new Error("workerd is not running");
    return pid;
  }

  /**
   * Resolves when its sockets listen; no request has reached a Worker then.
   * @param under a command that runs workerd: `taskset -c 0`, say
   */
  async start(under: readonly string[] = []): Promise<void> {
    const sockets = [...this.#ports].flatMap(([name, port]) => ["--socket-addr", `${name}=127.0.0.1:${port}`]);
    const [command = WORKERD, ...args] = [...under, WORKERD, "serve", "config.capnp", ...sockets];
    const child = spawn(command, args, { cwd: this.#directory, stdio: "ignore" });
    running.add(child);
    child.once("exit", () => running.delete(child));
    this.#process = child;
    const deadline = Date.now() + START_MILLIS;
    for (const port of this.#ports.values()) {
      while (!(await listens(port))) {
        if (Date.now() > deadline || child.exitCode !== null) throw new Error("workerd does not start");
        await sleep(2);
      }
    }
  }

  /** SIGKILL: nothing is flushed. */
  async kill(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (!this.#process || this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.once("exit", () => resolve());
    this.#process.kill("SIGKILL");
    await promise;
  }
}

function configOf(directory: string, bundles: readonly WorkerBundle[], open: readonly string[]): string {
  const services = bundles.map(serviceOf);
  const sockets = open.map((name) => `(name = ${text(name)}, service = ${text(name)}, http = ())`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ${services.join(",\n    ")},
    (name = "storage", disk = (path = ${text(join(directory, "storage"))}, writable = true)),
    (name = "internet", network = (allow = ["local"])),
  ],
  sockets = [${sockets.join(", ")}],
);
`;
}

function serviceOf({ name, options }: WorkerBundle): string {
  const { compatibilityDate, bindings = {}, serviceBindings = {}, durableObjects = {} } = options as unknown as Options;
  const own = Object.values(durableObjects).filter(({ scriptName }) => scriptName === undefined);
  const bound = [
    ...Object.entries(bindings).map(([key, value]) => `(name = ${text(key)}, text = ${text(value)})`),
    ...Object.entries(serviceBindings).map(
      ([key, { name, entrypoint }]) =>
        `(name = ${text(key)}, service = (name = ${text(name)}${entrypoint ? `, entrypoint = ${text(entrypoint)}` : ""}))`,
    ),
    ...Object.entries(durableObjects).map(
      ([key, { className, scriptName = name }]) =>
        `(name = ${text(key)}, durableObjectNamespace = (className = ${text(className)}, serviceName = ${text(scriptName)}))`,
    ),
  ];
  const stored = own.map(
    ({ className }) => `(className = ${text(className)}, uniqueKey = ${text(`${name}-${className}`)}, enableSql = true)`,
  );
  const storage = `durableObjectNamespaces = [${stored.join(", ")}], durableObjectStorage = (localDisk = "storage"), `;
  return `(name = ${text(name)}, worker = (
      modules = [(name = ${text(`${name}.js`)}, esModule = embed ${text(`${name}.js`)})],
      compatibilityDate = ${text(compatibilityDate)}, ${own.length > 0 ? storage : ""}bindings = [${bound.join(", ")}],
    ))`;
}

/** Cap'n Proto's strings are C's; JSON's are close enough for names and paths. */
const text = (value: string) => JSON.stringify(value);

function listens(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, "127.0.0.1")
    .once("connect", () => {
      socket.destroy();
      resolve(true);
    })
    .once("error", () => resolve(false));
  return promise;
}

export function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer()
    .once("error", reject)
    .listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port"))));
    });
  return promise;
}
