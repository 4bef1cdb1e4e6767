/** `sales deliver`: asks the merchant to serve a sale again, for free, when its buyer repeats the payment. */

import * as z from "zod";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { signSaleDelivery } from "../../shared/protocol/sale-delivery.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { textField } from "../command-line/fields.ts";
import { ownerFileField } from "../command-line/fields.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { findOwner, openOwner } from "../keys/owner-key.ts";
import { orderDelivery } from "../merchant/sales-register.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { field } from "../runtime/layout.ts";
import { fail, succeed } from "../runtime/outcome.ts";
import { merchantFields, withSales } from "../sales/open-sales.ts";
import { eachSale, type Sale } from "../sales/sales.ts";

export const salesDeliver = defineCommand({
  name: "sales deliver",
  audience: "owner",
  summary: "deliver what was paid: the buyer's repeat is served for free",
  description:
    "For goods that are owed, and for a buyer that lost an answer. A merchant cannot reach its buyers, so it serves the same payment once more when it is presented again, in the next 30 days, and takes no money for it: tell the buyer to run the same command again. The owner's key signs the order. The sale must be in the account's journal and in the merchant's record, and not given back.",
  input: z.strictObject({
    transaction: textField(digestSchema).meta({ positional: true, value: "transaction", description: "the sale, as sales owed lists it" }),
    ...merchantFields,
    ownerFile: ownerFileField,
    ...passphraseFields,
    ...facilitatorFields,
  }),
  output: z.strictObject({
    transaction: z.string(),
    route: z.string(),
    payer: z.string(),
    merchant: z.string(),
    /** RFC 3339. */
    until: z.string(),
  }),
  examples: [
    { says: "with the passphrase at the terminal", argv: `sales deliver ${"4f".repeat(32)} --merchant-url https://shop.example` },
    { says: "without a terminal", argv: `sales deliver ${"4f".repeat(32)} --passphrase-file secret.txt` },
  ],
  async run(context, input) {
    const found = findOwner(context, input.ownerFile);
    if (!found.ok) return found;
    return withSales(context, { ...input, account: undefined, operatorKeyFile: undefined }, async ({ source, records, books }) => {
      const { origin: merchant } = records;
      if (merchant === undefined) return fail("usage", "Name the merchant: --merchant-url URL, or merchantUrl of the configuration.");
      let sale: Sale | undefined;
      const read = await eachSale(source, records, books, (sales) => {
        sale ??= sales.find(({ transaction }) => transaction === input.transaction);
      });
      if (!read.ok) return read;
      const { record, refunded = 0n, value = 0n } = sale ?? {};
      if (!sale) return fail("sale_not_found", `The journal of ${source.account} has no sale ${input.transaction}.`);
      if (!record) return fail("sale_not_found", `The merchant at ${merchant} has no record of this sale, so it cannot serve it again.`);
      if (refunded >= value) return fail("sale_refunded", "This sale was given back in full: nothing is owed.");
      const owner = await openOwner(context, found.data, input);
      if (!owner.ok) return owner;
      const signed = await signSaleDelivery(owner.data, { origin: merchant, transaction: record.transaction });
      owner.data.wipe();
      const ordered = await orderDelivery(context, merchant, signed, record.day);
      if (!ordered.ok) return ordered;
      const { transaction, route, payer, until } = ordered.data;
      return succeed({ transaction, route, payer, merchant, until: formatTimestamp(until) });
    });
  },
  render: ({ transaction, route, payer, merchant, until }, layout) => [
    layout.ink("green", `${showUnsafe(route)} is served again, for free, until ${until}`),
    ...field(layout, "merchant", merchant),
    ...field(layout, "payer", payer),
    ...field(layout, "transaction", transaction),
    ...field(layout, "buyer", "repeats the payment: the same pay, fetch or status command"),
  ],
});
