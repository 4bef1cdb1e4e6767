/** Our merchant, selling by session. */

import { Hono } from "hono";
import { paywall, type PaywallEnv } from "../../workers/merchant/paywall/index.ts";

export { Deliveries } from "../../workers/merchant/paywall/memory/deliveries.ts";
export { Sessions } from "../../workers/merchant/paywall/sessions/sessions.ts";

export default new Hono<PaywallEnv>().get("/item", paywall({ amount: "1", session: true }), (c) => c.text("goods"));
