/** `demo cli`: the protocol in one process, as a story. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { renderStory, storySchema } from "../demo/story.ts";

export const demoCli = defineCommand({
  name: "demo cli",
  audience: "dev",
  summary: "show the protocol in one process: request, approve, verify, settle, replay",
  input: z.object({}),
  output: storySchema,
  story: true,
  examples: [
    { says: "watch it", argv: "demo cli" },
    { says: "as a transcript", argv: "demo cli --json" },
  ],
  run: async (context) => {
    const { tellCliStory } = await import("../demo/cli-story.ts");
    return tellCliStory(context);
  },
  render: renderStory,
});
