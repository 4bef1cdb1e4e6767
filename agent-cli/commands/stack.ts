/** `stack`: merchant, facilitator, ledger and desk on this machine, until a signal. */

import * as path from "node:path";
import * as z from "zod";
import { MAX_SHARDS } from "../../shared/limits.ts";
import { type CommandContext, defineCommand } from "../command-line/command.ts";
import { nameField, portField } from "../command-line/fields.ts";
import { pricedUrl } from "../demo/priced.ts";
import type { Stack } from "../demo/stack.ts";
import { writeLines } from "../runtime/context.ts";
import { field } from "../runtime/layout.ts";
import {
  LOCAL_FACILITATOR_PORT,
  LOCAL_HOSTED_DESK_PORT,
  LOCAL_LEZ_PORT,
  LOCAL_MERCHANT_PORT,
  TESTNET_BLOCK_MILLIS,
} from "../runtime/limits.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { toldToEnd } from "../runtime/told-to-end.ts";

const SHARDS = `must be a whole number, 1 to ${MAX_SHARDS}`;

const stackOutput = z.strictObject({
  merchant: z.string(),
  facilitator: z.string(),
  /** The hosted desk. */
  desk: z.string().optional(),
  /** The devnet's JSON-RPC. */
  lez: z.string().optional(),
  payTo: z.string(),
  ledger: z.string(),
  shards: z.number(),
  /** It asked for a payment when this line was printed. */
  priced: z.string(),
  /** The folder that keeps the ledger. */
  persist: z.string().optional(),
});

export const stack = defineCommand({
  name: "stack",
  audience: "dev",
  summary: "run merchant, facilitator, ledger and desk on loopback",
  description:
    "Prints one line of JSON when it is ready; the Workers' logs go to stderr. Runs until Ctrl-C, SIGTERM, or the end of the process that started it. The ledger is then forgotten, unless --persist keeps it. Needs miniflare, which brings workerd.",
  input: z.strictObject({
    persist: nameField.optional().meta({ value: "dir", description: "keep the ledger in this folder" }),
    shards: z.coerce
      .number(SHARDS)
      .int(SHARDS)
      .min(1, SHARDS)
      .max(MAX_SHARDS, SHARDS)
      .optional()
      .meta({ value: "n", description: "spread a new ledger over n objects; 1, or those of the kept ledger" }),
    merchantPort: portField(LOCAL_MERCHANT_PORT),
    facilitatorPort: portField(LOCAL_FACILITATOR_PORT),
    deskPort: portField(LOCAL_HOSTED_DESK_PORT),
    lez: z.boolean().default(false).meta({ description: "run a devnet of the Logos Execution Zone, too: docs/devnet.md" }),
    lezPort: portField(LOCAL_LEZ_PORT),
    likeTestnet: z.boolean().default(false).meta({ description: "with --lez: a block every 45 s, as on the public testnet" }),
    facilitatorUrl: z.string().optional().meta({ value: "url", description: "let the merchant settle at this x402 facilitator instead" }),
    quiet: z.boolean().default(false).meta({ description: "no logs" }),
  }),
  output: stackOutput,
  story: true,
  examples: [
    { says: "until Ctrl-C, then forgotten", argv: "stack" },
    {
      says: "a ledger that is kept, on any free ports",
      argv: "stack --persist ledger --merchant-port 0 --facilitator-port 0 --desk-port 0",
    },
    { says: "with a devnet to try transfers of LEZ on", argv: "stack --lez" },
  ],
  async run(context, { quiet, persist, lez, lezPort, likeTestnet, ...input }) {
    const { bootStack } = await import("../demo/boot.ts");
    const kept = persist === undefined ? {} : { persist: path.resolve(persist) };
    const onLog = (line: string) => (quiet ? undefined : context.say(line));
    const devnet = lez ? { lezPort, ...(likeTestnet && { lezVars: { BLOCK_MILLIS: String(TESTNET_BLOCK_MILLIS) } }) } : {};
    const started = await bootStack(context, { ...input, ...kept, ...devnet, onLog });
    return started.ok ? runUntilTold(context, started.data, { quiet, ...kept }) : started;
  },
  render: () => [],
});

/** Says that a stack is ready, and lets it run until a signal. */
export async function runUntilTold(
  context: CommandContext,
  { merchant, facilitator, desk, lez, payTo, ledger, shards }: Stack,
  { quiet, persist }: { quiet: boolean; persist?: string | undefined },
): Promise<Outcome<z.output<typeof stackOutput>>> {
  const priced = pricedUrl(merchant);
  const ready = {
    merchant,
    facilitator,
    ...(desk && { desk }),
    ...(lez && { lez }),
    payTo,
    ledger,
    shards,
    priced,
    ...(persist !== undefined && { persist }),
  };
  if (!quiet) {
    context.say(
      ...field(context.layout, "merchant", priced, 13),
      ...field(context.layout, "facilitator", facilitator, 13),
      ...(desk ? field(context.layout, "desk", desk, 13) : []),
      ...(lez ? field(context.layout, "lez devnet", lez, 13) : []),
      ...field(context.layout, "for agents", `lez-agent-pay config allow ${merchant}`, 13),
      ...field(context.layout, "ledger", persist === undefined ? "forgotten at the end" : `kept in ${persist}`, 13),
    );
  }
  writeLines(context.io.stdout, [JSON.stringify(ready)]);
  await toldToEnd(context.io.signal);
  return succeed(ready);
}
