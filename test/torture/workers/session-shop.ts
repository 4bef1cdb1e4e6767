/** A merchant that sells by session: as many Workers of it as the torture has isolates share one class of objects. */

import { Hono } from "hono";
import { paywall, type PaywallEnv } from "../../../workers/merchant/paywall/index.ts";

export { Sessions } from "../../../workers/merchant/paywall/sessions/sessions.ts";

export default new Hono<PaywallEnv>().get("/item", paywall({ amount: "10", session: true }), (c) => c.text("goods"));
