/** `mandate propose`: an agent writes down the limits that it would like to have. The owner's tool shows them, lowers them, and signs. */

import * as z from "zod";
import { MAX_MANDATE_NOTE_LENGTH, MIN_REASON_LENGTH } from "../../shared/limits.ts";
import { meaningfulLength } from "../../shared/protocol/reason.ts";
import { limitsText } from "../../shared/screen/mandate-facts.ts";
import { humanText } from "../../shared/text/text.ts";
import { unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { agentFileField, downloadField, textField } from "../command-line/fields.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { askLedger } from "../facilitator/ledger-id.ts";
import { accountFields, accountOf } from "../keys/account-input.ts";
import { findKey } from "../keys/key-file.ts";
import { draftMandate, limitFields } from "../purchase/mandate-draft.ts";
import { expiry, expirySchema, expiryText } from "../runtime/expiry.ts";
import { jsonText } from "../runtime/files.ts";
import { field } from "../runtime/layout.ts";
import { fail, succeed } from "../runtime/outcome.ts";

export const mandatePropose = defineCommand({
  name: "mandate propose",
  audience: "agent",
  summary: "write down limits for the owner to grant; nothing is granted",
  description:
    "The file is an unsigned mandate for this agent's key. The owner reads it with mandate grant --draft, may lower every number, and signs it or not.",
  input: z.strictObject({
    ...limitFields,
    reason: textField(humanText(MAX_MANDATE_NOTE_LENGTH)).meta({
      description: `why, for the owner: at least ${MIN_REASON_LENGTH} visible characters, at most ${MAX_MANDATE_NOTE_LENGTH}`,
    }),
    out: downloadField("file for the draft"),
    ...accountFields,
    agentFile: agentFileField,
    ...facilitatorFields,
  }),
  output: z.strictObject({ file: z.string(), limits: z.string(), ...expirySchema }),
  examples: [
    {
      says: "the forecasts of a month",
      argv: 'mandate propose --origin https://shop.example --per-payment 1000 --per 24h=10000 --total 200000 --reason "Daily forecasts for the plan that you asked for." --out draft.json',
    },
    {
      says: "for an owner on another machine",
      argv: 'mandate propose --account 6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj --origin https://shop.example --per-payment 1000 --total 5000 --reason "Daily forecasts for the plan that you asked for." --out draft.json',
    },
  ],
  async run(context, input) {
    if (input.out === undefined) return fail("usage", "Name a file for the draft: --out");
    if (meaningfulLength(input.reason) < MIN_REASON_LENGTH)
      return fail("usage", `--reason must say why in at least ${MIN_REASON_LENGTH} visible characters.`);
    const writable = context.files.checkNew(input.out);
    if (!writable.ok) return writable;
    const from = accountOf(context, input);
    if (!from.ok) return from;
    const agent = findKey(context, "agent", input.agentFile);
    if (!agent.ok) return agent;
    const ledger = await askLedger(context, input);
    if (!ledger.ok) return ledger;
    const parties = { from: from.data, agent: agent.data.key.publicKey, ledger: ledger.data };
    const draft = draftMandate(context, { ...input, note: input.reason }, parties);
    if (!draft.ok) return draft;
    const written = context.files.writeNew(input.out, jsonText(draft.data));
    if (!written.ok) return written;
    const data = { file: input.out, limits: limitsText(draft.data), ...expiry(Number(draft.data.validBefore), unixNow()) };
    return succeed(data, {
      argv: ["lez-agent-pay", "mandate", "grant", "--draft", input.out],
      by: "owner",
      why: "read the limits, lower them, and grant them or not",
    });
  },
  render: (data, layout) => [
    `Written to ${data.file}. Nothing is granted yet.`,
    ...field(layout, "limits", data.limits),
    ...field(layout, "valid until", expiryText(data)),
  ],
});
