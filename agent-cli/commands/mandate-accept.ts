/** `mandate accept`: an agent on another machine than its owner takes over the file that `mandate grant --out` wrote. */

import * as z from "zod";
import { ASSET, NETWORK } from "../../shared/lez.ts";
import { isGenuineMandate, mandateDigest, signedMandateSchema } from "../../shared/protocol/mandate.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { limitsText } from "../../shared/screen/mandate-facts.ts";
import { unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { agentFileField, nameField } from "../command-line/fields.ts";
import { findKey } from "../keys/key-file.ts";
import { keepMandate } from "../records/mandates.ts";
import { expiry, expirySchema, expiryText } from "../runtime/expiry.ts";
import { readJson } from "../runtime/files.ts";
import { field } from "../runtime/layout.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, succeed } from "../runtime/outcome.ts";

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
    const { mandate } = read.data;
    const agent = findKey(context, "agent", agentFile);
    if (!agent.ok) return agent;
    const now = unixNow();
    if (!(await isGenuineMandate(read.data))) return fail("invalid_file", `"${file}" is not signed by the account that it names.`);
    if (mandate.agent !== agent.data.key.publicKey) {
      return fail("wrong_role", `The mandate is for another agent's key: ${mandate.agent}.`, {
        hint: "Name that agent's key with --agent-file.",
      });
    }
    if (mandate.network !== NETWORK || mandate.asset !== ASSET)
      return fail(
        "unsupported",
        `The mandate is for ${showUnsafe(`${mandate.asset} on ${mandate.network}`)}, which this version cannot pay with.`,
      );
    if (Number(mandate.validBefore) < now) return fail("payment_expired", "The mandate is over.", { hint: "Ask the owner for a new one." });
    const digest = mandateDigest(mandate);
    return exclusively(context, () => {
      const kept = keepMandate(context, read.data);
      if (!kept.ok) return kept;
      return succeed({
        shortCode: shortCode(digest),
        mandate: digest,
        from: mandate.from,
        limits: limitsText(mandate),
        origins: [...mandate.origins],
        ...expiry(Number(mandate.validBefore), now),
      });
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
