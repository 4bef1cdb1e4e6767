/**
 * `npm run dev`: the Workers under `wrangler dev`, reloading on change; otherwise as `lez-agent-pay stack`. One wrangler answers HTTP for
 * its first config only, so there are three: the merchant on 8787, the facilitator with the ledger and the explorer on 8788, the desk on 8790.
 * With `--lez` there are two more: the devnet on 8791, and the native facilitator, which `--var` reaches only in a wrangler of its own.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import * as z from "zod";
import { type CommandContext, defineCommand } from "../agent-cli/command-line/command.ts";
import { failureText } from "../agent-cli/command-line/envelope.ts";
import { nameField } from "../agent-cli/command-line/fields.ts";
import { runCommand } from "../agent-cli/command-line/run.ts";
import { runUntilTold, stack } from "../agent-cli/commands/stack.ts";
import { asksAPrice, offersDevnet, portTaken } from "../agent-cli/demo/boot.ts";
import { onKeptLedger } from "../agent-cli/demo/kept-ledger.ts";
import type { Stack } from "../agent-cli/demo/stack.ts";
import { PROGRAM } from "../agent-cli/registry.ts";
import { contextFor } from "../agent-cli/runtime/context.ts";
import { EXIT } from "../agent-cli/runtime/exit-codes.ts";
import { processIo } from "../agent-cli/runtime/io.ts";
import {
  LOCAL_FACILITATOR_PORT,
  LOCAL_HOSTED_DESK_PORT,
  LOCAL_LEZ_PORT,
  LOCAL_MERCHANT_PORT,
  READY_POLL_MILLIS,
  READY_SECONDS,
} from "../agent-cli/runtime/limits.ts";
import { fail, type Failure, type Outcome, refuse, succeed } from "../agent-cli/runtime/outcome.ts";
import { DEMO_MERCHANT_ACCOUNT, DEMO_MERCHANT_LEZ_ACCOUNT, DEMO_RECEIPT_KEY } from "../shared/demo.ts";
import { buildExplorer } from "./build-explorer.ts";
import { QUIET_WRANGLER } from "./wrangler-env.ts";

const HELP = `Usage: npm run dev [-- --persist DIR] [--lez]

Runs merchant, facilitator, ledger, explorer and desk under wrangler dev, and reloads them on change, until Ctrl-C.
Prints one line of JSON once the merchant has named a price.

  --persist DIR  keep the ledger in this folder; else it is forgotten at the end
  --lez          run a devnet of the Logos Execution Zone, too
`;
const MERCHANT = ["-c", "wrangler.toml", "--port", String(LOCAL_MERCHANT_PORT), "--var", `RECEIPT_KEY:${DEMO_RECEIPT_KEY}`];
const FACILITATOR = [
  "-c",
  "workers/facilitator/wrangler.toml",
  "-c",
  "workers/ledger-do/wrangler.toml",
  "-c",
  "workers/explorer/wrangler.toml",
  "--port",
  String(LOCAL_FACILITATOR_PORT),
];
const DESK = ["-c", "workers/desk/wrangler.toml", "--port", String(LOCAL_HOSTED_DESK_PORT)];
const DEVNET = ["-c", "workers/lez-devnet/wrangler.toml", "--port", String(LOCAL_LEZ_PORT)];
const NATIVE = ["-c", "workers/native/wrangler.toml"];
/** As the wrangler.toml files say. */
const SHARDS = 1;
/** How long a wrangler may take to end. */
const STOP_MILLIS = 5000;

const dev = defineCommand({
  name: "dev",
  audience: "dev",
  summary: stack.summary,
  input: z.strictObject({ persist: nameField.optional(), lez: z.boolean().default(false) }),
  output: stack.output,
  examples: [],
  async run(context, { persist, lez }) {
    const ports = {
      merchantPort: LOCAL_MERCHANT_PORT,
      facilitatorPort: LOCAL_FACILITATOR_PORT,
      deskPort: LOCAL_HOSTED_DESK_PORT,
      ...(lez && { lezPort: LOCAL_LEZ_PORT }),
    };
    const taken =
      (await portTaken("merchant", ports)) ??
      (await portTaken("facilitator", ports)) ??
      (await portTaken("desk", ports)) ??
      (await portTaken("lez", ports));
    if (taken) return taken;
    const kept = persist === undefined ? undefined : resolve(persist);
    const folder = kept ?? mkdtempSync(join(tmpdir(), "lez-agent-pay-dev-"));
    const ended = Promise.withResolvers<Failure>();
    const started = await onKeptLedger(context, folder, SHARDS, () => startWranglers(context, folder, lez, ended));
    if (kept === undefined) context.atEnd(async () => rmSync(folder, { recursive: true, force: true }));
    if (!started.ok) return started;
    return Promise.race([runUntilTold(context, started.data, { quiet: false, persist: kept }), ended.promise]);
  },
  render: () => [],
});

