/** `demo http`: a purchase and several attacks against a local stack, as a story. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { renderStory, storySchema } from "../demo/story.ts";

export const demoHttp = defineCommand({
  name: "demo http",
  aliases: ["demo"],
  audience: "dev",
  summary: "boot merchant, facilitator and ledger on loopback, pay, and try to cheat",
  description: "Needs miniflare, which brings workerd.",
  input: z.object({}),
  output: storySchema,
  story: true,
  examples: [
    { says: "watch it", argv: "demo http" },
    { says: "as a transcript", argv: "demo http --json" },
  ],
  run: async (context) => {
    const { bootStack } = await import("../demo/boot.ts");
    const stack = await bootStack(context);
    if (!stack.ok) return stack;
    const { tellHttpStory } = await import("../demo/http-story.ts");
    return tellHttpStory(context, stack.data);
  },
  render: renderStory,
});
