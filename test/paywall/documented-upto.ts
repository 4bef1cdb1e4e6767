/** The shop of docs/selling.md whose price is known afterwards, so that the page's code is compiled, and something is bought from it. */

import { Hono } from "hono";
import { paywall, type PaywallEnv } from "../../workers/merchant/paywall/index.ts";

const model = async (question: string, most: number) => ({ answer: `${question}?`, tokens: Math.min(929, most) });

const app = new Hono<PaywallEnv>();
app.post("/answers", paywall({ scheme: "upto", amount: "20000", unit: "token", unitPrice: "2", description: "An answer" }), async (c) => {
  const { answer, tokens } = await model(await c.req.text(), Number(c.get("payment").amount) / 2);
  c.get("payment").charge(String(tokens * 2), [{ unit: "token", quantity: String(tokens), price: "2" }]);
  return c.text(answer);
});

export default app;
