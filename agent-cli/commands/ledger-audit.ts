/** `ledger audit`: asks the ledger, through its facilitator, to recompute all of its accounts. For the ledger's operator. */

import * as z from "zod";
import { MAX_RESPONSE_BODY_BYTES } from "../../shared/limits.ts";
import { defineCommand } from "../command-line/command.ts";
import { callFacilitator, facilitatorFields } from "../facilitator/client.ts";
import { readOperatorKey, operatorKeyField } from "../keys/operator-key.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { field } from "../runtime/layout.ts";
import { type Failure, refuse, succeed } from "../runtime/outcome.ts";

const auditSchema = z.object({
  ok: z.boolean(),
  ledger: z.string(),
  shards: z.number(),
  supply: z.string(),
  balances: z.string(),
  inFlight: z.string(),
  held: z.string(),
  /** What the operator has paid out, in atomic units. */
  issued: z.string().optional(),
  accounts: z.number(),
  journalEntries: z.number(),
  conclusive: z.boolean(),
  problems: z.array(z.string()),
});

export const ledgerAudit = defineCommand({
  name: "ledger audit",
  audience: "dev",
  readOnly: true,
  summary: "recompute the whole ledger, over all of its shards",
  description:
    "Every caller may audit a ledger that hands out test money and has public books. Any other one needs its operator's bearer key, whose SHA-256 is OPERATOR_KEY_SHA256 of the facilitator.",
  input: z.strictObject({ ...operatorKeyField, ...facilitatorFields }),
  output: auditSchema,
  examples: [
    { says: "the local stack's ledger", argv: "ledger audit" },
    { says: "one whose money is real", argv: "ledger audit --facilitator-url https://pay.example.com --operator-key-file operator.key" },
  ],
  async run(context, input) {
    const { operatorKeyFile } = input;
    const key = operatorKeyFile === undefined ? undefined : readOperatorKey(operatorKeyFile);
    if (key?.ok === false) return key;
    const call = { path: "/ledger/audit", answer: auditSchema, key: key?.data, maxBytes: MAX_RESPONSE_BODY_BYTES };
    const audit = await callFacilitator(context, input, call);
    key?.data.wipe();
    if (!audit.ok) return audit.error.code === "unauthorized" ? notOperator(operatorKeyFile) : audit;
    if (audit.data.ok) return succeed(audit.data);
    return refuse("audit_differs", EXIT.differs, `The ledger contradicts itself: ${audit.data.problems.slice(0, 5).join("; ")}.`, {
      hint: "Stop the facilitator and see spec/architecture.md, Restoring.",
      details: { problems: audit.data.problems },
    });
  },
  render: ({ ledger, shards, supply, balances, inFlight, issued, accounts, journalEntries, conclusive }, layout) => [
    layout.ink(
      "bold",
      conclusive ? "The ledger adds up." : "Every shard is in order. Money kept moving between shards, so the supply was not compared.",
    ),
    ...field(layout, "ledger", ledger),
    ...field(layout, "shards", String(shards)),
    ...field(layout, "accounts", `${accounts}, ${journalEntries} journal entries`),
    ...field(layout, "supply", `${supply} units: ${balances} in accounts, ${inFlight} in transit`),
    ...(issued === undefined || issued === "0" ? [] : field(layout, "paid out", `${issued} units, by the operator`)),
  ],
});

function notOperator(file: string | undefined): Failure {
  if (file === undefined) {
    return refuse("unauthorized", EXIT.notSetUp, "Only this ledger's operator may audit it.", {
      hint: "Give the operator's bearer key: --operator-key-file FILE",
    });
  }
  return refuse("unauthorized", EXIT.notSetUp, `The key in "${file}" is not the operator's.`, {
    hint: 'OPERATOR_KEY_SHA256 of the facilitator must be its SHA-256: printf %s "$KEY" | sha256sum',
  });
}
