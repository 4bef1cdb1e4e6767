/** `ledger export`: a retired ledger, as a file from which a new one can be founded. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { nameField } from "../command-line/fields.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { exportLedger } from "../facilitator/ledger-export.ts";
import { operatorKeyField, withOperatorKey } from "../keys/operator-key.ts";
import { field } from "../runtime/layout.ts";
import { fail, succeed } from "../runtime/outcome.ts";

export const ledgerExport = defineCommand({
  name: "ledger export",
  audience: "dev",
  summary: "write a retired ledger into a file",
  description: [
    "The file has every account, chain, payment and grant, as JSON lines of mode 0600. It is checked while it is written: chains lead to balances,",
    "and balances add up to the supply. Run again, the command goes on with a file that broke off.",
  ].join(" "),
  input: z.strictObject({
    out: nameField.meta({ value: "file", description: "file for the export" }),
    ...operatorKeyField,
    ...facilitatorFields,
  }),
  output: z.strictObject({
    file: z.string(),
    ledger: z.string(),
    digest: z.string(),
    supply: z.string(),
    shards: z.number(),
    accounts: z.number(),
    entries: z.number(),
    nonces: z.number(),
    holds: z.number(),
    sessions: z.number(),
  }),
  examples: [
    { says: "the local stack's ledger", argv: "ledger export --out ledger.jsonl --operator-key-file operator.key" },
    {
      says: "a deployed one",
      argv: "ledger export --out ledger.jsonl --facilitator-url https://pay.example.com --operator-key-file operator.key",
    },
  ],
  async run(context, input) {
    return withOperatorKey(input.operatorKeyFile, async (key) => {
      const file = await exportLedger(context, input, input.out, key);
      if (!file.ok) return file;
      const { header, complete } = file.data;
      if (!header || !complete) return fail("internal", "The export has no end.");
      const { ledger, supply, shards } = header;
      return succeed({ file: input.out, ledger, digest: complete.digest, supply, shards, ...complete.summary });
    });
  },
  render: ({ file, ledger, digest, supply, shards, accounts, entries, nonces, holds, sessions }, layout) => [
    layout.ink("green", `The ledger is in ${file}, and adds up.`),
    ...field(layout, "ledger", ledger),
    ...field(layout, "digest", digest),
    ...field(layout, "supply", `${supply} units`),
    ...field(layout, "shards", String(shards)),
    ...field(layout, "accounts", `${accounts}, ${entries} journal entries`),
    ...field(layout, "nonces", `${nonces} used; ${holds} open holds and ${sessions} sessions, whose money is the payers'`),
  ],
});
