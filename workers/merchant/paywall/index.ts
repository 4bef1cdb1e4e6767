/**
 * `paywall()`: a route that is paid for per request, by x402 v2 on LEZ. spec/protocol.md §9.
 *
 * Without a payment: 402 with the terms. With one: match it to the offer, hold the payer's money, run the handler once,
 * capture, answer. Nothing leaves before the capture; a handler that fails costs nothing.
 */
import type { Context, MiddlewareHandler, Next } from "hono";
import { ConfigurationError } from "../../../shared/configuration-error.ts";
import { PAYMENT_SIGNATURE } from "../../../shared/x402/headers.ts";
import { MAX_URL_LENGTH } from "../../../shared/limits.ts";
import { logEvent } from "../../../shared/log.ts";
import { challengeResponse, type Refusal, refusalResponse } from "./answers.ts";
import { boughtBefore } from "./bought-before.ts";
import { type Challenge, Challenges, checkChallengeSize } from "./challenge.ts";
import { LedgerTerms } from "./ledger-terms.ts";
import { logPayment, traceOf } from "./log.ts";
import { type MerchantSigner, merchantSigner } from "./merchant-signer.ts";
import { checkOptions, type PaywallEnv, type PaywallOptions } from "./options.ts";
import { newOrder, type Order } from "./order.ts";
import { refuse } from "./outcome.ts";
import { readPayment } from "./payment.ts";
import { outlive } from "./run.ts";
import type { Sale, Unanswered } from "./sale.ts";
import { serve } from "./serve.ts";
import { facilitatorOf, keepsAnswers, memoryOf, payeeOf } from "./bindings.ts";
import { signChallenge } from "./signed-terms.ts";

export type { PaywallFacilitator } from "./facilitator.ts";
export type { Lease, PaymentMemory, Remembered } from "./memory.ts";
export type { PaymentContext, PaywallBindings, PaywallEnv, PaywallOptions } from "./options.ts";
export { paywallCors } from "./cors.ts";
export { merchantIdentity } from "./identity.ts";

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

  /** What this very request costs, signed where the merchant has a key; or why nobody can say. */
  const termsOf = async (c: Context<PaywallEnv>): Promise<Terms | Refusal> => {
    if (c.req.url.length > MAX_URL_LENGTH) {
      return { code: "payload_too_large", detail: `the address is longer than ${MAX_URL_LENGTH} characters` };
    }
    const payTo = payeeOf(c, checked);
    const known = ledgerTerms.known ?? (await ledgerTerms.ask(facilitatorOf(c, checked), traceOf(c)));
    if (!known) return { code: "facilitator_unavailable" };
    const challenge = await challenges.of(c, { payTo, ledger: known.ledger, keepsAnswers: keepsAnswers(c, checked) });
    if (!challenge) return { code: "payload_too_large" };
    if (!c.env.RECEIPT_KEY) return { challenge };
    const signer = await merchantSigner(c.env.RECEIPT_KEY, new URL(challenge.required.resource.url).origin);
    return { challenge: await signChallenge(challenge, signer), signer };
  };

  /**
   * @param outer what middleware around the paywall has said so far
   * @returns what goes out in place of the handler's answer
   */
  const handle = async (c: Context<PaywallEnv>, next: Next, outer: Response, askedAgain = false): Promise<Response | undefined> => {
    if (c.req.method === "OPTIONS") return new Response(null, { status: 204 }); // costs nothing, and runs nothing
    const header = c.req.header(PAYMENT_SIGNATURE);
    const instead = (result: Unanswered, order?: Order) => {
      if (header !== undefined) logPayment(c, result, order);
      return result.response;
    };
    const refused = (refusal: Refusal, order?: Order) => instead(refuse(refusal), order);
    const terms = await termsOf(c);
    if ("code" in terms) return refused(terms);
    const { challenge, signer } = terms;
    if (header === undefined) {
      const html = c.req.header("Accept")?.includes("text/html") ?? false;
      return html ? refused({ code: "payment_required", challenge, offerAgain: true, html }) : challengeResponse(challenge);
    }
    const unsold = whyUnsold(c);
    if (unsold) return refused({ code: "invalid_payload", detail: unsold, challenge, offerAgain: true });
    const read = readPayment(header, challenge);
    if (!read.ok) {
      const order = read.payment && newOrder(read.payment, challenge, traceOf(c));
      const bought = order && (await boughtBefore(c, order, challenge, checked));
      if (bought) return instead(bought, order);
      // Perhaps it is our terms that are stale: another isolate may know of a new ledger already.
      if (read.code === "ledger_mismatch" && !askedAgain) {
        const now = await ledgerTerms.ask(facilitatorOf(c, checked), traceOf(c));
        if (now && now.ledger !== challenge.offer.extra?.["ledger"]) return handle(c, next, outer, true);
      }
      return refused({ code: read.code, detail: read.detail, challenge, offerAgain: true }, order);
    }

    const order = newOrder(read.payment, challenge, traceOf(c));
    const facilitator = facilitatorOf(c, checked);
    const sale: Sale = { c, next, order, challenge, signer, facilitator, memory: () => memoryOf(c, checked, order), outer };
    const work = serve(sale, checked);
    outlive(c, work);
    const result = await work;
    if (!result.answered && result.code === "ledger_mismatch") ledgerTerms.forget();
    logPayment(c, result, order);
    return result.answered ? undefined : result.response;
  };
  return async (c, next) => {
    const outer = c.body(null); // not c.res: once that was looked at, Hono copies every answer that follows
    const response = await handle(c, next, outer).catch((error: unknown) => closed(c, error));
    if (!response) return;
    // Hono would have the headers of an answer that is withheld, and of middleware in front, win over this one's own.
    c.res = undefined;
    c.res = beside(outer, response);
  };
}

interface Terms {
  challenge: Challenge;
  signer?: MerchantSigner | undefined;
}

/** What is never charged, whatever the payment. */
function whyUnsold({ req }: Context): string | undefined {
  if (req.method === "HEAD") return "HEAD is never charged; pay with GET";
  return req.header("Upgrade") ? "upgrades are not sold" : undefined;
}

/** Nothing is sold where the Worker is not configured to. */
function closed(c: Context<PaywallEnv>, error: unknown): Response {
  if (!(error instanceof ConfigurationError)) throw error;
  logEvent("paywall.misconfigured", { traceId: traceOf(c), path: c.req.path, message: error.message });
  return refusalResponse({ code: "internal_error", detail: "the merchant is not set up to sell this; its log says why" });
}

/** `response`, with what middleware says of every answer where it does not say that itself; cookies come one by one. */
function beside(outer: Response, response: Response): Response {
  let said: Set<string> | undefined;
  for (const [name, value] of outer.headers) {
    said ??= new Set(response.headers.keys());
    if (name === "set-cookie" || !said.has(name)) response.headers.append(name, value);
  }
  return response;
}
