/** `session close`: asks for the rest of a session's deposit. */

import * as z from "zod";
import { unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { agentFileField, nameField } from "../command-line/fields.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { sendWithdrawal } from "../facilitator/session-status.ts";
import { askMerchantToClose, withdrawalOf } from "../purchase/close-session.ts";
import { openAgent } from "../purchase/create-request.ts";
import { sessionData, sessionLines, sessionSchema } from "../purchase/session-view.ts";
import { checkAudit } from "../records/audit-log.ts";
import { findSession } from "../records/sessions.ts";
import { fail, succeed } from "../runtime/outcome.ts";

export const sessionClose = defineCommand({
  name: "session close",
  audience: "both",
  summary: "end a session, and get back what is left of it",
  description:
    "Asks the merchant, which takes what it is owed and frees the rest at once. With --withdraw it asks the ledger: the merchant can still claim for a while, and then the rest is the payer's. Signed with the agent's key.",
  input: z.strictObject({
    session: nameField.meta({ positional: true, description: "its code or its id" }),
    withdraw: z.boolean().default(false).meta({ description: "ask the ledger, and not the merchant" }),
    agentFile: agentFileField,
    ...facilitatorFields,
  }),
  output: z.strictObject({ session: sessionSchema }),
  examples: [
    { says: "ask the merchant", argv: "session close 7F3K-9QPD" },
    { says: "the merchant does not answer: ask the ledger", argv: "session close 7F3K-9QPD --withdraw" },
  ],
  async run(context, input) {
    const kept = findSession(context, input.session);
    if (!kept.ok) return kept;
    const { data: session } = kept;
    const recordable = checkAudit(context);
    if (!recordable.ok) return recordable;
    const agent = await openAgent(context, input.agentFile);
    if (!agent.ok) return agent;
    if (agent.data.signer.publicKey !== session.signed.channelConfig.signer)
      return fail("wrong_role", `Session ${session.shortCode} belongs to another agent's key.`, { hint: "Name it with --agent-file." });
    const signed = await withdrawalOf(session, agent.data);
    const asked = await (input.withdraw ? sendWithdrawal(context, input, signed) : askMerchantToClose(context, session, signed));
    if (!asked.ok) return asked;
    return succeed({ session: await sessionData(context, input, session, unixNow()) });
  },
  render: ({ session }, layout) => [
    session.state === "open" ? "The ledger does not say yet that it is closing." : `The session is ${session.state}.`,
    ...sessionLines(session, layout),
  ],
});
