/** `sales owed`: what was paid and not delivered. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { counted, type Layout, wrap } from "../runtime/layout.ts";
import { MAX_LISTED } from "../runtime/limits.ts";
import { moneySchema } from "../runtime/money.ts";
import { fail, succeed } from "../runtime/outcome.ts";
import { booksFields, salesFields, wanted, withSales } from "../sales/open-sales.ts";
import { eachSale, type Sale } from "../sales/sales.ts";
import { isOwed, isRefundOwed, provenance, saleLines, saleSchema, type SaleView, saleView, units } from "../sales/view.ts";

export const salesOwed = defineCommand({
  name: "sales owed",
  audience: "owner",
  readOnly: true,
  summary: "what was paid and not delivered, and what must be given back",
  description:
    "The merchant's record says which goods went out, and the journal which payments were made: a capture whose answer was lost is owed if the ledger has it. What was given back in full is owed no more. `sales deliver` has the buyer's next repeat served for free. A route with the option refund delivers for a limited time: what comes after that is a refund, listed apart with why the merchant has not made it, and `refund` makes it.",
  input: z.strictObject({ ...salesFields, ...booksFields }),
  output: z.strictObject({
    /** Oldest first. */
    sales: z.array(saleSchema),
    more: z.number(),
    owed: moneySchema,
    /** Refunds that the merchant has not made, oldest first. */
    refunds: z.array(saleSchema),
    moreRefunds: z.number(),
    refundsOwed: moneySchema,
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
          hint: "Name it: --merchant-url URL, or merchantUrl of the configuration. Beside an operator's key, --merchant-key-file FILE opens its record.",
        });
      }
      const [owed, refunds]: [Sale[], Sale[]] = [[], []];
      let notRecorded = 0;
      const read = await eachSale(source, records, books, (sales) => {
        for (const sale of sales.filter(wanted(input))) {
          if (isOwed(sale)) owed.push(sale);
          if (isRefundOwed(sale)) refunds.push(sale);
          if (!sale.record) notRecorded += sale.payments;
        }
      });
      if (!read.ok) return read;
      const [goods, money] = [listOf(owed), listOf(refunds)];
      return succeed({
        sales: goods.sales,
        more: goods.more,
        owed: goods.sum,
        refunds: money.sales,
        moreRefunds: money.more,
        refundsOwed: money.sum,
        notRecorded,
        merchant,
      });
    });
  },
  render: ({ sales, more, owed, refunds, moreRefunds, refundsOwed, notRecorded, merchant }, layout) => [
    ...(sales.length + refunds.length === 0 ? ["Nothing is owed."] : []),
    ...listed(`${owed.display} owed`, sales, more, ["To deliver one: lez-agent-pay sales deliver TRANSACTION", GIVE_BACK], layout),
    ...(sales.length > 0 && refunds.length > 0 ? [""] : []),
    ...listed(`${refundsOwed.display} to be given back`, refunds, moreRefunds, [GIVE_BACK], layout),
    ...(notRecorded === 0 ? [] : [`The merchant has no record of ${counted(notRecorded, "sale")}: whether it delivered is not known.`]),
    ...wrap(provenance(merchant), layout.width).map((line) => layout.ink("dim", line)),
  ],
});

const GIVE_BACK = "To give it back: lez-agent-pay refund TRANSACTION --reason service_not_delivered";

/** The first of them, how many more, and how much that is in all. */
function listOf(all: readonly Sale[]) {
  const sales = all.slice(0, MAX_LISTED).map(saleView);
  const sum = all.reduce((total, { value, refunded }) => total + value - refunded, 0n);
  return { sales, more: all.length - sales.length, sum: units(sum) };
}

function listed(title: string, sales: readonly SaleView[], more: number, ways: readonly string[], layout: Layout): string[] {
  if (sales.length === 0) return [];
  const head = layout.ink("bold", `${title} in ${counted(sales.length + more, "sale")}`);
  return [head, ...sales.flatMap((sale) => ["", ...saleLines(sale, layout)]), "", ...ways];
}
