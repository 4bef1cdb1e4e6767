/** A shop that sells by session, and counts how often its handler ran in this Worker. */

import { streamSSE } from "hono/streaming";
import { Hono } from "hono/tiny";
import { paywall, type PaywallEnv } from "../../../workers/merchant/paywall/index.ts";

export { Sessions } from "../../../workers/merchant/paywall/sessions/sessions.ts";

const app = new Hono<PaywallEnv>();
let runs = 0;
let words = 0;

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
/** Every 20 ms a word, until there are so many, or the buyer is gone. */
app.get("/words/:count", paywall({ amount: "1000", session: { risk: "10" }, metered: true, unit: "word", unitPrice: "2" }), (c) =>
  streamSSE(c, async (stream) => {
    const { charge, signal } = c.get("payment");
    for (let sent = 1; sent <= Number(c.req.param("count")) && !signal.aborted; sent++) {
      charge("2", [{ unit: "word", quantity: "1", price: "2" }]);
      await stream.writeSSE({ data: `word ${sent}` });
      words++;
      await scheduler.wait(20);
    }
  }),
);
app.get("/words", (c) => c.json({ words }));
app.get("/runs", (c) => c.json({ runs }));

export default app;
