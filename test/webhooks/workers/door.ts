/** A merchant without a shop: it queues the events that it is sent, and shows its queue. */

import { Hono } from "hono";
import type { WebhookEvent } from "../../../shared/webhooks/event.ts";
import { type PaywallEnv, paywallWebhooks } from "../../../workers/merchant/paywall/index.ts";
import { webhookQueue } from "../../../workers/merchant/paywall/webhooks/queue.ts";

export { Webhooks } from "../../../workers/merchant/paywall/webhooks/webhooks.ts";

const app = new Hono<PaywallEnv>();
app.route("/", paywallWebhooks());
app.post("/events", async (c) => {
  const { WEBHOOKS } = c.env;
  if (!WEBHOOKS) return c.body(null, 500);
  const events: WebhookEvent[] = await c.req.json();
  for (const event of events) await webhookQueue(WEBHOOKS).enqueue(event);
  return c.body(null, 204);
});

export default app;
