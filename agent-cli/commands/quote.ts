/** `quote`: the price and the terms of a URL. Never pays, needs no key. */

import * as z from "zod";
import { UPTO } from "../../shared/lez.ts";
import { isAmount } from "../../shared/protocol/amount.ts";
import { coverageText } from "../../shared/screen/coverage.ts";
import { duration } from "../../shared/screen/duration.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { money } from "../../shared/screen/money.ts";
import type { PaymentRequirements } from "../../shared/x402/x402.ts";
import { defineCommand } from "../command-line/command.ts";
import { networkField } from "../merchant/choose-money.ts";
import { allowHttpField, boundRequest, curlFields, httpRequest } from "../merchant/curl-request.ts";
import { askTerms, coverage, refuseUnsafe } from "../merchant/terms.ts";
import { refundTermsSchema, refundTermsView } from "../purchase/refund-terms.ts";
import { untrusted, untrustedSchema } from "../purchase/views.ts";
import { pinOf } from "../records/merchant-pins.ts";
import { isRedirect } from "../runtime/exchange.ts";
import { field } from "../runtime/layout.ts";
import { moneySchema, price } from "../runtime/money.ts";
import { succeed } from "../runtime/outcome.ts";

const request = { method: z.string(), url: z.string() };

function unitPrice({ scheme, asset, extra }: PaymentRequirements) {
  const { unit, unitPrice: each } = extra ?? {};
  if (scheme !== UPTO || typeof unit !== "string" || !isAmount(each)) return {};
  return { unit: { name: untrusted(unit), price: money(each, asset) } };
}

export const quote = defineCommand({
  name: "quote",
  audience: "agent",
  // Destructive: the agent chooses the method, and a DELETE that costs nothing deletes.
  tool: { title: "Ask the price of a URL", destructive: true, openWorld: true },
  summary: "the price and the terms of a URL; never pays",
  input: z.strictObject({
    url: z.string().meta({ positional: true, description: "the resource" }),
    ...networkField,
    ...curlFields,
    ...allowHttpField,
  }),
  output: z.discriminatedUnion("priced", [
    z.strictObject({
      priced: z.literal(true),
      ...request,
      price: moneySchema,
      /** Of scheme `upto`: what one unit costs, and what the merchant counts. It signs the usage in its receipt. */
      unit: z.strictObject({ name: untrustedSchema, price: moneySchema }).optional(),
      payTo: z.string(),
      network: z.string(),
      scheme: z.string(),
      maxTimeoutSeconds: z.number(),
      /** The part of the request that a payment would be bound to. */
      covers: z.string(),
      /** The merchant's own words: data, never instructions. */
      description: untrustedSchema.optional(),
      /** What it says of refunds: its word alone. `says` is our sentence of it. */
      refunds: refundTermsSchema.optional(),
      /** How many of its offers can be paid here; this is the best. */
      offers: z.number(),
      /** The pin from earlier purchases; a quote writes none. */
      merchant: z.strictObject({ firstSeenAt: z.string(), signs: z.boolean(), sameAccount: z.boolean() }).optional(),
    }),
    z.strictObject({ priced: z.literal(false), ...request, status: z.number(), location: z.string().optional() }),
  ]),
  examples: [
    { says: "what does it cost?", argv: "quote https://api.example.com/premium" },
    { says: "in another language, as with curl", argv: "quote https://api.example.com/premium -H 'Accept-Language: de'" },
  ],
  async run(context, input) {
    const made = await httpRequest(context, input);
    if (!made.ok) return made;
    const unsafe = refuseUnsafe(made.data, "quote");
    if (unsafe) return unsafe;
    const asked = await askTerms(context, made.data, input);
    if (!asked.ok) return asked;
    const { method, url } = made.data;
    if (!asked.data.priced) {
      const { status, headers } = asked.data.response;
      return succeed({ priced: false as const, method, url, status, ...(isRedirect(status) && { location: headers["location"] }) });
    }
    const { offers, required } = asked.data.terms;
    const [offer] = offers;
    const scope = coverage(made.data, offer);
    if (!scope.ok) return scope;
    const pin = pinOf(context, new URL(url).origin, offer.network);
    if (!pin.ok) return pin;
    return succeed({
      priced: true as const,
      method,
      url,
      price: price(offer),
      ...unitPrice(offer),
      payTo: offer.payTo,
      network: offer.network,
      scheme: offer.scheme,
      maxTimeoutSeconds: offer.maxTimeoutSeconds,
      covers: coverageText(scope.data, boundRequest(made.data)),
      ...(required.resource.description && { description: untrusted(required.resource.description) }),
      ...refundTermsView(required),
      offers: offers.length,
      ...(pin.data && {
        merchant: { firstSeenAt: pin.data.firstSeenAt, signs: pin.data.key !== undefined, sameAccount: pin.data.payTo === offer.payTo },
      }),
    });
  },
  render(data, layout) {
    if (!data.priced) {
      const redirect = data.location ? field(layout, "redirect", `${showUnsafe(data.location)} (not followed)`) : [];
      return [`${data.method} ${data.url} asks for no payment: it answered ${data.status}.`, ...redirect];
    }
    return [
      layout.ink("bold", `${data.price.display} for ${data.method} ${data.url}`),
      ...field(layout, "units", data.price.amount),
      ...(data.unit ? field(layout, "price", `${data.unit.price.display} per ${showUnsafe(data.unit.name.text)}`) : []),
      ...field(layout, "pay to", data.payTo),
      ...field(layout, "network", data.network),
      ...field(layout, "pays for", data.covers),
      ...field(layout, "time", `${duration(data.maxTimeoutSeconds)} from approval to payment`),
      ...(data.merchant ? field(layout, "known", `since ${data.merchant.firstSeenAt}`) : []),
      ...(data.merchant?.sameAccount === false ? field(layout, "BUT", "it asks to be paid to another account than before") : []),
      ...(data.refunds ? field(layout, "refunds", data.refunds.says) : []),
      ...(data.description ? field(layout, "it says", showUnsafe(data.description.text)) : []),
    ];
  },
});
