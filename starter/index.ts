/** What this shop sells. Prices are in atomic units: 10⁹ are 1 LGO. */

import { Hono, type MiddlewareHandler } from "hono";
import { merchantIdentity, paywall, paywallCors, type PaywallEnv, paywallHealth } from "lez-agent-pay/hono";
import { paywallOpenApi } from "lez-agent-pay/hono/openapi";

const app = new Hono<PaywallEnv>();
app.use(paywallCors());
app.route("/", merchantIdentity());
app.route("/", paywallHealth());
app.get("/openapi.json", paywallOpenApi(app, { title: "Shop", version: "1" }));

/** A facilitator by URL holds no money, so it moves before a handler runs. With the flow named here, the tests sell in the same one. */
const flow = "upfront";

/** One price. */
app.get("/report", paywall({ amount: "10000", description: "The report", flow }), (c) =>
  c.json({ report: "Agents that ask first are trusted longer." }),
);

/** A price by parameter. It is validated in front of the paywall: no buyer is asked to pay for a question that has no answer. */
const upToAWeek: MiddlewareHandler<PaywallEnv> = async (c, next) =>
  /^[1-7]$/.test(c.req.query("days") ?? "") ? next() : c.json({ error: "days must be 1 to 7" }, 400);
const forecastPrice = paywall({ amount: (c) => `${c.req.query("days")}000`, description: "The weather, 1000 a day", flow });
app.get("/forecast", upToAWeek, forecastPrice, (c) => {
  const days = Number(c.req.query("days"));
  return c.json({ forecast: Array.from({ length: days }, (_, day) => ({ day: day + 1, sky: day % 2 === 0 ? "clear" : "rain" })) });
});

/** A body: the payment is for these very bytes. */
app.post("/count", paywall({ amount: "2000", description: "The words of the text you post", flow }), async (c) => {
  const text = await c.req.text();
  return c.json({ words: text.split(/\s+/).filter(Boolean).length });
});

export default app;
