/** `ledger audit`: asks the ledger, through its facilitator, to recompute its whole book. For the ledger's operator. */
import * as z from "zod";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { callFacilitator, facilitatorFields } from "../facilitator.ts";
import { field } from "../layout.ts";
import { refuse, succeed } from "../outcome.ts";

const auditSchema = z.object({
  ok: z.boolean(),
  ledger: z.string(),
  shards: z.number(),
  supply: z.string(),
  balances: z.string(),
  inFlight: z.string(),
  held: z.string(),
  accounts: z.number(),
  journalEntries: z.number(),
  conclusive: z.boolean(),
  problems: z.array(z.string()),
});

export const ledgerAudit = defineCommand({
  name: "ledger audit",
  audience: "dev",
  readOnly: true,
  summary: "recompute the ledger's whole book, over all of its shards",
  description:
    "For ledgers that hand out test money. Elsewhere the books are the operator's: GET /ledger/audit with the operator's bearer key, which this command has not.",
  input: z.strictObject(facilitatorFields),
  output: auditSchema,
  examples: [
    { says: "the local stack's ledger", argv: "ledger audit" },
    { says: "another one, for a script", argv: "ledger audit --facilitator-url http://127.0.0.1:8799 --json" },
  ],
  async run(context, input) {
    const audit = await callFacilitator(context, input, { path: "/ledger/audit", answer: auditSchema });
    if (!audit.ok || audit.data.ok) return audit.ok ? succeed(audit.data) : audit;
    return refuse("audit_differs", EXIT.differs, `The book contradicts itself: ${audit.data.problems.slice(0, 5).join("; ")}.`, {
      hint: "Stop the facilitator and see spec/architecture.md, Restoring.",
      details: { problems: audit.data.problems },
    });
  },
  render: ({ ledger, shards, supply, balances, inFlight, accounts, journalEntries, conclusive }, layout) => [
    layout.ink(
      "bold",
      conclusive ? "The book adds up." : "Every shard's book is in order; money between them kept moving, so the supply was not compared.",
    ),
    ...field(layout, "ledger", ledger),
    ...field(layout, "shards", String(shards)),
    ...field(layout, "accounts", `${accounts}, ${journalEntries} journal entries`),
    ...field(layout, "supply", `${supply} units: ${balances} in accounts, ${inFlight} on its way`),
  ],
});
