/** `npm run dev`, cut off while its Workers start: no process is left. In wrangler's place stands a program that starts one of its own, as wrangler does. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

/** Answers as the Worker of its configuration; the native one never comes up, and passes no signal on. */
const FAKE = `#!${process.execPath}
const { appendFileSync } = require("node:fs");
const { createServer } = require("node:http");
const { spawn } = require("node:child_process");
const of = (name) => process.argv[process.argv.indexOf(name) + 1];
const runtime = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1000)"], { stdio: "ignore" });
for (const pid of [process.pid, runtime.pid]) appendFileSync(process.env.FAKE_LOG, of("-c") + " " + pid + "\\n");
if (of("-c") === "workers/native/wrangler.toml") setInterval(() => undefined, 1000);
else {
  const status = of("-c") === "workers/lez-devnet/wrangler.toml" ? 405 : 200;
  createServer((request, response) => response.writeHead(status).end("{}")).listen(Number(of("--port")), "127.0.0.1");
  process.on("SIGTERM", () => { runtime.kill(); process.exit(0); });
}
`;

let directory: string;
let log: string;
let dev: ChildProcess | undefined;

const started = () => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : []).map((line) => line.split(" "));
/** One that has ended and that no process waits for is not alive. */
const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
};

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "lez-dev-"));
  log = join(directory, "started");
  await writeFile(join(directory, "wrangler"), FAKE, { mode: 0o755 });
});
afterAll(async () => {
  for (const [, pid] of started()) if (isAlive(Number(pid))) process.kill(Number(pid), "SIGKILL");
  dev?.kill("SIGKILL");
  await rm(directory, { recursive: true, force: true });
});

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
  "%s while the native facilitator starts: nothing is left, and nothing starts afterwards [dev-cut-off]",
  async (signal) => {
    await rm(log, { force: true });
    const env = { ...process.env, PATH: `${directory}:${process.env["PATH"]}`, FAKE_LOG: log };
    dev = spawn(process.execPath, ["scripts/dev.ts", "--lez"], { stdio: ["ignore", "ignore", "inherit"], env });
    const ended = once(dev, "exit");
    await expect.poll(() => started().filter(([config]) => config === "workers/native/wrangler.toml")).toHaveLength(2);
    dev.kill(signal);
    await ended;
    const configs = new Set(started().map(([config]) => config));
    expect(configs).toEqual(
      new Set(["workers/facilitator/wrangler.toml", "workers/lez-devnet/wrangler.toml", "workers/native/wrangler.toml"]),
    );
    expect(started().filter(([, pid]) => isAlive(Number(pid)))).toEqual([]);
  },
);
