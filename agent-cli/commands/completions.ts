/** `completions`: a script that teaches the shell our commands and flags. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { completionScript, SHELLS } from "../command-line/completions.ts";
import { succeed } from "../runtime/outcome.ts";

export const completions = defineCommand({
  name: "completions",
  audience: "both",
  summary: "a completion script for bash, zsh or fish",
  input: z.strictObject({
    shell: z.enum(SHELLS, `must be one of ${SHELLS.join(", ")}`).meta({ positional: true, description: SHELLS.join(", ") }),
  }),
  output: z.strictObject({ shell: z.enum(SHELLS), script: z.string() }),
  story: true,
  examples: [
    { says: "in ~/.bashrc: source <(lez-agent-pay completions bash)", argv: "completions bash" },
    { says: "in fish: lez-agent-pay completions fish | source", argv: "completions fish" },
  ],
  async run(context, { shell }) {
    const script = completionScript(shell, context.program.commands);
    context.tell(script.trimEnd());
    return succeed({ shell, script });
  },
  render: () => [],
});
