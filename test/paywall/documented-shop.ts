/** The shop of docs/selling.md, so that the page's code is compiled, and something is bought from it. */

import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { paid, paymentInfo, paymentRequired, type PaywallEnv } from "../../workers/merchant/paywall/index.ts";

const summarize = (text: string) => `${text.slice(0, 10)}…`;

const PRICE = { amount: "10000", description: "A summary of your text" };

const summary = createRoute({
  method: "post",
  path: "/summaries",
  request: { body: { content: { "application/json": { schema: z.object({ text: z.string() }) } }, required: true } },
  responses: { 200: { description: "The summary" }, 402: paymentRequired(PRICE) },
  ...paymentInfo(PRICE),
});

const app = new OpenAPIHono<PaywallEnv>();
app.openapi(
  summary,
  paid(PRICE, (c) => c.text(summarize(c.req.valid("json").text))),
);
app.doc31("/openapi.json", { openapi: "3.1.0", info: { title: "Shop", version: "1" } });

export default app;