/** @param ended is told if a wrangler ends by itself */
async function startWranglers(
  context: CommandContext,
  folder: string,
  withDevnet: boolean,
  ended: PromiseWithResolvers<Failure>,
): Promise<Outcome<Stack>> {
  await buildExplorer();
  const exits: { child: ChildProcess; exit: Promise<unknown> }[] = [];
  let isStopping = false;
  const start = (args: string[]) => {
    // It was cut off while one of them started: the end has begun, and would not know of another.
    if (isStopping || context.io.signal.aborted) return;
    const child = wrangler(args, folder);
    const exit = once(child, "exit");
    exits.push({ child, exit });
    void exit.then(() => isStopping || context.io.signal.aborted || ended.resolve(endedEarly()));
  };
  const stop = async () => {
    isStopping = true;
    for (const { child } of exits) signalGroup(child, "SIGTERM");
    await Promise.all(exits.map(({ exit }) => Promise.race([exit, sleep(STOP_MILLIS)])));
    // One that was starting may not have passed the signal on to its runtime.
    for (const { child } of exits) signalGroup(child, "SIGKILL");
  };
  context.atEnd(stop);
  const [merchant, facilitator] = [`http://127.0.0.1:${LOCAL_MERCHANT_PORT}`, `http://127.0.0.1:${LOCAL_FACILITATOR_PORT}`];
  // Without a devnet it offers nothing, and runs where it needs no process.
  start([...FACILITATOR, ...(withDevnet ? [] : NATIVE)]);
  // Two runtimes that open one folder in the same moment find its databases locked.
  const early = await Promise.race([answers(context, `${facilitator}/health`), ended.promise]);
  if (early) return early;
  const lez = withDevnet ? `http://127.0.0.1:${LOCAL_LEZ_PORT}` : undefined;
  if (lez !== undefined) {
    start(DEVNET);
    const silent = await Promise.race([answers(context, lez, 405), ended.promise]);
    if (silent) return silent;
    start([...NATIVE, "--port", "0", "--var", `SEQUENCER_URL:${lez}/`]);
    await Promise.race([offersDevnet(context, { facilitator }), ended.promise]);
  }
  start([...MERCHANT, ...(withDevnet ? ["--var", `PAY_TO_LEZ:${DEMO_MERCHANT_LEZ_ACCOUNT}`] : [])]);
  const problem = await Promise.race([asksAPrice(context, { merchant }), ended.promise]);
  if (problem) return problem;
  start(DESK);
  const desk = `http://localhost:${LOCAL_HOSTED_DESK_PORT}`;
  const failed = await Promise.race([answers(context, desk), ended.promise]);
  if (failed) return failed;
  const { ledger } = (await (await fetch(`${facilitator}/health`)).json()) as { ledger: string };
  return succeed({
    merchant,
    facilitator,
    desk,
    ...(lez !== undefined && { lez }),
    payTo: DEMO_MERCHANT_ACCOUNT,
    ledger,
    shards: SHARDS,
    stop,
  });
}

/** Waits until a GET is answered as it should be, at most as long as for the merchant's price. A sequencer takes none, and says so with 405. */
async function answers({ io: { signal } }: CommandContext, url: string, expected = 200): Promise<undefined> {
  const deadline = performance.now() + READY_SECONDS * 1000;
  const answered = () =>
    fetch(url, { signal }).then(
      ({ status }) => status === expected,
      () => false,
    );
  while (performance.now() < deadline && !signal.aborted && !(await answered())) {
    await sleep(READY_POLL_MILLIS, undefined, { signal }).catch(() => undefined);
  }
}

/** To a wrangler and all that it has started. */
function signalGroup({ pid }: ChildProcess, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // None of them is there any more.
  }
}

/** Leads a process group. Its log goes to stderr: stdout has the one line of JSON. */
function wrangler(args: string[], folder: string): ChildProcess {
  const local = ["--inspector-port", "0", "--persist-to", folder, "--ip", "127.0.0.1", "--show-interactive-dev-session", "false"];
  return spawn("wrangler", ["dev", ...args, ...local], {
    stdio: ["ignore", 2, 2],
    detached: true,
    env: { ...process.env, ...QUIET_WRANGLER },
  });
}

function endedEarly(): Failure {
  return refuse("not_started", EXIT.notSetUp, "wrangler dev ended by itself.", { hint: "Its log above says why." });
}

async function main(words: string[]): Promise<number> {
  const io = processIo();
  // Wranglers lead groups of their own, which a terminal that closes does not reach.
  process.on("SIGHUP", () => process.kill(process.pid, "SIGTERM"));
  const context = contextFor(io, words, false);
  const read = readWords(words);
  if (read === "help") {
    io.stdout.write(HELP);
    return EXIT.ok;
  }
  const outcome = read.ok ? await runCommand(dev, read.data, { ...context, program: PROGRAM }) : read;
  if (outcome.ok) return EXIT.ok;
  context.say(...failureText(outcome, context.layout, io.env));
  return outcome.exit;
}

function readWords(words: string[]): Outcome<{ persist?: string; lez: boolean }> | "help" {
  try {
    const options = { persist: { type: "string" }, lez: { type: "boolean" }, help: { type: "boolean", short: "h" } } as const;
    const { persist, lez = false, help } = parseArgs({ args: words, options }).values;
    return help ? "help" : succeed({ lez, ...(persist !== undefined && { persist }) });
  } catch (error) {
    return fail("usage", (error as Error).message, { hint: "See: npm run dev -- --help" });
  }
}

process.exitCode = await main(process.argv.slice(2));
