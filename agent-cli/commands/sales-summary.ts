/** `sales summary`: what the account sold, per day and route, and how that leads to its balance. */

import * as z from "zod";
import { formatTimestamp } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { chart, groupOf, heading, largestFirst, limited } from "../runtime/chart.ts";
import { counted, type Layout, wrap } from "../runtime/layout.ts";
import { moneySchema } from "../runtime/money.ts";
import { succeed } from "../runtime/outcome.ts";
import { booksFields, routeOf, salesFields, wanted, withSales } from "../sales/open-sales.ts";
import { eachSale } from "../sales/sales.ts";
import { isOwed, isRefundOwed, provenance, statementLines, statementSchema, statementView, units } from "../sales/view.ts";

const lineSchema = z.strictObject({ name: z.string(), payments: z.number(), sold: moneySchema, refunded: moneySchema });
type Line = z.infer<typeof lineSchema>;
const groupSchema = groupOf(lineSchema);

class Group {
  readonly #lines = new Map<string, { payments: number; sold: bigint; refunded: bigint }>();

  add(name: string, payments: number, sold: bigint, refunded: bigint): void {
    const line = this.#lines.get(name) ?? { payments: 0, sold: 0n, refunded: 0n };
    line.payments += payments;
    line.sold += sold;
    line.refunded += refunded;
    this.#lines.set(name, line);
  }

  lines(): Line[] {
    return [...this.#lines].map(([name, { payments, sold, refunded }]) => ({
      name,
      payments,
      sold: units(sold),
      refunded: units(refunded),
    }));
  }
}

export const salesSummary = defineCommand({
  name: "sales summary",
  audience: "owner",
  readOnly: true,
  summary: "what the account sold, per day and route, to the unit",
  description:
    "The sums are those of the account's journal, whose every link is checked; below them stands how they lead to the balance. Days are in UTC. With --from, --to or --route the sums are those of the sales that fit; the statement is always of the whole journal. What was refunded counts on the day, and the route, of its sale.",
  input: z.strictObject({ ...salesFields, ...booksFields }),
  output: z.strictObject({
    payments: z.number(),
    sold: moneySchema,
    /** Of these sales. */
    refunded: moneySchema,
    /** Paid, and not delivered by the merchant's record. */
    owed: z.strictObject({ payments: z.number(), value: moneySchema }),
    /** Not delivered in time, and not given back yet. */
    refundsOwed: z.strictObject({ payments: z.number(), value: moneySchema }),
    /** Sales of which the merchant has no record. */
    notRecorded: z.number(),
    /** Newest first. */
    days: groupSchema,
    /** The largest first. */
    routes: groupSchema,
    statement: statementSchema,
    merchant: z.string().optional(),
  }),
  examples: [
    { says: "everything", argv: "sales summary" },
    { says: "one day", argv: "sales summary --from 2026-10-31 --to 2026-10-31" },
  ],
  async run(context, input) {
    return withSales(context, input, async (open) => {
      const { source, records, books } = open;
      const [days, routes] = [new Group(), new Group()];
      const [owed, refundsOwed] = [
        { payments: 0, value: 0n },
        { payments: 0, value: 0n },
      ];
      const all = { payments: 0, sold: 0n, refunded: 0n, notRecorded: 0 };
      const read = await eachSale(source, records, books, (sales) => {
        for (const sale of sales.filter(wanted(input))) {
          const { at, value, refunded, payments } = sale;
          days.add(formatTimestamp(at).slice(0, 10), payments, value, refunded);
          routes.add(routeOf(sale), payments, value, refunded);
          all.payments += payments;
          all.sold += value;
          all.refunded += refunded;
          if (!sale.record) all.notRecorded += payments;
          const debt = isOwed(sale) ? owed : isRefundOwed(sale) ? refundsOwed : undefined;
          if (debt) {
            debt.payments += 1;
            debt.value += value - refunded;
          }
        }
      });
      if (!read.ok) return read;
      return succeed({
        payments: all.payments,
        sold: units(all.sold),
        refunded: units(all.refunded),
        owed: { payments: owed.payments, value: units(owed.value) },
        refundsOwed: { payments: refundsOwed.payments, value: units(refundsOwed.value) },
        notRecorded: all.notRecorded,
        days: limited(days.lines().sort((a, b) => (a.name < b.name ? 1 : -1))),
        routes: limited(routes.lines().sort(largestFirst<Line>(({ sold }) => sold.amount))),
        statement: statementView(open),
        ...(records.origin !== undefined && { merchant: records.origin }),
      });
    });
  },
  render: ({ payments, sold, refunded, owed, refundsOwed, notRecorded, days, routes, statement, merchant }, layout) => [
    layout.ink("bold", `${sold.display} in ${counted(payments, "sale")}`),
    ...(refunded.amount === "0" ? [] : [`${refunded.display} of it refunded`]),
    ...(owed.payments === 0
      ? []
      : [layout.ink("yellow", `${owed.value.display} owed in ${counted(owed.payments, "sale")}: lez-agent-pay sales owed`)]),
    ...(refundsOwed.payments === 0
      ? []
      : [
          layout.ink(
            "yellow",
            `${refundsOwed.value.display} to be given back in ${counted(refundsOwed.payments, "sale")}: lez-agent-pay sales owed`,
          ),
        ]),
    ...soldChart("per day", days, layout),
    ...soldChart("per route", routes, layout),
    ...heading("statement", layout),
    ...statementLines(statement, layout),
    "",
    ...(merchant === undefined || notRecorded === 0 ? [] : [`The merchant has no record of ${counted(notRecorded, "sale")}.`]),
    ...wrap(provenance(merchant), layout.width).map((line) => layout.ink("dim", line)),
  ],
});

function soldChart(title: string, { lines, more }: z.infer<typeof groupSchema>, layout: Layout): string[] {
  const bars = lines.map(({ name, payments, sold, refunded }) => ({
    name,
    amount: sold.amount,
    text: `${sold.display} in ${payments}${refunded.amount === "0" ? "" : `, ${refunded.display} refunded`}`,
  }));
  return chart(title, bars, more, layout);
}
