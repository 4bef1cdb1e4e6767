/**
 * `paywall()`: a route that is paid per request, by x402 v2 on LEZ. spec/protocol.md §9.
 *
 * Without a payment: 402 with the terms. With one: compare it with the offer, hold the payer's money, run the handler once, capture,
 * answer. Nothing is sent before the capture; a handler that fails costs nothing.
 */

import type { Context, Env, Handler, MiddlewareHandler, Next } from "hono";
import { matchedRoutes } from "hono/route";
import type { BlankEnv } from "hono/types";
import { ConfigurationError } from "../../../shared/configuration-error.ts";
import type { ErrorCode } from "../../../shared/errors.ts";
import { BATCH_SETTLEMENT, isNative } from "../../../shared/lez.ts";
import { measureInto } from "../../../shared/metrics.ts";
import { PAYMENT_SIGNATURE, TRACE_ID } from "../../../shared/x402/headers.ts";
import { namesOneHost } from "../../../shared/x402/host.ts";
import type { SettleResponse } from "../../../shared/x402/x402.ts";
import { forbidCaching, isCachingHeader, writableHeaders } from "./caching.ts";
import { deliveriesOf, facilitatorOf } from "./config.ts";
import { listSold } from "./discovery.ts";
import { tellOwed, tellRefused, tellSettled } from "./hooks.ts";
import { keepAlive } from "./keep-alive.ts";
import { logOnceAMinute, logPayment, traceOf } from "./log.ts";
import { nativeAcceptor } from "./native-acceptor.ts";
import { type CheckedOptions, checkOptions, type ExemptingOptions, type OffersOptions, type PaywallOptions } from "./options.ts";
import { type ParsedPayment, parsePayment, readPayment, verifyPresented } from "./presented-payment.ts";
import { pricedWith, rememberPriced } from "./priced-handlers.ts";
import { recordSale } from "./record-sale.ts";
import { refundOf } from "./refund-terms.ts";
import { passOnRefusal, refuseRequest } from "./responses.ts";
import { callSeller } from "./seller-function.ts";
import { alreadyBought } from "./serve/already-bought.ts";
import { serve } from "./serve/index.ts";
import { showTerms } from "./shown-terms.ts";
import { RouteTerms } from "./terms/index.ts";
import { isOwnOffer } from "./terms/signed-terms.ts";
import type {
  Challenge,
  ExemptingEnv,
  PaidRequest,
  PaywallEnv,
  PresentedPayment,
  Refusal,
  ServeResult,
  SubstituteResponse,
  Terms,
} from "./types.ts";

export { paywallCors, type PaywallCorsOptions } from "./cors.ts";
export type { FacilitatorOf01, PaymentMemory, Remembered } from "./deprecated.ts";
export { paymentInfo, paymentRequired } from "./openapi.ts";
export type {
  ByRequest,
  DiscoverableOptions,
  ExemptingOptions,
  OfferOptions,
  OffersOptions,
  PaywallOptions,
  RefundRequestOptions,
  RefusedEvent,
  SellerContext,
  SessionOptions,
  SettledEvent,
} from "./options.ts";
export { keepBody } from "./terms/bound-request.ts";
export { paywallHealth } from "./terms/health.ts";
export { merchantIdentity } from "./terms/well-known.ts";
export type {
  DeliveryState,
  DeliveryStore,
  ExemptingEnv,
  Lease,
  PaymentContext,
  PaywallBindings,
  PaywallEnv,
  PaywallFacilitator,
  PresentedPayment,
} from "./types.ts";
export { paywallWebhooks } from "./webhooks/routes.ts";

/** What became of a payment, and the payment itself if it could be parsed. */
type Presented = { result: ServeResult; presented?: PresentedPayment | undefined };

/**
 * Middleware for one priced route.
 *
 * @example
 * app.get("/premium", paywall({ amount: "10000", description: "The premium report" }), (c) => c.json(report));
 *
 * @throws {TypeError} at start-up, for a configuration that could never be paid
 */
