/** `mandate renounce`: an agent gives up its own mandate, without its owner. */

import * as z from "zod";
import { signRevocation } from "../../shared/protocol/revocation.ts";
import { unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { agentFileField, nameField } from "../command-line/fields.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { sendRevocation, underWaySchema, underWayText } from "../facilitator/mandate-revocation.ts";
import { openAgent } from "../purchase/create-request.ts";
import { appendEntry, checkAudit } from "../records/audit-log.ts";
import { findMandate, keepMandate } from "../records/mandates.ts";
import { field } from "../runtime/layout.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, succeed } from "../runtime/outcome.ts";

export const mandateRenounce = defineCommand({
  name: "mandate renounce",
  audience: "agent",
  summary: "give up a mandate: from now on each payment is asked for",
  description:
    "Final. Signed with the agent's own key, which ends its own mandates and no others. For a task that is done, or a key that may be stolen. What a merchant had reserved before can still be paid; the answer says how much, and until when.",
  input: z.strictObject({
    mandate: nameField.meta({ positional: true, description: "its code or its digest" }),
    agentFile: agentFileField,
    ...facilitatorFields,
  }),
  output: z.strictObject({ shortCode: z.string(), mandate: z.string(), from: z.string(), revokedAt: z.string(), underWay: underWaySchema }),
  examples: [
    { says: "by its code", argv: "mandate renounce 7F3K-9QPD" },
    { says: "for another key", argv: "mandate renounce 7F3K-9QPD --agent-file researcher.json" },
  ],
  async run(context, input) {
    const kept = await findMandate(context, input.mandate);
    if (!kept.ok) return kept;
    const { digest, shortCode, signed } = kept.data;
    const agent = await openAgent(context, input.agentFile);
    if (!agent.ok) return agent;
    const { from, ledger, network, agent: agentKey, grantedAt } = signed.mandate;
    const { signer } = agent.data;
    if (agentKey !== signer.publicKey) {
      return fail("wrong_role", `Mandate ${shortCode} is for another agent's key: ${agentKey}.`, {
        hint: "Name that agent's key with --agent-file. Its owner ends it with: lez-agent-pay mandate revoke",
      });
    }
    const recordable = checkAudit(context);
    if (!recordable.ok) return recordable;
    // A clock that was set back since must not date it before its grant.
    const revokedAt = String(Math.max(unixNow(), Number(grantedAt)));
    const revocation = { version: "1", network, ledger, from, mandate: digest, revokedAt } as const;
    const answer = await sendRevocation(context, input, await signRevocation(revocation, signer, signed));
    if (!answer.ok) return answer;
    const { revokedAt: at, underWay } = answer.data;
    return exclusively(context, () => {
      const ended = keepMandate(context, signed, at);
      if (!ended.ok) return ended;
      const noted = appendEntry(context, "mandate_revoked", { mandate: digest, from, ledger, revokedAt: at, agentKey });
      return noted.ok ? succeed({ shortCode, mandate: digest, from, revokedAt: at, underWay }) : noted;
    });
  },
  render: (data, layout) => [
    layout.ink("green", `Given up: mandate ${data.shortCode}`),
    ...field(layout, "under way", underWayText(data.underWay)),
  ],
});
