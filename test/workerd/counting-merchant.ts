/** A merchant for tests: it counts how often its handler runs, and how many at a time. */
import { Hono } from "hono";
import { paywall, type PaywallEnv } from "../../workers/merchant/paywall/index.ts";

export { Deliveries } from "../../workers/merchant/deliveries.ts";

const app = new Hono<PaywallEnv>();
const runs = { total: 0, now: 0, most: 0 };

app.get("/runs", (c) => c.json(runs));

app.get("/slow", paywall({ amount: "10000" }), async (c) => {
  runs.total++;
  runs.most = Math.max(runs.most, ++runs.now);
  await new Promise((resolve) => setTimeout(resolve, 50));
  runs.now--;
  return c.text("goods");
});

app.post("/echo", paywall({ amount: "10000" }), (c) => new Response(c.req.raw.body));

export default app;
