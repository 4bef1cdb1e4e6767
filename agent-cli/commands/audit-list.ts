/** `audit list`: what happened, newest last. */

import * as z from "zod";
import { SCHEME } from "../../shared/lez.ts";
import { displayAmount } from "../../shared/protocol/amount.ts";
import { priceText } from "../../shared/protocol/offer.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { defineCommand } from "../command-line/command.ts";
import { AUDIT_EVENTS, readAudit } from "../records/audit-log.ts";
import { auditEntrySchema } from "../records/audit-view.ts";
import { succeed } from "../runtime/outcome.ts";

const COUNT = "must be a whole number, 1 or more";

export const auditList = defineCommand({
  name: "audit list",
  audience: "owner",
  readOnly: true,
  summary: "what happened on this machine, newest last",
  input: z.strictObject({
    event: z
      .enum(AUDIT_EVENTS, `must be one of ${AUDIT_EVENTS.join(", ")}`)
      .optional()
      .meta({ description: `only ${AUDIT_EVENTS.join(", ")}` }),
    last: z.coerce.number(COUNT).int(COUNT).positive(COUNT).default(50).meta({ value: "n", description: "how many; 50" }),
  }),
  output: z.strictObject({
    entries: z.array(auditEntrySchema),
    /** How many there are, listed or not. */
    total: z.number(),
    problems: z.number(),
  }),
  examples: [
    { says: "the latest", argv: "audit list" },
    { says: "the latest payments", argv: "audit list --event settled --last 1000" },
  ],
  async run(context, { event, last }) {
    const log = readAudit(context);
    if (!log.ok) return log;
    const entries = log.data.entries.filter((entry) => event === undefined || entry.event === event);
    return succeed({ entries: entries.slice(-last), total: entries.length, problems: log.data.problems.length });
  },
  render: ({ entries, total, problems }, layout) => [
    ...(total > entries.length ? [layout.ink("dim", `The last ${entries.length} of ${total}; --last ${total} shows all.`)] : []),
    ...entries.map(({ at, event, facts }) => {
      const { amount, charged, scheme = SCHEME } = facts;
      const price = charged ? displayAmount(charged) : amount ? priceText({ scheme, amount }) : "";
      return showUnsafe(
        `${at}  ${event.padEnd(9)}  ${facts["code"] ?? ""} ${price}  ${facts["method"] ?? ""} ${facts["url"] ?? ""}`.trimEnd(),
      );
    }),
    ...(entries.length === 0 ? ["Nothing yet."] : []),
    ...(problems > 0 ? [layout.ink("red", "The chain is broken: lez-agent-pay audit verify")] : []),
  ],
});
