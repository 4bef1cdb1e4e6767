/** `mandate show`: one mandate, whole. */

import * as z from "zod";
import { REFUND_SCHEME } from "../../shared/protocol/mandate.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { nameField } from "../command-line/fields.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { mandateData, mandateLines, mandateSchema } from "../purchase/mandate-view.ts";
import { findMandate } from "../records/mandates.ts";
import { field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";

export const mandateShow = defineCommand({
  name: "mandate show",
  audience: "owner",
  readOnly: true,
  summary: "one mandate: its limits, and what it has used",
  input: z.strictObject({
    mandate: nameField.meta({ positional: true, description: "its code or its digest" }),
    ...facilitatorFields,
  }),
  output: mandateSchema,
  examples: [
    { says: "by its code", argv: "mandate show 7F3K-9QPD" },
    { says: "for a program", argv: "mandate show 7F3K-9QPD --json" },
  ],
  async run(context, input) {
    const kept = await findMandate(context, input.mandate);
    return kept.ok ? succeed(await mandateData(context, input, kept.data, unixNow())) : kept;
  },
  render: (data, layout) => [
    ...mandateLines(data, layout),
    ...field(layout, "per payment", `at most ${data.perPayment.display}`),
    ...(data.schemes[0] === REFUND_SCHEME ? [] : data.payees).flatMap((payee, i) =>
      field(layout, i === 0 ? "pays" : "", payee === "*" ? "any account" : payee),
    ),
    ...field(layout, "from", data.from),
    ...field(layout, "agent key", data.agentKey),
    ...(data.note === undefined ? [] : field(layout, "note", showUnsafe(data.note))),
  ],
});
