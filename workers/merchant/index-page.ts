/** The merchant's front page, for people. */

import { html } from "hono/html";
import type { Scheme } from "../../shared/lez.ts";
import { priceText } from "../../shared/protocol/offer.ts";

export interface PricedRoute {
  method: string;
  path: string;
  amount: string;
  /** `upto`: the amount is the most that it can come to. */
  scheme?: Scheme;
  description: string;
}

export function indexPage(routes: readonly PricedRoute[]) {
  const rows = routes.map(
    ({ method, path, amount, scheme = "exact", description }) =>
      html`<tr><td>${method} ${path}</td><td>${priceText({ scheme, amount })}</td><td>${description}</td></tr>`,
  );
  return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>lez-agent-pay demo merchant</title>
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; color-scheme: light dark }
  td, th { text-align: left; padding: .25rem 1rem .25rem 0; vertical-align: top }
</style>
<h1>Demo merchant</h1>
<p>Each of these is paid for per request, with x402 on LEZ. Ask for one and the answer says how.</p>
<table>
  <tr><th>Request</th><th>Price</th><th>What</th></tr>
  ${rows}
</table>
</html>
`;
}
