/** A merchant's terms: asking a URL for its 402, and choosing the offer that this system can pay. */

import { ASSET, BATCH_SETTLEMENT, NATIVE_NETWORKS, NETWORK, SCHEME, UPTO, isNativeNetwork } from "../../shared/lez.ts";
import { MAX_FOREIGN_HEADER_BYTES } from "../../shared/limits.ts";
import { isAccountId } from "../../shared/protocol/account.ts";
import { isAmount } from "../../shared/protocol/amount.ts";
import { type BindingScope, bindingScope } from "../../shared/protocol/binding.ts";
import { isUpfront, supportsExtra } from "../../shared/protocol/offer.ts";
import { isSafeMethod } from "../../shared/screen/confirmation.ts";
import { decodeHeader, PAYMENT_REQUIRED } from "../../shared/x402/headers.ts";
import { type PaymentRequired, paymentRequiredSchema, type PaymentRequirements } from "../../shared/x402/x402.ts";
import { readNativeOffer } from "../../shared/zone/offer.ts";
import { interrupted } from "../prompts/prompts.ts";
import { areApart, CLOCK_HINT, clocksAt, clockSkewText } from "../runtime/clocks.ts";
import { type Context, warn } from "../runtime/context.ts";
import { exchange, type HttpRequest, type HttpResponse, isRedirect } from "../runtime/exchange.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { fail, type Failure, type Outcome, refuse, succeed } from "../runtime/outcome.ts";
import { chooseNetwork, keysHere, type MoneyInput, whyNotNative } from "./choose-money.ts";
import { boundRequest } from "./curl-request.ts";

export interface Terms {
  required: PaymentRequired;
  /** The entries of `accepts` that can be paid here, best first. Never empty. */
  offers: [PaymentRequirements, ...PaymentRequirements[]];
  /** Those under which a session can be opened and called, the cheapest first. */
  sessions: PaymentRequirements[];
}

export type Asked = { priced: true; terms: Terms } | { priced: false; response: HttpResponse };

/** Makes the request without a payment, to learn what it costs. @param money the network to pay on; else by the keys on this machine */
export async function askTerms(context: Context, request: HttpRequest, money: MoneyInput = {}): Promise<Outcome<Asked>> {
  const answer = await exchange(context, request);
  if (!answer.ok) {
    if (context.io.signal.aborted) return interrupted();
    if (answer.refused) return answer.refused;
    return fail("network", `${new URL(request.url).host} could not be reached: ${answer.problem}.`, {
      hint: "Check the URL, then try again.",
    });
  }
  if (answer.status !== 402) return succeed({ priced: false, response: answer });
  const clocks = clocksAt(answer.headers);
  // The owner's approval would be refused as expired, or as not yet valid.
  if (clocks && areApart(clocks)) warn(context, `${clockSkewText(clocks, new URL(request.url).host)} ${CLOCK_HINT}`);
  const terms = readTerms(context, answer, request, money);
  return terms.ok ? succeed({ priced: true, terms: terms.data }) : terms;
}

/** A look must change nothing: a POST without a price is done, whatever it does. */
export function refuseUnsafe({ method }: HttpRequest, look: string): Failure | undefined {
  if (isSafeMethod(method)) return undefined;
  return fail("usage", `${look} sends no ${method}: if it costs nothing, the server would carry it out. Nothing was sent.`, {
    hint: "fetch and request create ask for the price of a request that is really meant; --max-amount bounds it.",
  });
}

/** The terms of a URL that must be priced. */
export async function requireTerms(context: Context, request: HttpRequest, money: MoneyInput = {}): Promise<Outcome<Terms>> {
  const asked = await askTerms(context, request, money);
  if (!asked.ok) return asked;
  if (asked.data.priced) return succeed(asked.data.terms);
  return notPriced(asked.data.response);
}

/** An answer with neither terms nor goods. */
export function notPriced({ status, headers }: HttpResponse): Failure {
  if (status >= 500 || status === 429)
    return fail("network", `The merchant answered ${status} instead of its terms.`, { hint: "Try again later." });
  return fail("no_payment_required", `The merchant asks for no payment here: it answered ${status}, not 402.`, {
    hint: isRedirect(status)
      ? "It redirects; a redirect is not followed. Name the address it points to, if you trust it."
      : "Check the URL and the method.",
    details: { status, ...(isRedirect(status) && { location: headers["location"] }) },
  });
}

