/** `request list`: the requests of this machine. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { listPurchases, listSchema, pageFields } from "../purchase/purchase-list.ts";
import { renderList } from "../purchase/purchase-text.ts";
import { PURCHASE_STATES } from "../purchase/purchase.ts";

export const requestList = defineCommand({
  name: "request list",
  audience: "both",
  readOnly: true,
  tool: { title: "List the requests", idempotent: true },
  summary: "the requests of this machine, newest first",
  input: z.strictObject({
    state: z
      .enum(PURCHASE_STATES, `must be one of ${PURCHASE_STATES.join(", ")}`)
      .optional()
      .meta({ description: `only those that are ${PURCHASE_STATES.join(", ")}` }),
    ...pageFields,
  }),
  output: listSchema,
  examples: [
    { says: "all of them", argv: "request list" },
    { says: "those whose outcome is unknown", argv: "request list --state sent" },
  ],
  run: listPurchases,
  render: renderList,
});
