/** Starts the Workers on this machine, or says what is missing. */

import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { DEMO_RECEIPT_KEY } from "../../shared/demo.ts";
import type { NativeNetwork } from "../../shared/lez.ts";
import type { CommandContext } from "../command-line/command.ts";
import { type Exchange, exchange } from "../runtime/exchange.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { READY_POLL_MILLIS, READY_SECONDS } from "../runtime/limits.ts";
import { type Failure, type Outcome, refuse, succeed } from "../runtime/outcome.ts";
import { onKeptLedger } from "./kept-ledger.ts";
import { miniflareMissing } from "./miniflare.ts";
import { pricedUrl } from "./priced.ts";
import { type Stack, type StackOptions, startStack } from "./stack.ts";

/** The network of the stack's chain. */
export const DEVNET: NativeNetwork = "lez:devnet";
/** Beside the CLI's bundle, or in the repository's dist/. */
const PLACES = ["./workers", "../../dist/workers"].map((place) => fileURLToPath(new URL(place, import.meta.url)));

interface BootOptions extends Pick<StackOptions, "persist" | "merchantPort" | "facilitatorPort" | "deskPort" | "lezPort" | "onLog"> {
  /** The number of shards; undefined takes that of a kept ledger, or 1 for a new one. */
  shards?: number | undefined;
  /** Lets the merchant settle at this x402 facilitator instead. */
  facilitatorUrl?: string | undefined;
  /** Variables of the devnet: how fast it makes blocks, and who may command it. */
  lezVars?: Record<string, string> | undefined;
}

/** Runs until the command is over. Without ports it listens on free ones. Without `onLog` the Workers' logs are for those who debug. */
export async function bootStack(context: CommandContext, { facilitatorUrl = "", ...options }: BootOptions = {}): Promise<Outcome<Stack>> {
  const missing =
    miniflareMissing() ??
    (await portTaken("merchant", options)) ??
    (await portTaken("facilitator", options)) ??
    (await portTaken("desk", options)) ??
    (await portTaken("lez", options));
  if (missing) return missing;
  const start = (shards = 1) => startIn(context, facilitatorUrl, { ...options, shards });
  return options.persist === undefined ? start(options.shards) : onKeptLedger(context, options.persist, options.shards, start);
}

async function startIn(
  context: CommandContext,
  facilitatorUrl: string,
  options: BootOptions & { shards: number },
): Promise<Outcome<Stack>> {
  const bundles = PLACES.find((place) => existsSync(`${place}/stack.json`));
  if (!bundles) return refuse("not_built", EXIT.notSetUp, "The Workers are not bundled yet.", { hint: "Run: npm run build" });
  const { onLog = (line) => logForDebugging(context, line) } = options;
  const vars = {
    "lez-merchant": { RECEIPT_KEY: DEMO_RECEIPT_KEY, FACILITATOR_URL: facilitatorUrl },
    "lez-devnet": { ...options.lezVars },
  };
  const starting = startStack({ ...options, onLog, bundles, vars, leaveSignals: true });
  context.atEnd(() => starting.then((stack) => stack.stop()).catch(() => undefined));
  try {
    const stack = await starting;
    // A merchant that asked before would leave the devnet out of its offers for a while.
    if (stack.lez !== undefined) await offersDevnet(context, stack);
    return (await asksAPrice(context, stack)) ?? succeed(stack);
  } catch (error) {
    const why = (error instanceof Error ? error.message : String(error)).replace(/\.+$/, "");
    // Another program may take a port after we found it free.
    if (why.includes("Address already in use")) {
      return refuse("port_in_use", EXIT.notSetUp, "Another program took the port just now.", { hint: "Run the command again." });
    }
    return refuse("not_started", EXIT.notSetUp, `The Workers could not be started: ${why}.`, {
      hint: "Check that this machine can run workerd.",
    });
  }
}

/** A line of a Worker's log, for those who debug. */
export function logForDebugging(context: CommandContext, line: string): void {
  if (context.io.env["LEZ_AGENT_PAY_DEBUG"] === "1") context.say(line);
}

/** Waits until the facilitator settles on the devnet, which takes a block; no longer than a stack may take to be ready. */
export async function offersDevnet(context: CommandContext, { facilitator }: Pick<Stack, "facilitator">): Promise<void> {
  const deadline = performance.now() + READY_SECONDS * 1000;
  const { signal } = context.io;
  while (performance.now() < deadline && !signal.aborted) {
    const supported = await fetch(`${facilitator}/supported`, { signal }).then(
      (answer) => answer.text(),
      () => "",
    );
    if (supported.includes(`"${DEVNET}"`)) return;
    await sleep(READY_POLL_MILLIS, undefined, { signal }).catch(() => undefined);
  }
}

/** Waits until the merchant names a price, which takes all three Workers. */
export async function asksAPrice(context: CommandContext, { merchant }: Pick<Stack, "merchant">): Promise<Failure | undefined> {
  const deadline = performance.now() + READY_SECONDS * 1000;
  for (;;) {
    const answer = await exchange(context, { method: "GET", url: pricedUrl(merchant), headers: [] }, { timeoutSeconds: READY_SECONDS });
    if (answer.ok && answer.status === 402) return undefined;
    if (performance.now() > deadline || context.io.signal.aborted) return sellsNothing(merchant, answer);
    await sleep(READY_POLL_MILLIS, undefined, { signal: context.io.signal }).catch(() => undefined);
  }
}

function sellsNothing(merchant: string, answer: Exchange): Failure {
  const instead = answer.ok ? `answers ${answer.status}` : `does not answer: ${answer.problem}`;
  return refuse("not_started", EXIT.notSetUp, `The merchant names no price: ${pricedUrl(merchant)} ${instead}.`, {
    hint: "Its log says why. With --facilitator-url: the facilitator must answer, and settle on this network.",
  });
}

/** Never picks another port: commands that name this one would talk to the wrong server. */
export async function portTaken(of: "merchant" | "facilitator" | "desk" | "lez", options: BootOptions): Promise<Failure | undefined> {
  const { [`${of}Port` as const]: port = 0 } = options;
  if (port === 0 || (await isFree(port))) return undefined;
  return refuse("port_in_use", EXIT.notSetUp, `Port ${port} is in use, perhaps by another stack.`, {
    hint: `Stop it, or name another port: --${of}-port PORT (0 is any free one).`,
  });
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = createServer()
    .once("error", () => resolve(false))
    .listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  return promise;
}
