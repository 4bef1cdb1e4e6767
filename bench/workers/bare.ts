/** The upper limits for a challenge: Hono without a paywall, and with a middleware that gives one fixed answer of a challenge's size. */

import { Hono } from "hono";

const BODY = JSON.stringify({ error: "x".repeat(620) });
const HEADERS = {
  "Content-Type": "application/json",
  "Cache-Control": "no-store",
  Vary: "PAYMENT-SIGNATURE",
  "PAYMENT-REQUIRED": "x".repeat(568),
  "X-Payment-Error": "payment_required",
  "X-Trace-Id": "0".repeat(32),
};

export default new Hono()
  .get("/item", (c) => c.text("goods"))
  .get(
    "/refused",
    async () => new Response(BODY, { status: 402, headers: HEADERS }),
    (c) => c.text("goods"),
  );
