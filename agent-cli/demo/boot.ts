/** Starts the three Workers on this machine, or says what is missing. */

import { existsSync, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { DEMO_RECEIPT_KEY } from "../../shared/demo.ts";
import type { CommandContext } from "../command-line/command.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { holding } from "../runtime/lock.ts";
import { fail, type Failure, type Outcome, refuse, succeed } from "../runtime/outcome.ts";
import { miniflareMissing } from "./miniflare.ts";
import { type Stack, type StackOptions, startStack } from "./stack.ts";

/** Beside the CLI's bundle, or in the repository's dist/. */
const PLACES = ["./workers", "../../dist/workers"].map((place) => fileURLToPath(new URL(place, import.meta.url)));

interface BootOptions extends Pick<StackOptions, "persist" | "shards" | "merchantPort" | "facilitatorPort" | "onLog"> {
  /** Lets the merchant settle at this x402 facilitator instead. */
  facilitatorUrl?: string | undefined;
}

/** Runs until the command is over. Without ports it listens on free ones. Without `onLog` the Workers' logs are for those who debug. */
export async function bootStack(context: CommandContext, { facilitatorUrl = "", ...options }: BootOptions = {}): Promise<Outcome<Stack>> {
  const missing = miniflareMissing() ?? (await portTaken("merchant", options)) ?? (await portTaken("facilitator", options));
  if (missing) return missing;
  const start = () => startIn(context, facilitatorUrl, options);
  return options.persist === undefined ? start() : alone(context, options.persist, start);
}

async function startIn(context: CommandContext, facilitatorUrl: string, options: BootOptions): Promise<Outcome<Stack>> {
  const bundles = PLACES.find((place) => existsSync(`${place}/stack.json`));
  if (!bundles) return refuse("not_built", EXIT.notSetUp, "The Workers are not bundled yet.", { hint: "Run: npm run build" });
  const onLog = (line: string) => (context.io.env["LEZ_AGENT_PAY_DEBUG"] === "1" ? context.say(line) : undefined);
  const vars = { "lez-merchant": { RECEIPT_KEY: DEMO_RECEIPT_KEY, FACILITATOR_URL: facilitatorUrl } };
  const starting = startStack({ onLog, ...options, bundles, vars, leaveSignals: true });
  context.atEnd(() => starting.then((stack) => stack.stop()).catch(() => undefined));
  try {
    return succeed(await starting);
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

/** Starts it under a lock in its folder: a ledger has one writer. The lock ends after the stack. */
async function alone(context: CommandContext, folder: string, start: () => Promise<Outcome<Stack>>): Promise<Outcome<Stack>> {
  mkdirSync(folder, { recursive: true });
  const started = Promise.withResolvers<Outcome<Stack>>();
  const over = Promise.withResolvers<void>();
  const held = holding(path.join(folder, "lock"), { seconds: 0, signal: context.io.signal }, ledgerInUse, async () => {
    started.resolve(await start());
    await over.promise;
  });
  void held.then((failure) => failure && started.resolve(failure));
  const outcome = await started.promise;
  context.atEnd(async () => {
    over.resolve();
    await held;
  });
  return outcome;
}

function ledgerInUse(holder: number | undefined): Failure {
  return fail("busy", `Another stack (process ${holder ?? "unknown"}) runs on this ledger.`, {
    hint: "Stop it, or name another folder with --persist.",
  });
}

/** Never picks another port: commands that name this one would talk to the wrong server. */
async function portTaken(of: "merchant" | "facilitator", options: BootOptions): Promise<Failure | undefined> {
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
