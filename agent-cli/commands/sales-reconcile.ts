/** `sales reconcile`: proves that sales, refunds and transfers lead to the balance, and compares them with the seller's own orders. */

import * as z from "zod";
import { displayAmount } from "../../shared/protocol/amount.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { defineCommand } from "../command-line/command.ts";
import { counted, type Layout } from "../runtime/layout.ts";
import { fail, succeed } from "../runtime/outcome.ts";
import { booksFields, periodFields, wanted, withSales } from "../sales/open-sales.ts";
import { readOrders } from "../sales/order-file.ts";
import { type Difference, Reconciliation } from "../sales/reconcile.ts";
import { eachSale } from "../sales/sales.ts";
import { statementLines, statementSchema, statementView } from "../sales/view.ts";

export const salesReconcile = defineCommand({
  name: "sales reconcile",
  audience: "owner",
  readOnly: true,
  summary: "prove that the sales lead to the balance, and fit the orders",
  description:
    "Recomputes the chain of the account's journal from its first entry to its head. Opening balance, plus sales, less refunds, plus and less transfers, is the closing balance, to the unit; if not, the exit code is 23. With a file, each sale is also looked for in the seller's own orders: a CSV with a header, or JSON lines, with the transaction (a handler's payment.id) or the buyer's payment identifier, and the amount. Every line that is missing, extra or different is named, and the exit code is 24. --from and --to name the time that the file covers.",
  input: z.strictObject({
    orders: z.string().optional().meta({ positional: true, value: "file", description: "the seller's own orders, CSV or JSON lines" }),
    ...periodFields,
    ...booksFields,
  }),
  output: z.strictObject({
    statement: statementSchema,
    /** Orders that fit their sales; absent without a file. */
    matched: z.number().optional(),
  }),
  examples: [
    { says: "the books alone", argv: "sales reconcile" },
    { says: "with the shop's orders of one month", argv: "sales reconcile orders.csv --from 2026-10-01 --to 2026-10-31" },
  ],
  async run(context, input) {
    const orders = input.orders === undefined ? undefined : readOrders(input.orders);
    if (orders?.ok === false) return orders;
    return withSales(context, input, async (open) => {
      const statement = statementView(open);
      if (!orders) return succeed({ statement });
      const reconciliation = new Reconciliation(orders.data);
      const read = await eachSale(open.source, open.records, open.books, (sales) => {
        for (const sale of sales.filter(wanted(input))) reconciliation.take(sale);
      });
      if (!read.ok) return read;
      const { matched, differences } = reconciliation.finish();
      if (differences.length === 0) return succeed({ statement, matched });
      const count = (kind: Difference["kind"]) => differences.filter((each) => each.kind === kind).length;
      const sentence = `${count("missing")} missing, ${count("extra")} extra, ${count("different")} different`;
      context.say(...differences.map((each) => differenceLine(each, context.layout)));
      return fail("orders_differ", `The orders are not the sales: ${sentence}; ${matched} fit.`, {
        hint: "Nothing was changed. The journal's own sums are exact; the file is to be looked at.",
        details: { matched, differences: differences.map(differenceView), statement },
      });
    });
  },
  render: ({ statement, matched }, layout) => [
    layout.ink("green", "The journal adds up, to the unit."),
    ...statementLines(statement, layout),
    ...(matched === undefined ? [] : [`${counted(matched, "order")} fit their sales; none is missing, extra or different.`]),
  ],
});

function differenceLine({ kind, line, id, ordered, sold }: Difference, layout: Layout): string {
  const where = line === undefined ? "not in the file" : `line ${line}`;
  const amounts = [
    ordered === undefined ? [] : `ordered ${displayAmount(ordered)}`,
    sold === undefined ? [] : `sold ${displayAmount(sold)}`,
  ];
  return `${layout.ink("yellow", kind.padEnd(9))} ${where}, ${amounts.flat().join(", ")}, ${showUnsafe(id)}`;
}

function differenceView({ ordered, sold, ...rest }: Difference) {
  return {
    ...rest,
    ...(ordered !== undefined && { ordered: ordered.toString() }),
    ...(sold !== undefined && { sold: sold.toString() }),
  };
}
