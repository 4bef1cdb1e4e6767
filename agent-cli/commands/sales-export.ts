/** `sales export`: sales and refunds as a file for other programs. */

import * as z from "zod";
import { decimalAmount } from "../../shared/protocol/amount.ts";
import { csvRow } from "../../shared/text/csv.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { forceField, nameField } from "../command-line/fields.ts";
import { checkDestination } from "../keys/output-file.ts";
import { writeParts } from "../runtime/files.ts";
import { counted, field } from "../runtime/layout.ts";
import { moneySchema } from "../runtime/money.ts";
import { succeed } from "../runtime/outcome.ts";
import { booksFields, salesFields, wanted, withSales } from "../sales/open-sales.ts";
import { eachSale, type Refund } from "../sales/sales.ts";
import { saleView, type SaleView, units } from "../sales/view.ts";

const FORMATS = ["csv", "jsonl"] as const;

const COLUMNS = [
  "kind",
  "time",
  "route",
  "units",
  "LGO",
  "refunded",
  "delivery",
  "payer",
  "transaction",
  "payment_id",
  "payments",
  "amount_from",
  "entry",
];

export const salesExport = defineCommand({
  name: "sales export",
  audience: "owner",
  summary: "sales and refunds as CSV or JSON lines",
  description:
    "One row per sale, oldest first, and one per refund on its own day: the sum of the sales less the sum of the refunds is what was earned. A refund names the transaction that it gives back. No cell of a CSV can act as a formula. The file is written while the journal is read, and named once it is whole.",
  input: z.strictObject({
    out: nameField.meta({ value: "file", description: "file for the sales" }),
    format: z
      .enum(FORMATS, `must be one of ${FORMATS.join(", ")}`)
      .default("csv")
      .meta({ description: `${FORMATS.join(" or ")}; csv` }),
    ...salesFields,
    ...booksFields,
    ...forceField,
  }),
  output: z.strictObject({
    file: z.string(),
    sales: z.number(),
    sold: moneySchema,
    refunds: z.number(),
    refunded: moneySchema,
    merchant: z.string().optional(),
  }),
  examples: [
    { says: "for a spreadsheet", argv: "sales export --out sales.csv" },
    { says: "one month, for a program", argv: "sales export --out october.jsonl --format jsonl --from 2026-10-01 --to 2026-10-31" },
  ],
  async run(context, input) {
    const { out, format, force, from = 0, to = Infinity, route } = input;
    const writable = checkDestination(out, force);
    if (!writable.ok) return writable;
    return withSales(context, input, ({ source, records, books }) =>
      writeParts(out, force, async (append) => {
        const count = { sales: 0, sold: 0n, refunds: 0, refunded: 0n };
        const write = (row: Row) => append(`${format === "csv" ? csvRow(cellsOf(row)) : JSON.stringify(row)}\n`);
        if (format === "csv") append(`${csvRow(COLUMNS)}\n`);
        const read = await eachSale(source, records, books, (sales, refunds) => {
          for (const sale of sales.filter(wanted(input))) {
            count.sales += sale.payments;
            count.sold += sale.value;
            write({ kind: "sale", ...saleView(sale) });
          }
          for (const refund of refunds.filter(({ at }) => at >= from && at <= to && route === undefined)) {
            count.refunds++;
            count.refunded += refund.value;
            write({ kind: "refund", ...refundView(refund) });
          }
        });
        if (!read.ok) return read;
        return succeed({
          file: out,
          ...count,
          sold: units(count.sold),
          refunded: units(count.refunded),
          ...(records.origin !== undefined && { merchant: records.origin }),
        });
      }),
    );
  },
  render: ({ file, sales, sold, refunds, refunded, merchant }, layout) => [
    `${counted(sales, "sale")}, ${sold.display} in all, written to ${file}`,
    ...(refunds === 0 ? [] : field(layout, "refunds", `${counted(refunds, "refund")}, ${refunded.display} in all`)),
    ...(merchant === undefined ? field(layout, "but", "no merchant was asked, so no route is recorded: --merchant-url URL") : []),
  ],
});

type RefundView = Pick<SaleView, "at" | "entry" | "amount" | "transaction"> & { refundOf: string };
type Row = ({ kind: "sale" } & SaleView) | ({ kind: "refund" } & RefundView);

function refundView({ at, seq, value, transaction, of }: Refund): RefundView {
  return { at: formatTimestamp(at), entry: seq, amount: units(value), ...(transaction !== undefined && { transaction }), refundOf: of };
}

function cellsOf(row: Row): string[] {
  const { kind, at, entry, amount } = row;
  const money = [amount.amount, decimalAmount(amount.amount)];
  if (row.kind === "refund") return [kind, at, "", ...money, "", "", "", row.refundOf, "", "1", "ledger", entry];
  const { route, refunded, delivery, payer = "", transaction = "", paymentId = "", payments, amountFrom } = row;
  return [kind, at, route, ...money, refunded.amount, delivery, payer, transaction, paymentId, String(payments), amountFrom, entry];
}
