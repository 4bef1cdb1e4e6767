/** The facilitator of a first purchase: the configured one, else the local stack, which is started if it does not run. */

import * as z from "zod";
import { MAX_FACILITATOR_BODY_BYTES } from "../../shared/limits.ts";
import { parseJson } from "../../shared/text/json.ts";
import type { CommandContext } from "../command-line/command.ts";
import { bootStack } from "../demo/boot.ts";
import { pricedUrl } from "../demo/priced.ts";
import { facilitatorUrl } from "../facilitator/client.ts";
import { LOCAL_FACILITATOR } from "../runtime/config.ts";
import { exchange } from "../runtime/exchange.ts";
import { field, wrap } from "../runtime/layout.ts";
import { LOCAL_FACILITATOR_PORT, LOCAL_MERCHANT_PORT, PROBE_TIMEOUT_SECONDS } from "../runtime/limits.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { stateDirectory } from "../runtime/state-directory.ts";

interface Ports {
  merchantPort: number;
  facilitatorPort: number;
}

export interface FoundFacilitator {
  /** The caller's, with this facilitator. */
  context: CommandContext;
  url: string;
  /** What the local stack sells. */
  premium?: string;
  /** The command that starts the stack again, if this run started it. */
  stack?: string[];
}

export async function findFacilitator(context: CommandContext, ports: Ports): Promise<Outcome<FoundFacilitator>> {
  const named = facilitatorUrl(context, { allowHttp: false });
  if (!named.ok) return named;
  const url = local(ports.facilitatorPort);
  if (named.data !== LOCAL_FACILITATOR && named.data !== url) return succeed({ context, url: named.data });
  if (!(await isFacilitator(context, url))) return startStack(context, ports);
  context.say(`The local stack runs already: ${url}`);
  return succeed({ context: withFacilitator(context, url), url, premium: pricedUrl(local(ports.merchantPort)) });
}

async function startStack(context: CommandContext, ports: Ports): Promise<Outcome<FoundFacilitator>> {
  const folder = stateDirectory(context, "stack");
  if (!folder.ok) return folder;
  context.progress("Starting the local stack");
  const started = await bootStack(context, { ...ports, persist: folder.data });
  context.progress("");
  if (!started.ok) return started;
  const { merchant, facilitator: url } = started.data;
  context.say(
    ...wrap(
      "No other facilitator is configured. A local stack runs until this command ends, and its ledger is kept:",
      context.layout.width,
    ),
    ...field(context.layout, "merchant", merchant, 13),
    ...field(context.layout, "facilitator", url, 13),
    ...field(context.layout, "ledger", folder.data, 13),
  );
  return succeed({ context: withFacilitator(context, url), url, premium: pricedUrl(merchant), stack: stackArgv(folder.data, ports) });
}

function stackArgv(persist: string, { merchantPort, facilitatorPort }: Ports): string[] {
  const other = (flag: string, port: number, usual: number) => (port === usual ? [] : [flag, String(port)]);
  const ports = [
    ...other("--merchant-port", merchantPort, LOCAL_MERCHANT_PORT),
    ...other("--facilitator-port", facilitatorPort, LOCAL_FACILITATOR_PORT),
  ];
  return ["lez-agent-pay", "stack", "--persist", persist, ...ports];
}

/** Commands that are given no facilitator ask the one in the environment, else the one on the usual port. */
function withFacilitator(context: CommandContext, url: string): CommandContext {
  if (url === LOCAL_FACILITATOR) return context;
  return { ...context, io: { ...context.io, env: { ...context.io.env, LEZ_FACILITATOR_URL: url } } };
}

function local(port: number): string {
  return `http://127.0.0.1:${port}`;
}

const healthSchema = z.looseObject({ ledger: z.string() });

async function isFacilitator(context: CommandContext, url: string): Promise<boolean> {
  const request = { method: "GET", url: `${url}/health`, headers: [] };
  const answer = await exchange(context, request, { timeoutSeconds: PROBE_TIMEOUT_SECONDS });
  return answer.ok && answer.status === 200 && parseJson(answer.body, MAX_FACILITATOR_BODY_BYTES, healthSchema).ok;
}
