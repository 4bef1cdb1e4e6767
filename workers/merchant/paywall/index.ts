/**
 * `paywall()`: a route that is paid for per request, by x402 v2 on LEZ. spec/protocol.md §9.
 *
 * Without a payment: 402 with the terms. With one: match it to the offer, hold the payer's money, run the handler once,
 * capture, answer. Nothing leaves before the capture; a handler that fails costs nothing.
 */
import type { Context, MiddlewareHandler, Next } from "hono";
import { type AccountId, isAccountId } from "../../../shared/account.ts";
import { ConfigurationError } from "../../../shared/configuration-error.ts";
import { identifierOf, PAYMENT_IDENTIFIER } from "../../../shared/extensions/payment-identifier.ts";
import { PAYMENT_SIGNATURE } from "../../../shared/headers.ts";
import { MAX_URL_LENGTH } from "../../../shared/limits.ts";
import { logEvent } from "../../../shared/log.ts";
import { boughtBefore } from "./bought-before.ts";
import { challengeResponse, type Refusal, refusalResponse } from "./answers.ts";
import { Challenges, checkChallengeSize } from "./challenge.ts";
import { LedgerTerms } from "./ledger-terms.ts";
import { type CheckedOptions, checkOptions, type PaywallEnv, type PaywallOptions } from "./options.ts";
import { readPayment } from "./payment.ts";
import { serveAuthorized } from "./authorized.ts";
import { newOrder, type Order } from "./order.ts";
import { logPayment, traceOf } from "./log.ts";
import { merchantSigner } from "./merchant-signer.ts";
import { outlive } from "./run.ts";
import { signChallenge } from "./signed-terms.ts";
import type { Sale, SaleResult, Unanswered } from "./sale.ts";
import { claimIdentifier, isKeeping, type Keeping } from "./identified.ts";
import { refuse } from "./outcome.ts";
import { answerStoreOf, facilitatorOf, keepsAnswers, memoryOf } from "./settlement.ts";
import { serveUpfront } from "./upfront.ts";

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
  const boundAccount = accountBinding();

  /** @returns what goes out in place of the handler's answer */
  const handle = async (c: Context<PaywallEnv>, next: Next, askedAgain = false): Promise<Response | undefined> => {
    if (c.req.method === "OPTIONS") return c.body(null, 204); // costs nothing, and runs nothing
    const header = c.req.header(PAYMENT_SIGNATURE);
    const instead = (result: Unanswered, order?: Order) => {
      if (header !== undefined) logPayment(c, result, order);
      return beside(c.body(null), result.response);
    };
    const refused = (refusal: Refusal, order?: Order) => instead(refuse(refusal), order);
    if (c.req.url.length > MAX_URL_LENGTH) {
      return refused({ code: "payload_too_large", detail: `the address is longer than ${MAX_URL_LENGTH} characters` });
    }
    const payTo = checked.payTo ?? boundAccount(c.env.PAY_TO);
    const known = ledgerTerms.known ?? (await ledgerTerms.ask(facilitatorOf(c, checked), traceOf(c)));
    if (!known) return refused({ code: "facilitator_unavailable" });
    const unsigned = await challenges.of(c, { payTo, ledger: known.ledger, keepsAnswers: keepsAnswers(c, checked) });
    if (!unsigned) return refused({ code: "payload_too_large" });
    const signer = c.env.RECEIPT_KEY ? await merchantSigner(c.env.RECEIPT_KEY, new URL(unsigned.required.resource.url).origin) : undefined;
    const challenge = signer ? await signChallenge(unsigned, signer) : unsigned;

    if (header === undefined) {
      const html = c.req.header("Accept")?.includes("text/html") ?? false;
      return html
        ? refused({ code: "payment_required", challenge, offerAgain: true, html })
        : beside(c.body(null), challengeResponse(challenge));
    }
    const unsold =
      c.req.method === "HEAD" ? "HEAD is never charged; pay with GET" : c.req.header("Upgrade") ? "upgrades are not sold" : undefined;
    if (unsold) return refused({ code: "invalid_payload", detail: unsold, challenge, offerAgain: true });
    const read = readPayment(header, challenge);
    if (!read.ok) {
      const order = read.payment && newOrder(read.payment, challenge, traceOf(c));
      const bought = order && (await boughtBefore(c, order, challenge, checked));
      if (bought) return instead(bought, order);
      // Perhaps it is our terms that are stale: another isolate may know of a new ledger already.
      if (read.code === "ledger_mismatch" && !askedAgain) {
        const now = await ledgerTerms.ask(facilitatorOf(c, checked), traceOf(c));
        if (now && now.ledger !== known.ledger) return handle(c, next, true);
      }
      return refused({ code: read.code, detail: read.detail, challenge, offerAgain: true }, order);
    }

    const order = newOrder(read.payment, challenge, traceOf(c));
    const facilitator = facilitatorOf(c, checked);
    // What middleware around the paywall has said so far. Not c.res: once that was looked at, Hono copies every answer that follows.
    const outer = c.body(null);
    const sale: Sale = { c, next, order, challenge, signer, facilitator, memory: () => memoryOf(c, checked, order), outer };
    const work = serve(sale, checked);
    outlive(c, work);
    const result = await work;
    if (!result.answered && result.code === "ledger_mismatch") ledgerTerms.forget();
    logPayment(c, result, order);
    return result.answered ? undefined : beside(outer, result.response);
  };
  return async (c, next) => {
    const response = await handle(c, next).catch((error: unknown) => closed(c, error));
    if (!response) return;
    // Hono would have the headers of an answer that is withheld, and of middleware in front, win over this one's own.
    c.res = undefined;
    c.res = response;
  };
}

