/** `ledger restore`: founds a new ledger from the export of a retired one. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { restoreLedger } from "../facilitator/ledger-restore.ts";
import { operatorKeyField, withOperatorKey } from "../keys/operator-key.ts";
import { field } from "../runtime/layout.ts";

export const ledgerRestore = defineCommand({
  name: "ledger restore",
  audience: "dev",
  summary: "found a new ledger from the export of a retired one",
  description: [
    "The new ledger has an id of its own, any number of shards, and no history: point the facilitator at it with LEDGER_NAME.",
    "The whole file is checked before anything is sent. The ledger pays nothing until all of it has arrived and the supply is exact.",
    "Run again, the command goes on. Restore an export once: two ledgers from one export would both have all of its money.",
  ].join(" "),
  input: z.strictObject({
    file: z.string().meta({ positional: true, description: "the export of the retired ledger" }),
    ...operatorKeyField,
    ...facilitatorFields,
  }),
  output: z.strictObject({
    ledger: z.string(),
    from: z.string(),
    export: z.string(),
    supply: z.string(),
    shards: z.number(),
    accounts: z.number(),
    entries: z.number(),
    nonces: z.number(),
    holds: z.number(),
    sessions: z.number(),
  }),
  examples: [
    { says: "into the local stack", argv: "ledger restore ledger.jsonl --operator-key-file operator.key" },
    {
      says: "into a deployed one",
      argv: "ledger restore ledger.jsonl --facilitator-url https://pay.example.com --operator-key-file operator.key",
    },
  ],
  async run(context, input) {
    return withOperatorKey(input.operatorKeyFile, (key) => restoreLedger(context, input, input.file, key));
  },
  render: ({ ledger, from, supply, shards, accounts, nonces }, layout) => [
    layout.ink("green", "The ledger is restored, and adds up."),
    ...field(layout, "ledger", ledger),
    ...field(layout, "continues", from),
    ...field(layout, "supply", `${supply} units`),
    ...field(layout, "shards", String(shards)),
    ...field(layout, "accounts", `${accounts}; ${nonces} used nonces`),
  ],
});
