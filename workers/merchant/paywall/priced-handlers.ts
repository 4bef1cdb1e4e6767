/** Which handlers of an app take payments, and with which options: `paywall()` and `paid()` say so. */

import type { ExemptingOptions, OffersOptions, PaywallOptions } from "./options.ts";

type Options = PaywallOptions | OffersOptions | ExemptingOptions;

const priced = new WeakMap<object, Options>();

export function rememberPriced(handler: object, options: Options): void {
  priced.set(handler, options);
}

/** The options of a handler that takes payments; undefined for any other. */
export function pricedWith(handler: object): Options | undefined {
  return priced.get(handler);
}
