/** A shop that sells by session, and counts how often its handler ran in this Worker. */

import { Hono } from "hono/tiny";
import { paywall, type PaywallEnv } from "../../../workers/merchant/paywall/index.ts";

export { Sessions } from "../../../workers/merchant/paywall/sessions/sessions.ts";

const app = new Hono<PaywallEnv>();
let runs = 0;

app.get("/item/:id", paywall({ amount: "10", session: true }), (c) => c.json({ item: c.req.param("id"), runs: ++runs }));
app.get("/metered", paywall({ amount: "100", scheme: "upto", unit: "word", unitPrice: "1", session: true }), (c) => {
  runs++;
  c.get("payment").charge("7", [{ unit: "word", quantity: "7", price: "1" }]);
  return c.json({ words: 7 });
});
app.get("/slow", paywall({ amount: "10", session: true }), async (c) => {
  runs++;
  await scheduler.wait(2000);
  return c.text("slow");
});
app.get("/runs", (c) => c.json({ runs }));

export default app;
