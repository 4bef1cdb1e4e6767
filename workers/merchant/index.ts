/** The demo merchant: a Hono app that sells a report, the weather, quotes, a story, summaries, counts, research and an archive, and fails to sell one thing. */

import "./paywall/native/native.ts";
import { env } from "cloudflare:workers";
import type { MiddlewareHandler } from "hono";
import { Hono } from "hono/tiny";
import { errorBody } from "../../shared/errors.ts";
import type { NativeNetwork } from "../../shared/lez.ts";
import { logEvent, traceIdFrom } from "../../shared/log.ts";
import { TRACE_ID } from "../../shared/x402/headers.ts";
import { namesOneHost } from "../../shared/x402/host.ts";
import { indexPage } from "./index-page.ts";
import { merchantIdentity, paywall, paywallHealth, paywallCors, type PaywallEnv, paywallWebhooks } from "./paywall/index.ts";
import { paywallOpenApi } from "./paywall/openapi-document.ts";
import { paywallSales } from "./paywall/sales.ts";
import { sellerPage } from "./paywall/seller-page.ts";
import { countWords, forecast, quote, research, story, summarize } from "./products.ts";

export { Deliveries } from "./paywall/refunds.ts";
export { Sessions } from "./paywall/sessions/sessions.ts";
export { Webhooks } from "./paywall/webhooks/webhooks.ts";

const app = new Hono<PaywallEnv>();

/** What is sold, in the order of the index. Prices in atomic units. */
const PRICES = {
  premium: { amount: "10000", description: "The premium report", mimeType: "application/json" },
  weather: { amount: "2500", description: "The weather of one city: /weather?city=Zurich", mimeType: "application/json" },
  quote: { amount: "10", description: "A quote: /quote?symbol=LGO, cheap enough for a session", mimeType: "application/json" },
  story: {
    amount: "2000",
    description: "A story, 10 units a word: /story?words=100, charged by session while it flows",
    mimeType: "text/event-stream",
  },
  summarize: { amount: "5000", description: "A summary of the text you post", mimeType: "application/json" },
  count: { amount: "20000", description: "The words of the text you post, 100 units each", mimeType: "application/json" },
  research: { amount: "5000", description: "Research, which takes two seconds", mimeType: "application/json" },
  archive: { amount: "10000", description: "The archive, paid before it is opened", mimeType: "application/json" },
  flaky: { amount: "10000", description: "Always fails, and therefore costs nothing", mimeType: "application/json" },
} as const;

/** In atomic units: counted, and told. */
const PRICE_OF_WORD = "100";
const PRICE_OF_STORY_WORD = "10";

const ROUTES = [
  { method: "GET", path: "/premium", ...PRICES.premium },
  { method: "GET", path: "/weather", ...PRICES.weather },
  { method: "GET", path: "/quote", ...PRICES.quote },
  { method: "GET", path: "/story", ...PRICES.story },
  { method: "POST", path: "/summarize", ...PRICES.summarize },
  { method: "POST", path: "/count", ...PRICES.count, scheme: "upto" as const },
  { method: "GET", path: "/research", ...PRICES.research },
  { method: "GET", path: "/archive", ...PRICES.archive },
  { method: "GET", path: "/flaky", ...PRICES.flaky },
];

interface Settings {
  PAY_TO: string;
  /** An account of a LEZ key, and its network: then the report is sold natively as well. */
  PAY_TO_LEZ?: string;
  LEZ_NETWORK?: NativeNetwork;
  RECEIPT_KEY?: string;
  SELLER_KEY?: string;
}
const { PAY_TO, PAY_TO_LEZ, LEZ_NETWORK = "lez:devnet", RECEIPT_KEY, SELLER_KEY } = env as unknown as Settings;

app.use(async (c, next) => {
  c.set("traceId", traceIdFrom(c.req.header(TRACE_ID), c.req.header("traceparent")));
  if (namesOneHost(c.req.raw.headers)) await next();
  else c.res = c.json(errorBody("invalid_payload", "Host: must be named once"), 400);
  c.header(TRACE_ID, c.get("traceId"));
});
app.use(paywallCors());

app.route("/", merchantIdentity());
app.route("/", paywallHealth());
app.route("/", paywallWebhooks());
app.route("/", paywallSales());
if (SELLER_KEY) app.route("/seller", sellerPage());