export function paywall<E extends Env = BlankEnv>(options: ExemptingOptions<E>): MiddlewareHandler<E & ExemptingEnv>;
export function paywall<E extends Env = BlankEnv>(options: PaywallOptions<E> | OffersOptions<E>): MiddlewareHandler<E & PaywallEnv>;
export function paywall(options: PaywallOptions | OffersOptions | ExemptingOptions): MiddlewareHandler<PaywallEnv> {
  const checked = checkOptions(options);
  const routeTerms = new RouteTerms(checked);
  const hasHooks = checked.onSettled !== undefined || checked.onRefused !== undefined;

  const middleware: MiddlewareHandler<PaywallEnv> = async (c, next) => {
    const outer = c.body(null); // has the headers that middleware set so far. Not c.res: once read, Hono copies every later response
    const response = await answer(c, next, outer).catch((error: unknown) => answerMisconfigured(c, error));
    if (!response) return;
    seal(c, response.headers);
    // Reset c.res first; otherwise Hono merges the discarded response's headers in.
    c.res = undefined;
    c.res = mergeHeaders(response, outer);
  };
  rememberPriced(middleware, options);
  return middleware;

  /** @returns the response to send in place of the handler's */
  async function answer(c: Context<PaywallEnv>, next: Next, outer: Response): Promise<Response | undefined> {
    if (checked.exempt && (await isExempt(c, checked.exempt))) return serveFree(c, next);
    if (c.req.method === "OPTIONS") return new Response(null, { status: 204 }); // free, and runs no handler
    measureInto(c.env.PAYMENT_METRICS);
    requireOnePaywall(c);
    if (!namesOneHost(c.req.raw.headers)) return refuseRequest({ code: "invalid_payload", detail: "Host: must be named once" }).response;
    const header = c.req.header(PAYMENT_SIGNATURE);
    if (c.req.header("Upgrade")) return refuseRequest({ code: "invalid_payload", detail: "upgrades are not sold" }).response;
    if (header === undefined) return showTerms(c, await routeTerms.of(c), checked);
    let settled: SettleResponse | undefined;
    const onMoved: PaidRequest["onMoved"] =
      hasHooks || c.env.WEBHOOK_URL || checked.discoverable
        ? (request, receipt) => {
            settled = receipt;
            listSold(request);
            tellSettled(request, receipt, checked);
          }
        : undefined;
    const { result, presented } = await servePayment(c, next, outer, parsePayment(header), onMoved);
    logPayment(c, result, presented);
    recordSale(c, result, presented);
    if (result.owed && presented) tellOwed({ c, presented }, checked);
    if (!result.answered) {
      tellRefused(c, result, presented, settled, checked);
      return result.response;
    }
    if (c.finalized) seal(c, writableHeaders(c)); // otherwise the handler returned nothing, and Hono answers 404
    return undefined;
  }

  async function servePayment(
    c: Context<PaywallEnv>,
    next: Next,
    outer: Response,
    parsed: ParsedPayment,
    onMoved: PaidRequest["onMoved"],
    hasRefreshed = false,
  ): Promise<Presented> {
    // Where the terms depend on the request, a payment is first compared with what it claims that they were. `checkPrice` asks the price.
    const accepted = checked.isByRequest && parsed.ok ? parsed.payment.accepted : undefined;
    const terms = await routeTerms.of(c, accepted);
    if ("code" in terms) return { result: refuseRequest(terms) };
    const { challenge, signer } = terms;
    const refuse = (refusal: Refusal) => refuseWith(accepted ? routeTerms.of(c) : terms, refusal);
    const unsupported = unsupportedRequest(c);
    if (unsupported) return { result: await refuse({ code: "invalid_payload", detail: unsupported }) };
    const read = readPayment(parsed, challenge, traceOf(c));
    const { presented } = read;
    const requestOf = (presented: PresentedPayment): PaidRequest => ({
      c,
      next,
      presented,
      challenge,
      signer,
      facilitator: facilitatorOf(c, checked),
      deliveries: () => deliveriesOf(c, checked, presented),
      outer,
      isDelivered: checked.delivered,
      onMoved,
      onOwed: () => tellOwed({ c, presented }, checked),
      refund: refundOf(c, presented, checked),
      redeliverSeconds: checked.redeliverSeconds,
      ...(accepted && { price: { terms: () => routeTerms.of(c), isHonoured: () => isOwnOffer(presented, challenge, signer) } }),
    });
    if (!read.ok) {
      const bought = presented && (await servedBefore(requestOf(presented)));
      if (bought) return { result: bought, presented };
      // Our terms may be the stale ones: another isolate may have learned of a new ledger first.
      const isOurs = read.code === "ledger_mismatch" && !hasRefreshed;
      if (isOurs && (await routeTerms.refreshLedger(c, presented?.offer))) {
        return servePayment(c, next, outer, parsed, onMoved, true);
      }
      if (presented && isWithheld(presented, challenge)) return { result: refuseRequest({ code: "facilitator_unavailable" }), presented };
      return { result: await refuse({ code: read.code, detail: read.detail }), presented };
    }

    const work = servePresented(requestOf(read.presented));
    keepAlive(c, work);
    const result = await work;
    if (!result.answered && isAboutTerms(result.code, read.presented)) routeTerms.forgetLedger();
    return { result, presented };
  }

  function servePresented(request: PaidRequest): Promise<ServeResult> {
    if (request.presented.offer.scheme === BATCH_SETTLEMENT) return routeTerms.acceptor().serve(request, checked);
    return request.price && !isNative(request.presented.offer) ? serveByRequest(request) : serve(request, checked);
  }

  /** A payment that fits no offer of now. */
  async function servedBefore(request: PaidRequest): Promise<ServeResult | undefined> {
    if (!isNative(request.presented.payment.accepted)) return alreadyBought(request, checked);
    return (await nativeAcceptor()?.recall(request)) ? serve(request, checked) : undefined;
  }

  /** Whether it is for a network that the route sells on, and that the facilitator does not offer now. */
  function isWithheld({ payment: { accepted } }: PresentedPayment, { offers }: Challenge): boolean {
    const isOn = ({ network }: { network: string }) => network === accepted.network;
    return checked.offers.some(isOn) && !offers.some(isOn);
  }

  /** Only payers learn what the merchant remembers, and only they have the price asked. */
  async function serveByRequest(request: PaidRequest): Promise<ServeResult> {
    const verified = await verifyPresented(request.presented);
    if (verified.ok) return serve(request, checked);
    const now = await routeTerms.of(request.c);
    return "code" in now ? refuseRequest(now) : passOnRefusal({ ...request, ...now }, verified);
  }
}

