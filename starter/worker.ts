/** The Worker: the shop, and the Durable Object in which it remembers payments. Apart from the shop, which tests also run in Node.js. */

export { default } from "./index.ts";
export { Deliveries } from "lez-agent-pay/hono/deliveries";
