/** `mandate accept`: an agent on another machine than its owner takes over the file that `mandate grant --out` wrote. */

import * as z from "zod";
import { signedMandateSchema } from "../../shared/protocol/mandate.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { limitsText } from "../../shared/screen/mandate-facts.ts";
import { unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { agentFileField, nameField } from "../command-line/fields.ts";
import { findKey } from "../keys/key-file.ts";
import { acceptMandate } from "../purchase/accept-mandate.ts";
import { expiry, expirySchema, expiryText } from "../runtime/expiry.ts";
import { readJson } from "../runtime/files.ts";
import { field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";

export const mandateAccept = defineCommand({
  name: "mandate accept",
  audience: "agent",
  summary: "take over a mandate that the owner granted on another machine",
  description: "Checks that its account signed it, and that it is for this agent's key. Then fetch pays within it.",
  input: z.strictObject({
    file: nameField.meta({ positional: true, local: true, description: "the file that mandate grant --out wrote" }),
    agentFile: agentFileField,
  }),
  output: z.strictObject({
    shortCode: z.string(),
    mandate: z.string(),
    from: z.string(),
    limits: z.string(),
    origins: z.array(z.string()),
    ...expirySchema,
  }),
  examples: [
    { says: "from the owner's machine", argv: "mandate accept mandate.json" },
    { says: "for another key", argv: "mandate accept mandate.json --agent-file researcher.json" },
  ],
  async run(context, { file, agentFile }) {
    const read = readJson(file, signedMandateSchema, { what: "mandate", named: true }, context.files.read);
    if (!read.ok) return read;
    const agent = findKey(context, "agent", agentFile);
    if (!agent.ok) return agent;
    const digest = await acceptMandate(context, read.data, `"${file}"`, agent.data.key.publicKey);
    if (!digest.ok) return digest;
    const { mandate } = read.data;
    return succeed({
      shortCode: shortCode(digest.data),
      mandate: digest.data,
      from: mandate.from,
      limits: limitsText(mandate),
      origins: [...mandate.origins],
      ...expiry(Number(mandate.validBefore), unixNow()),
    });
  },
  render: (data, layout) => [
    layout.ink("green", `Accepted: mandate ${data.shortCode}`),
    ...field(layout, "limits", data.limits),
    ...field(layout, "origins", data.origins.join(", ")),
    ...field(layout, "from", data.from),
    ...field(layout, "valid until", expiryText(data)),
  ],
});