/** Whether the next terms need the facilitator's word: it settles on another ledger, or has perhaps lost its chain. */
function isAboutTerms(code: ErrorCode | undefined, { offer }: PresentedPayment): boolean {
  return code === "ledger_mismatch" || (code === "facilitator_unavailable" && isNative(offer));
}

/** Refuses a payment, and offers the terms again. */
async function refuseWith(terms: Terms | Promise<Terms | Refusal>, refusal: Refusal): Promise<SubstituteResponse> {
  const shown = await terms;
  return refuseRequest("code" in shown ? shown : { ...refusal, challenge: shown.challenge, offerAgain: true });
}

/**
 * A handler behind a paywall of its own, for routes whose middleware runs before their validators, as in `@hono/zod-openapi`. An invalid
 * request is refused before it is priced. The price reaches the document with `paymentInfo()` and `paymentRequired()`.
 *
 * @example
 * app.openapi(route, paid({ amount: "10000" }, (c) => c.json(summarize(c.req.valid("json")), 200)));
 *
 * @returns a handler of the same type
 * @throws {TypeError} at start-up, for a configuration that could never be paid
 */
export function paid<PaidHandler extends (c: never, next: Next) => unknown>(
  options: PaywallOptions | OffersOptions,
  handler: PaidHandler,
): PaidHandler {
  const middleware = paywall(options);
  // The context is the route's: only its types are not known here.
  const run = handler as unknown as Handler<PaywallEnv>;
  const priced: MiddlewareHandler<PaywallEnv> = (c, next) =>
    middleware(c, async () => {
      const response = await run(c, next);
      if (response) c.res = response;
    });
  rememberPriced(priced, options);
  return priced as unknown as PaidHandler;
}

/** Whether the seller serves this request without a payment. Only a clear yes is one. */
async function isExempt(c: Context<PaywallEnv>, exempt: NonNullable<CheckedOptions["exempt"]>): Promise<boolean> {
  return (await callSeller("exempt", () => exempt(c))) === true;
}

/** What is served free to some must not be kept for all. */
async function serveFree(c: Context<PaywallEnv>, next: Next): Promise<undefined> {
  await next();
  // The headers of an answer that switches protocols cannot be written.
  if (c.finalized && c.res.status !== 101) forbidCaching(writableHeaders(c));
}

/** A payment is for one offer, so a route behind two paywalls cannot be bought. */
function requireOnePaywall(c: Context<PaywallEnv>): void {
  const onRoute = matchedRoutes(c).filter(({ handler }) => pricedWith(handler)).length;
  // Behind another one that is not seen on the route, as in an app of its own, this one is reached while the payment is served.
  if (onRoute > 1 || c.get("payment")) throw new ConfigurationError("two paywalls are on this route; keep one");
}

/** Every answer is kept out of shared caches, and carries the trace that its buyer can quote. */
function seal(c: Context<PaywallEnv>, headers: Headers): void {
  forbidCaching(headers);
  headers.set(TRACE_ID, traceOf(c));
}

/** With these, middleware in front of the paywall answers 304 or 412 in place of the goods, after they are paid for. */
const CONDITIONS = ["If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since"];

/** Why this request is never charged, whatever its payment. */
function unsupportedRequest({ req }: Context): string | undefined {
  if (req.method === "HEAD") return "HEAD is never charged; pay with GET";
  const condition = CONDITIONS.find((name) => req.header(name) !== undefined);
  return condition && `a request with ${condition} is never charged; send it without`;
}

/** A misconfigured Worker sells nothing. */
function answerMisconfigured(c: Context<PaywallEnv>, error: unknown): Response {
  if (!(error instanceof ConfigurationError)) throw error;
  const { message, cause } = error;
  const fields = { traceId: traceOf(c), path: c.req.path, message, ...(typeof cause === "string" && { cause }) };
  logOnceAMinute("paywall.misconfigured", message, fields);
  return refuseRequest({ code: "internal_error", detail: "the merchant is not set up to sell this; its log says why" }).response;
}

const ADDED_UP: ReadonlySet<string> = new Set(["set-cookie", "vary"]);

/** Adds the headers that middleware set, unless `response` has its own or they would have it cached. */
function mergeHeaders(response: Response, outer: Response): Response {
  let own: Set<string> | undefined;
  for (const [name, value] of outer.headers) {
    own ??= new Set(response.headers.keys());
    if (ADDED_UP.has(name) || !(own.has(name) || isCachingHeader(name))) response.headers.append(name, value);
  }
  return response;
}
