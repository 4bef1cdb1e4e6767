/** The page that a browser shows for a priced URL. */

import { html } from "hono/html";
import { priceText } from "../../../shared/protocol/offer.ts";
import { showUnsafe } from "../../../shared/screen/escapes.ts";
import type { PaymentRequired } from "../../../shared/x402/x402.ts";

export function paymentPage({ resource, accepts }: PaymentRequired): string {
  const [offer] = accepts;
  if (!offer) return "";
  // Quote the URL for a shell: the author of the link chose its characters.
  const command = `lez-agent-pay request create '${resource.url.replaceAll("'", "%27")}' --reason "…"`;
  return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Payment required</title>
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; color-scheme: light dark }
  dt { opacity: .7 } dd { margin: 0 0 .75rem; overflow-wrap: anywhere; font-weight: 600 }
  code { overflow-wrap: anywhere }
</style>
<h1>Payment required</h1>
<p>${showUnsafe(resource.description ?? "This resource is paid for per request.")}</p>
<dl>
  <dt>Price</dt><dd>${priceText(offer)} (${offer.amount} atomic units)</dd>
  <dt>Paid to</dt><dd>${offer.payTo}</dd>
  <dt>Network</dt><dd>${offer.network}</dd>
  <dt>For</dt><dd>${showUnsafe(resource.url)}</dd>
</dl>
<p>Browsers cannot pay here. An agent can ask its owner: <code>${showUnsafe(command)}</code></p>
</html>
` as string;
}
