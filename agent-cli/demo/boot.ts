/** Starts the Workers for a demonstration, or reports what is missing. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { DEMO_RECEIPT_KEY } from "../../shared/demo.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { type Outcome, refuse, succeed } from "../runtime/outcome.ts";
import { type Stack, startStack } from "./stack.ts";

/** Beside the CLI's bundle, or in the repository's dist/. */
const PLACES = ["./workers", "../../dist/workers"].map((place) => fileURLToPath(new URL(place, import.meta.url)));

export async function bootStack(context: Context): Promise<Outcome<Stack>> {
  const bundles = PLACES.find((place) => existsSync(`${place}/stack.json`));
  if (!bundles) return refuse("not_built", EXIT.notSetUp, "The Workers are not bundled yet.", { hint: "Run: npm run build" });
  try {
    // The story provokes refusals and failures, so the Workers' log would only distract.
    const onLog = (line: string) => (context.io.env["LEZ_AGENT_PAY_DEBUG"] === "1" ? context.say(line) : undefined);
    return succeed(await startStack({ bundles, onLog, vars: { "lez-merchant": { RECEIPT_KEY: DEMO_RECEIPT_KEY } } }));
  } catch (error) {
    const missing = (error as { code?: string }).code === "ERR_MODULE_NOT_FOUND";
    const why = missing ? "miniflare is not installed" : error instanceof Error ? error.message : String(error);
    return refuse("not_started", EXIT.notSetUp, `The Workers could not be started: ${why}.`, {
      hint: missing
        ? "Run it in a clone of the repository: npm ci && npm run demo. Without any setup: lez-agent-pay demo cli"
        : "Check that this machine can run workerd.",
    });
  }
}