function readTerms(context: Context, response: HttpResponse, request: HttpRequest, money: MoneyInput): Outcome<Terms> {
  const required = readRequired(response, request.url);
  if (!required.ok) return required;
  const { accepts } = required.data;
  const payable = accepts.filter((offer) => isPayable(offer) || readNativeOffer(offer).ok);
  const offered = payable.map(({ network }) => network);
  const network = chooseNetwork(offered, money, keysHere(context));
  if (!network.ok) return network;
  const [first, ...rest] = payable.filter((offer) => offer.network === network.data).sort(byPreference);
  const sessions = network.data === NETWORK ? sessionOffers(required.data) : [];
  if (first) return succeed({ required: required.data, offers: [first, ...rest], sessions });
  const native = isNativeNetwork(network.data) ? whyNotNative(accepts, network.data) : undefined;
  if (native) return native;
  if (money.network !== undefined && offered.length > 0 && !accepts.some((offer) => offer.network === money.network)) {
    return fail("unsupported", `The merchant sells nothing on ${money.network}.`, {
      hint: `What it offers here is paid on ${[...new Set(offered)].join(", ")}. Name one of them: --network`,
      details: { offered: [...new Set(offered)] },
    });
  }
  return fail("unsupported", `None of the merchant's ${accepts.length} offers can be paid here.`, {
    hint: `This tool pays "${SCHEME}" and "${UPTO}" on ${NETWORK} in ${ASSET}, and "${SCHEME}" on ${NATIVE_NETWORKS.join(" and ")}.`,
    details: { offered: accepts.map(({ scheme, network, asset }) => ({ scheme, network, asset })) },
  });
}

/** The PAYMENT-REQUIRED object of a 402, if it is about a resource of the host that was asked. */
export function readRequired(response: Pick<HttpResponse, "headers">, url: string): Outcome<PaymentRequired> {
  const header = response.headers[PAYMENT_REQUIRED.toLowerCase()];
  if (header === undefined) {
    return fail("unsupported", "The answer is a 402 without terms: it has no PAYMENT-REQUIRED header.", {
      hint: "This tool speaks x402 version 2.",
    });
  }
  const required = decodeHeader(header, paymentRequiredSchema, MAX_FOREIGN_HEADER_BYTES);
  if (!required.ok) {
    return fail("unsupported", `The merchant's terms cannot be read: ${required.problem}.`, { hint: "This tool speaks x402 version 2." });
  }
  const { resource } = required.value;
  // Compare hosts only: a proxy may have changed the scheme.
  if (!URL.canParse(resource.url) || new URL(resource.url).host !== new URL(url).host) {
    return fail("terms_differ", "The terms are for a resource of another host than the one asked.", {
      details: { resource: resource.url },
    });
  }
  return succeed(required.value);
}

/** What the offer's binding covers, recomputed from the request. A binding for something else is refused. */
export function coverage(request: HttpRequest, offer: PaymentRequirements): Outcome<BindingScope> {
  const scope = bindingScope(boundRequest(request), offer);
  if (scope) return succeed(scope);
  return refuse("binding_mismatch", EXIT.differs, "The merchant's offer is bound to another request than this one.", {
    hint: "Use the URL exactly as the merchant publishes it. Do not pay this offer.",
  });
}

/** The offers of a 402 under which a session can be opened and called, the cheapest first. */
export function sessionOffers({ accepts }: Pick<PaymentRequired, "accepts">): PaymentRequirements[] {
  return accepts.filter((offer) => isOurs(offer, [BATCH_SETTLEMENT])).sort(byPreference);
}

function isPayable(offer: PaymentRequirements): boolean {
  return isOurs(offer, [SCHEME, UPTO]);
}

function isOurs(offer: PaymentRequirements, schemes: readonly string[]): boolean {
  const ours = schemes.includes(offer.scheme) && offer.network === NETWORK && offer.asset === ASSET;
  return ours && isAmount(offer.amount) && isAccountId(offer.payTo) && Number.isInteger(offer.maxTimeoutSeconds) && supportsExtra(offer);
}

/** Prefers payment after the answer to payment up front, then the lower price; of `upto` its maximum counts. */
function byPreference(a: PaymentRequirements, b: PaymentRequirements): number {
  return (
    Number(isUpfront(a)) - Number(isUpfront(b)) || Number(BigInt(a.amount) > BigInt(b.amount)) - Number(BigInt(a.amount) < BigInt(b.amount))
  );
}
