/** `ledger retire`: the ledger's operator ends it, for ever, so that it can be exported. */

import * as z from "zod";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { textField } from "../command-line/fields.ts";
import { callFacilitator, facilitatorFields, secondsSchema } from "../facilitator/client.ts";
import { operatorKeyField, withOperatorKey } from "../keys/operator-key.ts";
import { counted, field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";

const answerSchema = z.object({
  ledger: z.string(),
  shards: z.array(z.object({ shard: z.number(), at: secondsSchema, held: z.number() })),
});

export const ledgerRetire = defineCommand({
  name: "ledger retire",
  audience: "dev",
  summary: "end a ledger for ever, so that another one can continue it",
  description: [
    "Nothing is paid on the ledger any more, and no command takes that back. Its receipts and evidence still verify.",
    "Open holds end: their money stays with the payers. You name the ledger, as `ledger audit` shows it.",
  ].join(" "),
  input: z.strictObject({
    ledger: textField(digestSchema).meta({ positional: true, description: "the id of the ledger that ends: 64 hex digits" }),
    ...operatorKeyField,
    ...facilitatorFields,
  }),
  output: z.strictObject({ ledger: z.string(), shards: z.number(), retiredAt: z.string(), openHolds: z.number() }),
  examples: [
    { says: "the one of the local stack", argv: `ledger retire ${"1e".repeat(32)} --operator-key-file operator.key` },
    {
      says: "a deployed one",
      argv: `ledger retire ${"1e".repeat(32)} --facilitator-url https://pay.example.com --operator-key-file operator.key`,
    },
  ],
  async run(context, input) {
    return withOperatorKey(input.operatorKeyFile, async (key) => {
      const { ledger } = input;
      const answer = await callFacilitator(context, input, { path: "/ledger/retire", body: { ledger }, answer: answerSchema, key });
      if (!answer.ok) return answer;
      const { shards } = answer.data;
      return succeed({
        ledger,
        shards: shards.length,
        retiredAt: formatTimestamp(Math.max(...shards.map(({ at }) => at))),
        openHolds: shards.reduce((sum, { held }) => sum + held, 0),
      });
    });
  },
  render: ({ ledger, shards, retiredAt, openHolds }, layout) => [
    layout.ink("green", "The ledger is retired. It pays nothing any more."),
    ...field(layout, "ledger", ledger),
    ...field(layout, "shards", String(shards)),
    ...field(layout, "since", retiredAt),
    ...field(layout, "open holds", openHolds === 0 ? "none" : `${counted(openHolds, "hold")}: the money stays with the payers`),
    ...field(layout, "next", "lez-agent-pay ledger export --out FILE"),
  ],
});
