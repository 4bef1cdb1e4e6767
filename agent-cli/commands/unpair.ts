/** `unpair`: ends the pairing of this agent's key with its owner's desk, there and here. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { agentFileField } from "../command-line/fields.ts";
import { endPairing } from "../hosted-desk/pairing.ts";
import { openAgent } from "../purchase/create-request.ts";
import { appendEntry, checkAudit } from "../records/audit-log.ts";
import { findPairing, forgetPairing } from "../records/pairings.ts";
import { field } from "../runtime/layout.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, succeed } from "../runtime/outcome.ts";

export const unpair = defineCommand({
  name: "unpair",
  audience: "agent",
  summary: "end the pairing with the owner's desk",
  description:
    "Requests then wait in the inbox of this machine alone. What the owner has approved stays approved. If the desk does not answer, the pairing ends here all the same, and the owner ends it there.",
  input: z.strictObject({ agentFile: agentFileField }),
  output: z.strictObject({
    /** Absent if the record of the pairing could not be read. */
    desk: z.string().optional(),
    account: z.string().optional(),
    /** Whether the desk knows of it. */
    told: z.boolean(),
    /** Why it does not. */
    problem: z.string().optional(),
  }),
  examples: [
    { says: "with the configured key", argv: "unpair" },
    { says: "with another one", argv: "unpair --agent-file wallet/agent.json" },
  ],
  async run(context, { agentFile }) {
    const recordable = checkAudit(context);
    if (!recordable.ok) return recordable;
    const agent = await openAgent(context, agentFile);
    if (!agent.ok) return agent;
    const { signer } = agent.data;
    const found = await findPairing(context, signer.publicKey);
    // A record that cannot be read names no desk to tell.
    const pairing = found.ok ? found.data : undefined;
    if (found.ok && !pairing) {
      return fail("not_paired", "This agent is paired with no desk.", { hint: "To pair it: lez-agent-pay pair" });
    }
    const told = pairing ? await endPairing(context, { desk: pairing.desk, signer }, pairing.account) : found;
    return exclusively(context, () => {
      const { desk, account } = pairing ?? {};
      const noted = appendEntry(context, "unpaired", { agentKey: signer.publicKey, ...(desk && { desk }), ...(account && { account }) });
      if (!noted.ok) return noted;
      const gone = forgetPairing(context, signer.publicKey);
      if (!gone.ok) return gone;
      return succeed({
        ...(desk && { desk }),
        ...(account && { account }),
        told: told.ok,
        ...(!told.ok && { problem: told.error.message }),
      });
    });
  },
  render: ({ desk, account, told, problem }, layout) => [
    layout.ink("green", "The pairing has ended on this machine."),
    ...(account ? field(layout, "account", account) : []),
    ...(desk ? field(layout, "desk", told ? `${desk}, which knows of it` : desk) : []),
    ...(told ? [] : field(layout, "not told", `${problem ?? ""} The owner ends the pairing there.`)),
  ],
});
