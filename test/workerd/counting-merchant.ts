/** A merchant for tests: it counts how often its handlers run, and how many at a time. */

import { type Handler, Hono } from "hono";
import { MAX_STORED_ANSWER_BYTES } from "../../shared/limits.ts";
import { paywall, paywallCors, type PaywallEnv } from "../../workers/merchant/paywall/index.ts";
import { paywallSales } from "../../workers/merchant/paywall/sales.ts";

export { Deliveries } from "../../workers/merchant/paywall/refunds.ts";

const app = new Hono<PaywallEnv>();
app.use(paywallCors());
app.route("/", paywallSales());
const runs = { total: 0, now: 0, most: 0 };
const PRICE = { amount: "10000" };

const goods: Handler<PaywallEnv> = async (c) => {
  runs.total++;
  runs.most = Math.max(runs.most, ++runs.now);
  await new Promise((resolve) => setTimeout(resolve, 50));
  runs.now--;
  return c.text("goods");
};

app.get("/required", paywall({ ...PRICE, identifier: "required" }), goods);
app.get("/large", paywall(PRICE), (c) => {
  runs.total++;
  return c.text("x".repeat(MAX_STORED_ANSWER_BYTES + 1));
});
/** Too large to store, streamed, and made again for its buyer. */
const REPORT = new TextEncoder().encode("0123456789".repeat(20_000));
app.get("/redelivered", paywall({ ...PRICE, redeliver: true }), () => {
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= REPORT.length) return controller.close();
      controller.enqueue(REPORT.slice(at, (at += 10_000)));
    },
  });
  return new Response(body, { headers: { ETag: '"report-1"', "Content-Length": String(REPORT.length) } });
});
app.get("/largest-kept", paywall(PRICE), (c) => c.text("x".repeat(MAX_STORED_ANSWER_BYTES)));
let refusals = 1;
app.get("/second-time", paywall(PRICE), (c) => (refusals-- > 0 ? c.text("not yet", 503) : c.text("goods")));
/** Throws what no framework answers, then delivers. */
let throws = 1;
app.get("/throws", paywall(PRICE), (c) => {
  if (throws-- > 0) throw "not an Error"; // oxlint-disable-line typescript/only-throw-error, no-throw-literal -- that is the point
  return c.text("goods");
});
/** An answer that breaks off before its end, then one that does not. */
let broken = 1;
app.get("/breaks-off", paywall(PRICE), (c) => {
  if (broken-- <= 0) return c.text("goods");
  return new Response(new ReadableStream({ pull: (controller) => controller.error(new Error("broken")) }));
});

app.get("/runs", (c) => c.json(runs));
/** Where the facilitator holds nothing, a handler runs before its payment is certain only because the seller says so. */
app.get("/slow", paywall({ ...PRICE, flow: "authorization" }), goods);
/** The flow that its facilitator asks for. */
app.get("/default", paywall(PRICE), goods);
/** Runs until `/gate/open`. */
const gate = { isOpen: true };
const gated: Handler<PaywallEnv> = async (c) => {
  runs.total++;
  while (!gate.isOpen) await new Promise((resolve) => setTimeout(resolve, 5));
  return c.text("goods");
};
app.get("/gated", paywall(PRICE), gated);
app.get("/gated-unsettled", paywall({ ...PRICE, flow: "authorization" }), gated);
app.post("/gate/:state", (c) => {
  gate.isOpen = c.req.param("state") === "open";
  return c.body(null);
});
app.get("/archive", paywall({ ...PRICE, flow: "upfront" }), goods);
const ADVERTISED = { "test-extension": { info: { tier: "gold", options: { a: 1 } }, schema: {} } };
app.get("/extended", paywall({ ...PRICE, extensions: ADVERTISED }), goods);
app.get("/redirect", paywall({ ...PRICE, flow: "authorization" }), (c) => c.redirect("/elsewhere"));
app.get("/not-modified", paywall({ ...PRICE, flow: "authorization" }), (c) => c.body(null, 304));
/** Three parts, 100 ms apart. */
app.get("/stream", paywall(PRICE), () => {
  const parts = ["one ", "two ", "three"];
  const body = new ReadableStream({
    async pull(controller) {
      const part = parts.shift();
      if (part === undefined) return controller.close();
      controller.enqueue(new TextEncoder().encode(part));
      await new Promise((resolve) => setTimeout(resolve, 100));
    },
  });
  return new Response(body);
});
/** Paid, and never delivered. */
app.get("/owed", paywall({ ...PRICE, flow: "upfront" }), (c) => c.text("not yet", 503));
/** Delivers while it is in stock: `POST /stock/full`, `/stock/empty`. */
const stock = { isFull: true };
app.get("/stocked/:item", paywall({ ...PRICE, flow: "upfront" }), (c) => (stock.isFull ? c.text("goods") : c.text("not yet", 503)));
/** The same, whose money goes back a second later. */
const refunding = paywall({ ...PRICE, flow: "upfront", refund: 1 });
app.get("/refunding/:item", refunding, (c) => (stock.isFull ? c.text("goods") : c.text("not yet", 503)));
app.post("/stock/:state", (c) => {
  stock.isFull = c.req.param("state") === "full";
  return c.body(null);
});
app.get("/broken", paywall({ ...PRICE, flow: "authorization" }), (c) => c.text("broken", 500));
/** Fails until it is asked for the third time. */
let attempts = 0;
app.get("/third-time", paywall({ ...PRICE, flow: "upfront" }), (c) => (++attempts < 3 ? c.text("not yet", 503) : c.text("goods")));
app.post("/echo", paywall(PRICE), (c) => new Response(c.req.raw.body));

export default app;
