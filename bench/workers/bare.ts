/** The upper limit for a challenge: Hono without a paywall. */

import { Hono } from "hono";

export default new Hono().get("/item", (c) => c.text("goods"));
