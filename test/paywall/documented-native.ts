/** The native shop of docs/selling.md, so that the page's code is compiled, and something is bought from it. */

import "../../workers/merchant/paywall/native/native.ts";
import { Hono } from "hono";
import { paywall, type PaywallEnv } from "../../workers/merchant/paywall/index.ts";

const LEZ_ACCOUNT = "7ha43q8RtdaVXjkH6s94YE8WSxsChXnFQaPJY8tRJozR";
const app = new Hono<PaywallEnv>();
app.get("/premium", paywall({ offers: [{ amount: "10000" }, { amount: "10000", network: "lez:devnet", payTo: LEZ_ACCOUNT }] }), (c) =>
  c.json({ report: "…" }),
);

export default app;
