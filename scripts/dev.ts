/**
 * `npm run dev`: the three Workers under `wrangler dev`, reloading on change. One wrangler answers HTTP for its first
 * config only, so there are two: the merchant on 8787, the facilitator with the ledger on 8788.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { DEMO_RECEIPT_KEY } from "../shared/demo.ts";
import { QUIET_WRANGLER } from "./wrangler-env.ts";

const MERCHANT = ["-c", "wrangler.toml", "--port", "8787", "--inspector-port", "0", "--var", `RECEIPT_KEY:${DEMO_RECEIPT_KEY}`];
const FACILITATOR = [
  "-c",
  "workers/facilitator/wrangler.toml",
  "-c",
  "workers/ledger-do/wrangler.toml",
  "--port",
  "8788",
  "--inspector-port",
  "0",
];

const children = [start(FACILITATOR), start(MERCHANT)];
console.error("merchant     http://127.0.0.1:8787\nfacilitator  http://127.0.0.1:8788\nCtrl-C stops both.");

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);
for (const child of children) child.once("exit", stop);

function start(args: string[]): ChildProcess {
  const persist = ["--persist-to", ".wrangler/state", "--ip", "127.0.0.1", "--show-interactive-dev-session", "false"];
  return spawn("wrangler", ["dev", ...args, ...persist], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...QUIET_WRANGLER },
  });
}

function stop(): void {
  for (const child of children) child.kill("SIGTERM");
}
