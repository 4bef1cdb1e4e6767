/**
 * `paywall()`: a route that is paid for per request, by x402 v2 on LEZ. spec/protocol.md §5.
 *
 * Without a payment: 402 with the terms. With one: match it to the offer, hold the payer's money, run the handler once,
 * capture, answer. Nothing leaves before the capture; a handler that fails costs nothing.
 */
import type { Context, MiddlewareHandler } from "hono";
import { isAccountId } from "../../../shared/account.ts";
import { PAYMENT_SIGNATURE, TRACE_ID } from "../../../shared/headers.ts";
import { isTraceId, newTraceId } from "../../../shared/log.ts";
import { refusalResponse } from "./answers.ts";
import { boundRequest } from "./bound-request.ts";
import { Challenges, checkChallengeSize } from "./challenge.ts";
import { LedgerTerms } from "./ledger-terms.ts";
import { type Bind, checkOptions, type PaywallEnv, type PaywallOptions } from "./options.ts";
import { readPayment } from "./payment.ts";
import { serveAuthorized } from "./authorized.ts";
import type { Order } from "./order.ts";
import { outlive } from "./run.ts";
import { logSale, type Sale } from "./sale.ts";
import { facilitatorOf, memoryOf } from "./settlement.ts";
import { serveUpfront } from "./upfront.ts";

export type { PaymentContext, PaywallBindings, PaywallEnv, PaywallOptions } from "./options.ts";
export { paywallCors } from "./cors.ts";

/**
 * Middleware for one priced route.
 *
 * @example
 * app.get("/premium", paywall({ amount: "10000", description: "The premium report" }), (c) => c.json(report));
 *
 * @throws {TypeError} at start-up, for a configuration that could never be paid
 */
export function paywall(options: PaywallOptions): MiddlewareHandler<PaywallEnv> {
  const checked = checkOptions(options);
  checkChallengeSize(checked);
  const challenges = new Challenges(checked);
  const ledgerTerms = new LedgerTerms();

  return async (c, next) => {
    const traceId = traceOf(c);
    const payTo = checked.payTo ?? c.env.PAY_TO;
    if (!isAccountId(payTo)) throw new TypeError("paywall: neither payTo nor the binding PAY_TO is a LEZ account");
    const facilitator = facilitatorOf(c, checked);

    const request = await boundRequest(c, checked.bind ?? defaultBind(c.req.method));
    if (!request) return refusalResponse({ code: "payload_too_large" });
    const ledger = await ledgerTerms.ask(facilitator, traceId);
    if (!ledger) return refusalResponse({ code: "facilitator_unavailable" });
    const challenge = challenges.for(request, payTo, ledger);

    const header = c.req.header(PAYMENT_SIGNATURE);
    if (header === undefined) {
      const html = c.req.header("Accept")?.includes("text/html") ?? false;
      return refusalResponse({ code: "payment_required", challenge, offerAgain: true, html });
    }
    if (c.req.method === "HEAD") {
      return refusalResponse({ code: "invalid_payload", detail: "HEAD is never charged; pay with GET", challenge, offerAgain: true });
    }
    const read = readPayment(header, challenge.required);
    if (!read.ok) return refusalResponse({ code: read.code, detail: read.detail, challenge, offerAgain: true });

    const order: Order = { payment: read.payment, offer: challenge.offer, fingerprint: challenge.fingerprint, traceId };
    const sale: Sale = { c, next, order, challenge, facilitator, memory: () => memoryOf(c, checked, order) };
    const work = checked.flow === "upfront" ? serveUpfront(sale) : serveAuthorized(sale);
    outlive(c, work);
    const result = await work;
    if (!result.answered && result.code === "ledger_mismatch") ledgerTerms.forget();
    logSale(sale, result);
    if (!result.answered) {
      c.res = undefined; // Hono would merge the withheld response's headers into this one
      c.res = result.response;
    }
    return undefined;
  };
}

function defaultBind(method: string): Bind {
  return method === "GET" || method === "HEAD" ? "query" : "body";
}

/** The id of this request's trace, the caller's if it sent one. */
function traceOf(c: Context<PaywallEnv>): string {
  const given = c.req.header(TRACE_ID);
  const traceId = c.get("traceId") ?? (isTraceId(given) ? given : newTraceId());
  c.set("traceId", traceId);
  return traceId;
}
