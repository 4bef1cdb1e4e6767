/** `mandate list`: the mandates of this machine, with what the ledger says that they have used. */

import * as z from "zod";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { findKey } from "../keys/key-file.ts";
import { mandateData, mandateLines, mandateSchema } from "../purchase/mandate-view.ts";
import { lostMandates } from "../records/lost-mandates.ts";
import { isOpen, keptMandates } from "../records/mandates.ts";
import { findPairing } from "../records/pairings.ts";
import type { Context } from "../runtime/context.ts";
import { field, wrap } from "../runtime/layout.ts";
import { MAX_LISTED } from "../runtime/limits.ts";
import { type Next, succeed } from "../runtime/outcome.ts";

export const mandateList = defineCommand({
  name: "mandate list",
  audience: "owner",
  readOnly: true,
  summary: "the mandates that you granted, and what they have used",
  input: z.strictObject({
    all: z.boolean().default(false).meta({ description: "those that are over or revoked, too" }),
    ...facilitatorFields,
  }),
  output: z.strictObject({
    mandates: z.array(mandateSchema),
    /** Those that are left out, because there are more than the limit. */
    more: z.number(),
    /** Granted by the audit log, and without an open file here: removed or changed. They can still pay. */
    lost: z.array(z.strictObject({ shortCode: z.string(), mandate: z.string(), grantedAt: z.string() })),
    unreadable: z.array(z.strictObject({ file: z.string(), problem: z.string() })),
  }),
  examples: [
    { says: "those that an agent can use", argv: "mandate list" },
    { says: "all that this machine knows", argv: "mandate list --all" },
  ],
  async run(context, input) {
    const kept = await keptMandates(context);
    if (!kept.ok) return kept;
    const now = unixNow();
    const lost = lostMandates(context, kept.data.mandates, now);
    if (!lost.ok) return lost;
    const wanted = kept.data.mandates.filter((mandate) => input.all || isOpen(mandate, now));
    const mandates = await Promise.all(wanted.slice(0, MAX_LISTED).map((mandate) => mandateData(context, input, mandate, now)));
    const listed = { mandates, more: Math.max(0, wanted.length - MAX_LISTED), lost: lost.data, unreadable: kept.data.unreadable };
    return succeed(listed, await fromDesk(context));
  },
  render: ({ mandates, more, lost, unreadable }, layout) => [
    ...mandates.flatMap((mandate) => [
      ...mandateLines(mandate, layout),
      // A folder can have mandates of several accounts.
      ...(mandate.from === mandates[0]?.from && mandates.every(({ from }) => from === mandate.from)
        ? []
        : field(layout, "from", mandate.from)),
    ]),
    ...(more > 0 ? [`and ${more} more, which are not shown`] : []),
    ...(mandates.length + lost.length + unreadable.length === 0
      ? ["No mandate is open. To grant one: lez-agent-pay mandate grant --help"]
      : []),
    ...lost.flatMap(({ shortCode, mandate, grantedAt }) => [
      ...wrap(
        `! Mandate ${shortCode} was granted at ${grantedAt}, and its file is gone or changed. It can still pay. To end it:`,
        layout.width,
      ).map((line) => layout.ink("yellow", line)),
      `  lez-agent-pay mandate revoke ${mandate}`,
    ]),
    ...unreadable.flatMap(({ file, problem }) =>
      wrap(`! ${showUnsafe(`${file}: ${problem}`)}`, layout.width).map((line) => layout.ink("yellow", line)),
    ),
  ],
});

/** This machine's agent has the mandates of its owner's desk once it has asked. */
async function fromDesk(context: Context): Promise<Next | undefined> {
  const agent = findKey(context, "agent", undefined);
  const pairing = agent.ok ? await findPairing(context, agent.data.key.publicKey) : undefined;
  if (!pairing?.ok || !pairing.data) return undefined;
  return { argv: ["lez-agent-pay", "budget"], by: "agent", why: `take over what was granted at ${pairing.data.desk}` };
}
