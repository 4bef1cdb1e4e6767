/** `sales list`: what the account sold, newest first. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { counted } from "../runtime/layout.ts";
import { wrap } from "../runtime/layout.ts";
import { MAX_LISTED } from "../runtime/limits.ts";
import { succeed } from "../runtime/outcome.ts";
import { booksFields, salesFields, wanted, withSales } from "../sales/open-sales.ts";
import { eachSale, type Sale } from "../sales/sales.ts";
import { provenance, saleLines, saleSchema, saleView } from "../sales/view.ts";

const LIMIT = `must be a whole number, 1 to ${MAX_LISTED}`;

export const salesList = defineCommand({
  name: "sales list",
  audience: "owner",
  readOnly: true,
  summary: "what the account sold, newest first",
  description:
    "The account's journal is read whole, and every link of it checked. Routes, payment identifiers and deliveries are the merchant's own record. Payments from another shard of the ledger arrive as one entry: what neither the ledger nor the merchant itemises is one line with its sum.",
  input: z.strictObject({
    ...salesFields,
    limit: z.coerce
      .number(LIMIT)
      .int(LIMIT)
      .min(1, LIMIT)
      .max(MAX_LISTED, LIMIT)
      .default(20)
      .meta({ value: "n", description: `at most so many, up to ${MAX_LISTED}; 20` }),
    ...booksFields,
  }),
  output: z.strictObject({
    sales: z.array(saleSchema),
    /** Those that are left out. */
    more: z.number(),
    /** Where the record came from; absent if no merchant was asked. */
    merchant: z.string().optional(),
  }),
  examples: [
    { says: "the last 20", argv: "sales list" },
    { says: "of one route in one month", argv: 'sales list --route "GET /premium" --from 2026-10-01 --to 2026-10-31' },
  ],
  async run(context, input) {
    return withSales(context, input, async ({ source, records, books }) => {
      const newest: Sale[] = [];
      let found = 0;
      const read = await eachSale(source, records, books, (sales) => {
        const own = sales.filter(wanted(input));
        found += own.length;
        newest.push(...own.slice(-input.limit));
        newest.splice(0, newest.length - input.limit);
      });
      if (!read.ok) return read;
      const sales = newest.toReversed().map(saleView);
      return succeed({ sales, more: found - sales.length, ...(records.origin !== undefined && { merchant: records.origin }) });
    });
  },
  render: ({ sales, more, merchant }, layout) => [
    ...(sales.length === 0 ? ["No sales."] : sales.flatMap((sale) => saleLines(sale, layout))),
    ...(more > 0 ? ["", `and ${counted(more, "earlier sale")}: lez-agent-pay sales export`] : []),
    ...(sales.length === 0 ? [] : ["", ...wrap(provenance(merchant), layout.width).map((line) => layout.ink("dim", line))]),
  ],
});