app.get("/", (c) => {
  if (c.req.header("Accept")?.includes("text/html")) return c.html(indexPage(ROUTES));
  return c.json({ routes: ROUTES });
});

app.get("/openapi.json", paywallOpenApi(app, { title: "lez demo merchant", version: "1" }));

/** What the facilitator's catalogue says of the routes that buyers may find. */
const SHOP = { serviceName: "lez demo merchant" };

const { amount: PREMIUM, ...REPORT } = { ...PRICES.premium, payTo: PAY_TO, discoverable: { ...SHOP, tags: ["report"] } };
const NATIVELY = PAY_TO_LEZ ? [{ amount: PREMIUM, network: LEZ_NETWORK, payTo: PAY_TO_LEZ }] : [];
app.get("/premium", paywall({ ...REPORT, offers: [{ amount: PREMIUM }, ...NATIVELY] }), (c) =>
  c.json({ report: "Agents that ask first are trusted longer.", payment: c.get("payment").id }),
);

/** In front of the paywall: validate input first, so that no one pays for a bad request. */
const namesCity: MiddlewareHandler = async (c, next) => {
  if (c.req.query("city")) return next();
  const problem = { code: "city_missing", message: "The question names no city.", hint: "Ask for /weather?city=Zurich." };
  return c.json({ error: problem.code, problem }, 400);
};
const WEATHER = { ...SHOP, tags: ["weather"], input: { city: "Zurich" }, inputSchema: { required: ["city"] } };
app.get("/weather", namesCity, paywall({ ...PRICES.weather, payTo: PAY_TO, discoverable: WEATHER }), (c) =>
  c.json(forecast(c.req.query("city") ?? "")),
);

/** Also by session, where the merchant has the key that signs claims. */
app.get("/quote", paywall({ ...PRICES.quote, payTo: PAY_TO, session: Boolean(RECEIPT_KEY) }), (c) =>
  c.json(quote(c.req.query("symbol") ?? "LGO")),
);

/** Charged word by word in a session. Without one all of the amount comes first. */
const BY_WORD = RECEIPT_KEY ? { session: true, metered: true, unit: "word", unitPrice: PRICE_OF_STORY_WORD } : {};
app.get("/story", paywall({ ...PRICES.story, ...BY_WORD, payTo: PAY_TO }), (c) => {
  const { charge, amount, signal, scheme } = c.get("payment");
  const words = Math.min(Number(c.req.query("words") ?? 100) || 0, Number(amount) / Number(PRICE_OF_STORY_WORD));
  const perWord = () => charge(PRICE_OF_STORY_WORD, [{ unit: "word", quantity: "1", price: PRICE_OF_STORY_WORD }]);
  return c.body(story(words, scheme === "exact" ? () => undefined : perWord, signal), 200, { "Content-Type": "text/event-stream" });
});

app.post("/summarize", paywall({ ...PRICES.summarize, payTo: PAY_TO }), async (c) => c.json(summarize(await c.req.text())));

/** What it costs is known afterwards: the buyer signs the most, and pays for the words. */
app.post("/count", paywall({ ...PRICES.count, payTo: PAY_TO, scheme: "upto", unit: "word", unitPrice: PRICE_OF_WORD }), async (c) => {
  const { charge, amount } = c.get("payment");
  const words = countWords(await c.req.text(), Number(amount) / Number(PRICE_OF_WORD));
  charge(String(words * Number(PRICE_OF_WORD)), [{ unit: "word", quantity: String(words), price: PRICE_OF_WORD }]);
  return c.json({ words });
});

app.get("/research", paywall({ ...PRICES.research, payTo: PAY_TO }), async (c) => c.json(await research()));

/** Paid before it runs. */
app.get("/archive", paywall({ ...PRICES.archive, payTo: PAY_TO, flow: "upfront" }), (c) =>
  c.json({ archive: [1, 2, 3], payment: c.get("payment").id }),
);

app.get("/flaky", paywall({ ...PRICES.flaky, payTo: PAY_TO }), () => {
  throw new Error("flaky by design");
});

app.notFound((c) => c.json(errorBody("not_found"), 404));
app.onError((error, c) => {
  logEvent("merchant.failed", { traceId: c.get("traceId"), path: c.req.path, message: String(error) });
  return c.json(errorBody("internal_error"), 500);
});

export default app;
