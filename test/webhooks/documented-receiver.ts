/** The receiver of docs/selling.md, so that the page's code is compiled, and messages are sent to it. */

import { Hono } from "hono";
import { verifyWebhook, type WebhookEvent } from "../../shared/webhooks/index.ts";

/** What the receiver has booked, by the id of the message. */
export const books = new Map<string, WebhookEvent>();
const book = async (id: string, event: WebhookEvent) => void books.set(id, event);

export const app = new Hono<{ Bindings: { WEBHOOK_SECRET: string } }>();

app.post("/webhooks", async (c) => {
  const message = verifyWebhook(await c.req.text(), c.req.raw.headers, c.env.WEBHOOK_SECRET);
  if (!message.ok) return c.text(message.code, message.code === "unknown_event" ? 200 : 400);
  await book(message.id, message.event); // once for each id: a message may come again
  return c.body(null, 204);
});
