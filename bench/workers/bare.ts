/** The limit of a challenge: Hono, and nothing to pay. */
import { Hono } from "hono";

export default new Hono().get("/item", (c) => c.text("goods"));
