/** `demo http`: a purchase and several attacks against a local stack, as a story. */

import * as z from "zod";
import { type CommandContext, defineCommand } from "../command-line/command.ts";
import { renderStory, type StoryData, storySchema } from "../demo/story.ts";
import { unlessInterrupted } from "../demo/unless-interrupted.ts";
import type { Outcome } from "../runtime/outcome.ts";

export const demoHttp = defineCommand({
  name: "demo http",
  aliases: ["demo"],
  audience: "dev",
  summary: "boot merchant, facilitator and ledger on loopback, pay, and try to cheat",
  description: "Needs miniflare, which brings workerd. With --lez it tells of a payment on the chain itself instead, which takes a minute.",
  input: z.object({
    lez: z.boolean().default(false).meta({ description: "pay on a devnet of LEZ, which loses a transfer and takes a block back" }),
  }),
  output: storySchema,
  story: true,
  examples: [
    { says: "watch it", argv: "demo http" },
    { says: "as a transcript", argv: "demo http --json" },
    { says: "pay on the chain itself", argv: "demo http --lez" },
  ],
  run: (context, { lez }) => unlessInterrupted(context, () => (lez ? tellOnChain(context) : tellOnLedger(context))),
  render: renderStory,
});

async function tellOnLedger(context: CommandContext): Promise<Outcome<StoryData>> {
  const { bootStack } = await import("../demo/boot.ts");
  const stack = await bootStack(context);
  if (!stack.ok) return stack;
  const { tellHttpStory } = await import("../demo/http-story.ts");
  return tellHttpStory(context, stack.data);
}

async function tellOnChain(context: CommandContext): Promise<Outcome<StoryData>> {
  const { tellLezStory } = await import("../demo/lez/lez-story.ts");
  return tellLezStory(context);
}
