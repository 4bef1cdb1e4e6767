/** `sales owed`: what was paid and not delivered. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { counted, wrap } from "../runtime/layout.ts";
import { MAX_LISTED } from "../runtime/limits.ts";
import { moneySchema } from "../runtime/money.ts";
import { fail, succeed } from "../runtime/outcome.ts";
import { booksFields, salesFields, wanted, withSales } from "../sales/open-sales.ts";
import { eachSale, type Sale } from "../sales/sales.ts";
import { isOwed, provenance, saleLines, saleSchema, saleView, units } from "../sales/view.ts";

export const salesOwed = defineCommand({
  name: "sales owed",
  audience: "owner",
  readOnly: true,
  summary: "what was paid and not delivered",
  description:
    "The merchant's record says which goods went out, and the journal which payments were made: a capture whose answer was lost is owed if the ledger has it. What was given back in full is owed no more. `sales deliver` has the buyer's next repeat served for free.",
  input: z.strictObject({ ...salesFields, ...booksFields }),
  output: z.strictObject({
    /** Oldest first. */
    sales: z.array(saleSchema),
    more: z.number(),
    owed: moneySchema,
    /** Sales of which the merchant has no record: whether they were delivered is not known. */
    notRecorded: z.number(),
    merchant: z.string(),
  }),
  examples: [
    { says: "everything that is owed", argv: "sales owed --merchant-url https://shop.example" },
    { says: "of this year", argv: "sales owed --from 2026-01-01 --merchant-url https://shop.example" },
  ],
  async run(context, input) {
    return withSales(context, input, async ({ source, records, books }) => {
      const { origin: merchant } = records;
      if (merchant === undefined) {
        return fail("usage", "Only the merchant knows what it delivered.", {
          hint: "Name it: --merchant-url URL, or merchantUrl of the configuration.",
        });
      }
      const owed: Sale[] = [];
      let notRecorded = 0;
      const read = await eachSale(source, records, books, (sales) => {
        for (const sale of sales.filter(wanted(input))) {
          if (isOwed(sale)) owed.push(sale);
          if (!sale.record) notRecorded += sale.payments;
        }
      });
      if (!read.ok) return read;
      const sum = owed.reduce((total, { value, refunded }) => total + value - refunded, 0n);
      const sales = owed.slice(0, MAX_LISTED).map(saleView);
      return succeed({ sales, more: owed.length - sales.length, owed: units(sum), notRecorded, merchant });
    });
  },
  render: ({ sales, more, owed, notRecorded, merchant }, layout) => [
    sales.length === 0 ? "Nothing is owed." : layout.ink("bold", `${owed.display} owed in ${counted(sales.length + more, "sale")}`),
    ...sales.flatMap((sale) => ["", ...saleLines(sale, layout)]),
    ...(sales.length === 0
      ? []
      : ["", "To deliver one: lez-agent-pay sales deliver TRANSACTION", "To give it back: lez-agent-pay refund TRANSACTION"]),
    ...(notRecorded === 0 ? [] : [`The merchant has no record of ${counted(notRecorded, "sale")}: whether it delivered is not known.`]),
    ...wrap(provenance(merchant), layout.width).map((line) => layout.ink("dim", line)),
  ],
});
