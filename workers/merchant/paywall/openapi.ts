/** The price of a route in its OpenAPI document. The 402 of a request is what counts; the document lets an agent compare beforehand. */

import { ASSET, ASSET_SYMBOL, SCHEME } from "../../../shared/lez.ts";
import { decimalAmount } from "../../../shared/protocol/amount.ts";
import { priceText } from "../../../shared/protocol/offer.ts";
import { PAYMENT_REQUIRED } from "../../../shared/x402/headers.ts";
import { checkOptions, type OffersOptions, type PaywallOptions } from "./options.ts";

/**
 * The extension `x-payment-info` of an operation, in the form that x402 directories read: a price for people, and the terms of each
 * offer. Spread it into the route beside its `responses`. A price by request is `dynamic`, without an amount; one of scheme `upto` with
 * its `max`.
 *
 * @param options those of `paid()` or `paywall()`. Payees are named if they name them; a binding is not known here
 * @throws {TypeError} for options that could never be paid
 */
export function paymentInfo(options: PaywallOptions | OffersOptions) {
  const { offers } = checkOptions(options);
  const protocols = offers.map(({ scheme, network, amount, payTo, maxTimeoutSeconds, unit, unitPrice }) => ({
    x402: { scheme, network, asset: ASSET, ...constants({ amount, payTo }), maxTimeoutSeconds, ...constants({ unit, unitPrice }) },
  }));
  const { amount } = constants({ amount: offers[0]?.amount });
  const isFixed = amount !== undefined && offers[0]?.scheme === SCHEME;
  const price = isFixed
    ? { mode: "fixed", currency: ASSET_SYMBOL, amount: decimalAmount(amount) }
    : { mode: "dynamic", currency: ASSET_SYMBOL, ...(amount !== undefined && { max: decimalAmount(amount) }) };
  return { "x-payment-info": { price, protocols } };
}

/** Those of the terms that do not depend on the request. */
function constants(terms: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(terms).flatMap(([name, term]) => (typeof term === "string" ? [[name, term]] : [])));
}

/**
 * The response 402 of an operation, for its `responses`.
 * @throws {TypeError} for options that could never be paid
 */
export function paymentRequired(options: PaywallOptions | OffersOptions) {
  const [{ scheme, ...terms } = { scheme: SCHEME, amount: undefined }] = checkOptions(options).offers;
  const { amount } = constants({ amount: terms.amount });
  return {
    description: `Payment required${amount ? `: ${priceText({ scheme, amount })}` : ""} by x402 v2`,
    headers: { [PAYMENT_REQUIRED]: { description: "The terms: PaymentRequired of x402 v2, as JSON in Base64", schema: string } },
    content: { "application/json": { schema: required } },
  };
}

/** As much of JSON Schema as the 402 needs. */
interface JsonSchema {
  type: "object" | "array" | "string" | "integer";
  required?: string[];
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
}

const string: JsonSchema = { type: "string" };
const integer: JsonSchema = { type: "integer" };
const object: JsonSchema = { type: "object" };

const offer: JsonSchema = {
  type: "object",
  required: ["scheme", "network", "amount", "asset", "payTo", "maxTimeoutSeconds"],
  properties: { scheme: string, network: string, amount: string, asset: string, payTo: string, maxTimeoutSeconds: integer, extra: object },
};

/** PaymentRequired. Members that only some answers have, such as the problem in our words, are not listed. */
const required: JsonSchema = {
  type: "object",
  required: ["x402Version", "error", "resource", "accepts"],
  properties: {
    x402Version: integer,
    error: string,
    resource: { type: "object", required: ["url"], properties: { url: string, description: string, mimeType: string } },
    accepts: { type: "array", items: offer },
    extensions: object,
  },
};
