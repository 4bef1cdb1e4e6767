/** `doctor`: checks the set-up, and says what to do next. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { agentFileField, ownerFileField } from "../command-line/fields.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { field } from "../runtime/layout.ts";
import { fail, succeed } from "../runtime/outcome.ts";
import { CHECKS, checkSchema } from "./doctor-check.ts";
import { checkUp } from "./doctor-checks.ts";

export const doctor = defineCommand({
  name: "doctor",
  audience: "both",
  readOnly: true,
  tool: { title: "Check the set-up", idempotent: true, openWorld: true },
  summary: "check the set-up, and say what to do next",
  description: `Checks: ${CHECKS.join(", ")}. Changes nothing, except that it creates the state directory, and in it a file that it removes again. Exit code 30 if something is missing.`,
  input: z.strictObject({ agentFile: agentFileField, ownerFile: ownerFileField, ...facilitatorFields }),
  output: z.strictObject({ checks: z.array(checkSchema) }),
  examples: [
    { says: "what is missing?", argv: "doctor" },
    { says: "against another facilitator", argv: "doctor --facilitator-url https://pay.example.com" },
  ],
  async run(context, input) {
    const { checks, next } = await checkUp(context, input);
    const bad = checks.filter(({ verdict }) => verdict === "bad");
    if (bad.length === 0) return succeed({ checks }, next);
    context.tell(...checks.flatMap((check) => render(check, context.layout)));
    const need = bad.length === 1 ? "needs" : "need";
    return fail("not_set_up", `${bad.length} of ${checks.length} checks ${need} attention: ${bad.map(({ check }) => check).join(", ")}.`, {
      ...(bad[0]?.fix && { hint: bad[0].fix }),
      details: { checks },
      ...(next && { next }),
    });
  },
  render: ({ checks }, layout) => checks.flatMap((check) => render(check, layout)),
});

function render({ check, verdict, detail, fix }: z.infer<typeof checkSchema>, layout: Parameters<typeof field>[0]): string[] {
  const mark = { good: "✓", note: "·", bad: "✗" }[verdict];
  return [...field(layout, `${mark} ${check}`, detail, 20), ...(fix && verdict === "bad" ? field(layout, "", fix, 20) : [])];
}