/** Nothing is sold where the Worker is not configured to. */
function closed(c: Context<PaywallEnv>, error: unknown): Response {
  if (!(error instanceof ConfigurationError)) throw error;
  logEvent("paywall.misconfigured", { traceId: traceOf(c), path: c.req.path, message: error.message });
  return beside(
    c.body(null),
    refusalResponse({ code: "internal_error", detail: "the merchant is not set up to sell this; its log says why" }),
  );
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

async function serve(sale: Sale, options: CheckedOptions): Promise<SaleResult> {
  const flow = options.flow === "upfront" ? serveUpfront : serveAuthorized;
  const sent = identifierOf(sale.order.payment.extensions);
  if (sent.ok && sent.id === undefined && options.identifier !== "required") return flow(sale);
  const store = answerStoreOf(sale.c, options, sale.order);
  if (!store) return flow(sale);
  if (!sent.ok)
    return refuse({ code: "invalid_payload", detail: `extensions.${PAYMENT_IDENTIFIER}`, challenge: sale.challenge, offerAgain: true });
  if (sent.id === undefined) return refuse({ code: "payment_identifier_required", challenge: sale.challenge, offerAgain: true });
  const claimed = await claimIdentifier(sale, store, sent.id);
  if (!isKeeping(claimed)) return claimed;
  let result: SaleResult | undefined;
  try {
    result = await flow(sale, claimed);
    return result;
  } finally {
    // A refusal or a failed handler: the id is free again before its buyer hears of it. What is stored or paid stays.
    if (!isStanding(result, claimed)) await claimed.free();
  }
}

/** Delivered, or ready to be: there is a copy, and nobody has said that the money did not move. */
function isStanding(result: SaleResult | undefined, claimed: Keeping): boolean {
  if (result?.answered) return result.delivered;
  return claimed.kept() && (result === undefined || result.code === "settlement_pending");
}

/** The binding PAY_TO as an account; looked at again only when it is another one. */
function accountBinding(): (payTo: string | undefined) => AccountId {
  let known: AccountId | undefined;
  return (payTo) => {
    if (known !== undefined && known === payTo) return known;
    if (!isAccountId(payTo)) throw new ConfigurationError("the variable PAY_TO must be a LEZ account, or the route say payTo");
    known = payTo;
    return known;
  };
}
