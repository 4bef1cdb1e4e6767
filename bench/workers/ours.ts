/** Our merchant, as small as a seller's could be: one price, both flows. */

import { Hono } from "hono";
import { paywall, type PaywallEnv } from "../../workers/merchant/paywall/index.ts";

export { Deliveries } from "../../workers/merchant/paywall/memory/deliveries.ts";

export default new Hono<PaywallEnv>()
  .get("/item", paywall({ amount: "1" }), (c) => c.text("goods"))
  .get("/upfront", paywall({ amount: "1", flow: "upfront" }), (c) => c.text("goods"));
