/** `audit list`: what happened, newest last. */

import * as z from "zod";
import type { Digest } from "../../shared/crypto/digest.ts";
import { ASSET, SCHEME } from "../../shared/lez.ts";
import { displayAmount } from "../../shared/protocol/amount.ts";
import { priceText } from "../../shared/protocol/offer.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { money } from "../../shared/screen/money.ts";
import { defineCommand } from "../command-line/command.ts";
import { AUDIT_EVENTS, type AuditEntry, type AuditFacts, readAudit } from "../records/audit-log.ts";
import { auditEntrySchema } from "../records/audit-view.ts";
import { sumsOf } from "../records/refunds-known.ts";
import { type Money, moneySchema } from "../runtime/money.ts";
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
    /** What came back of the listed payments, by transaction, as far as status has asked. */
    refunded: z.record(z.string(), moneySchema).optional(),
  }),
  examples: [
    { says: "the latest", argv: "audit list" },
    { says: "the latest payments", argv: "audit list --event settled --last 1000" },
  ],
  async run(context, { event, last }) {
    const log = readAudit(context);
    if (!log.ok) return log;
    const entries = log.data.entries.filter((entry) => event === undefined || entry.event === event);
    const listed = entries.slice(-last);
    const refunded = refundedOf(listed, sumsOf(log.data));
    return succeed({
      entries: listed,
      total: entries.length,
      problems: log.data.problems.length,
      ...(Object.keys(refunded).length > 0 && { refunded }),
    });
  },
  render: ({ entries, total, problems, refunded = {} }, layout) => [
    ...(total > entries.length ? [layout.ink("dim", `The last ${entries.length} of ${total}; --last ${total} shows all.`)] : []),
    ...entries.map(({ at, event, facts }) => {
      const { amount, charged, scheme = SCHEME } = facts;
      const price = sessionText(facts) ?? (charged ? displayAmount(charged) : amount ? priceText({ scheme, amount }) : "");
      const back = event === "settled" ? refunded[facts["transaction"] ?? ""] : undefined;
      const note = back ? `${price}, ${back.display} refunded` : facts["refundOf"] ? `${price} of ${facts["refundOf"]}` : price;
      return showUnsafe(
        `${at}  ${event.padEnd(9)}  ${facts["code"] ?? ""} ${note}  ${facts["method"] ?? ""} ${facts["url"] ?? facts["origin"] ?? ""}`.trimEnd(),
      );
    }),
    ...(entries.length === 0 ? ["Nothing yet."] : []),
    ...(problems > 0 ? [layout.ink("red", "The chain is broken: lez-agent-pay audit verify")] : []),
  ],
});

/** Of a session's beginning and end: a week of its calls is one line. */
function sessionText({ session, deposit, charged, claimed }: AuditFacts): string | undefined {
  if (session === undefined || deposit === undefined) return undefined;
  const code = shortCode(session as Digest);
  if (charged === undefined) return `${code} ${displayAmount(deposit)} set aside`;
  return `${code} ${displayAmount(charged)} charged, ${displayAmount(claimed ?? "0")} claimed of ${displayAmount(deposit)}`;
}

function refundedOf(entries: readonly AuditEntry[], sums: ReadonlyMap<string, bigint>): Record<string, Money> {
  const refunded: Record<string, Money> = {};
  for (const { event, facts } of entries) {
    const { transaction } = facts;
    const sum = event === "settled" && transaction !== undefined ? sums.get(transaction) : undefined;
    if (transaction !== undefined && sum !== undefined) refunded[transaction] = money(sum.toString(), ASSET);
  }
  return refunded;
}
