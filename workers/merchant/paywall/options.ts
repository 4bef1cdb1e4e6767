/** The options of a priced route, and their check at start-up. */

import type { Context, Env } from "hono";
import type { BlankEnv } from "hono/types";
import type { ErrorCode } from "../../../shared/errors.ts";
import { BAZAAR, isServiceName, type RouteDeclaration, tagsAmong } from "../../../shared/extensions/bazaar.ts";
import { isRefundAddress, REFUND } from "../../../shared/extensions/refund.ts";
import { BATCH_SETTLEMENT, type NativeNetwork, NETWORK, SCHEME, type Scheme, UPTO } from "../../../shared/lez.ts";
import {
  DEFAULT_SESSION_SECONDS,
  DEFAULT_TIMEOUT_SECONDS,
  MAX_ACCEPTS,
  MAX_DESCRIPTION_LENGTH,
  MAX_NAME_LENGTH,
  MAX_QUOTE_LENGTH,
  MAX_REFUND_AFTER_SECONDS,
  MAX_UNIT_LENGTH,
  MAX_SERVICE_NAME_LENGTH,
  MAX_SESSION_SECONDS,
  MAX_TAG_LENGTH,
  MAX_TAGS,
  MAX_UNSETTLED_RUNS,
  MAX_VALIDITY_SECONDS,
  MAX_WITHDRAW_DELAY_SECONDS,
  MIN_WITHDRAW_DELAY_SECONDS,
  STORED_ANSWER_SECONDS,
} from "../../../shared/limits.ts";
import { type AccountId, isAccountId } from "../../../shared/protocol/account.ts";
import { type Amount, isAmount } from "../../../shared/protocol/amount.ts";
import { isUnitPrice } from "../../../shared/protocol/usage.ts";
import type { PaymentRequired } from "../../../shared/x402/x402.ts";
import type { Finality } from "../../../shared/zone/lane-row.ts";
import type { FacilitatorOf01 } from "./deprecated.ts";
import { nativeAcceptor } from "./native-acceptor.ts";
import type { DeliveryStore, NativeOfferTerms, PaywallBindings, PaywallEnv, PaywallFacilitator } from "./types.ts";

/** A request, as the functions among the options see it: with the bindings and variables of the seller's own app. */
export type SellerContext<E extends Env = BlankEnv> = Context<E & { Bindings: PaywallBindings }>;

/** A value, or a function that returns it for a request. What it returns is checked by the rules of the value. */
export type ByRequest<T, E extends Env = BlankEnv> = T | ((c: SellerContext<E>) => T | Promise<T>);

/** One way to pay for a route: an entry of `accepts`. */
export interface OfferOptions<E extends Env = BlankEnv> {
  /** The price in atomic units, as a decimal string. Of scheme `upto`: the most that it can come to. */
  amount: ByRequest<string, E>;
  /**
   * `exact` (default), or `upto` for prices that are known afterwards: the buyer signs `amount` as the most, the handler says with
   * `c.get("payment").charge(sum, usage)` what it costs, and the rest stays the buyer's. Its flow is `authorization`.
   */
  scheme?: Scheme;
  /** Of scheme `upto`, or `metered`: what is counted, such as `token`, and what one costs in atomic units. Each charge then names its usage. */
  unit?: string;
  unitPrice?: string;
  /** The account that is paid. Default: the binding `PAY_TO`. Of an offer on `lez:*` it must be here: such an account is another one. */
  payTo?: ByRequest<string, E>;
  /**
   * Where it is paid. Default: our ledger, `logos:lez-testnet`. `lez:testnet` and `lez:devnet`: by a transfer on the Logos Execution Zone
   * itself, whose block takes a minute, so that `settlement_pending` is the first answer. Needs `import "lez-agent-pay/hono/native"` and
   * the binding `DELIVERIES`.
   */
  network?: typeof NETWORK | NativeNetwork;
  /** On `lez:*`: when the goods leave. Default: `head`, the payment is in a block, up to 1 LGO; `final` above. */
  finality?: Finality;
  /** On `lez:*`: the largest fee that a payment may declare, in lepta. Default and most: what the facilitator takes. */
  maxFee?: string;
  /** On `lez:*`: whether a payment must say which request it buys (default). `optional`: another one belongs to the first request it comes with. */
  statement?: "required" | "optional";
  /** Shown to buyers. */
  description?: ByRequest<string, E>;
  /** Seconds from the owner's signature to the paid request. Default 900, at most 12 hours. */
  maxTimeoutSeconds?: number;
  /**
   * When the money moves. `authorization` (default with holds): held before the handler, captured after it delivered.
   * `upfront`: before the handler. If the handler then fails, the same payment runs it again, free, until it delivers.
   *
   * A facilitator by `FACILITATOR_URL` holds nothing: there the default is `upfront`, and `authorization` runs handlers before their
   * payment is certain, for each payer at most `maxUnsettled` that did not settle.
   */
  flow?: Flow;
  /**
   * Also sells by session, as scheme `batch-settlement`: the buyer sets money aside once, signs a voucher with each request, and the merchant
   * claims every few minutes. No call leaves the Worker for a voucher. Needs `export { Sessions } from "lez-agent-pay/hono/sessions"`, the
   * binding `SESSIONS`, a facilitator with sessions, and the secret `RECEIPT_KEY`.
   */
  session?: boolean | SessionOptions;
  /**
   * In a session, charges a stream of server-sent events while it flows: `amount` is the most that the buyer signs for the request, and the
   * handler charges part by part with `c.get("payment").charge(part, usage)`, each before it sends what the part is for. The receipt is the
   * stream's last event. Whoever pays without a session pays all of `amount` first. Needs `session`; `unit` and `unitPrice` are as for `upto`.
   */
  metered?: boolean;
}

/** How a route sells by session. */
export interface SessionOptions {
  /** The most that this merchant may lose when an isolate dies, in atomic units. Default: 16 prices. */
  risk?: string;
  /** Seconds in which the merchant can still claim after a buyer asked for the rest of its money. Default 900, at most 30 days. */
  withdrawDelay?: number;
  /** A hint for buyers, in atomic units. Default: 100 prices. */
  minDeposit?: string;
  /** The longest life of a session. Default: a day, at most a week. */
  maxSeconds?: number;
}

/** A payment that moved money. */
export interface SettledEvent {
  money: "moved";
  /** The same in each event about this payment. */
  transaction: string;
  payer: string;
  payTo: string;
  /** Atomic units. Of scheme `upto`: what was charged. */
  amount: string;
  /** The place of the offer in `offers`. */
  offer: number;
  path: string;
  traceId: string;
}

/** A payment whose answer is a refusal. `money`: what presenting it has moved. An earlier request may have moved it, as with `nonce_replayed`. */
export type RefusedEvent = { code: ErrorCode; status: number; payer?: string; path: string; traceId: string } & (
  | { money: "not_moved" }
  /** Presenting the payment again, or its settlement at the facilitator, tells. */
  | { money: "unknown"; transaction: string }
  /** The goods are owed, or were delivered earlier. */
  | { money: "moved"; transaction: string }
);

/** What a catalogue says of a route beside its description, its price and its type. */
export interface DiscoverableOptions extends RouteDeclaration {
  /** The shop's name: at most 32 printable ASCII characters. */
  serviceName?: string;
  /** At most 5, each of at most 32 printable ASCII characters. */
  tags?: readonly string[];
}

/** Both are https addresses. */
export interface RefundRequestOptions {
  endpoint: string;
  /** For people. */
  policyUrl?: string;
}

export interface RouteOptions<E extends Env = BlankEnv> {
  mimeType?: string;
  /**
   * Lists the route in the facilitator's catalogue once it was paid (x402's extension `bazaar`): for every reader, with the names of its
   * path's parameters and nothing of its buyers. Default: it is listed nowhere.
   */
  discoverable?: boolean | DiscoverableOptions;
  /**
   * What browsers see in place of our page: HTML, or a function that makes it from the terms. Use `html` of `hono/html`: the address in the
   * terms is a stranger's. If it fails, our page is shown.
   */
  page?: string | ((terms: PaymentRequired, c: SellerContext<E>) => string | Promise<string>);
  /** Members that the JSON of the 402 has beside the protocol's, which they cannot replace. */
  body?: ByRequest<Record<string, unknown>, E>;
  /** Called once the answer is on its way, for each settlement that this merchant learns of: at least once. Never delays or changes an answer. */
  onSettled?: (event: SettledEvent, env: SellerContext<E>["env"]) => unknown;
  /** Called once the answer is on its way, when a payment was refused. Never delays or changes an answer. */
  onRefused?: (event: RefusedEvent, env: SellerContext<E>["env"]) => unknown;
  /**
   * What a payment buys: this route with any query (`route`), this URL (`query`), or this URL with this body (`body`).
   * Default: `body` for methods that have one, else `query`.
   */
  bind?: Bind;
  /** Unsettled runs that a payer may cause in a day under `authorization` without holds. Default 3. */
  maxUnsettled?: number;
  /**
   * The x402 extension `payment-identifier`: a buyer who sends an id can fetch a paid answer again. Offered by default if the
   * binding `DELIVERIES` exists, which stores the answers.
   */
  identifier?: "offered" | "required" | "off";
  /**
   * Whether a response of the handler is what was bought. Default: status 2xx. Goods may also be a redirect to a signed address:
   * `(response) => response.ok || response.headers.has("Location")`.
   */
  delivered?: (response: Response) => boolean;
  /**
   * For this many seconds after it paid (`true`: a day) a buyer may fetch goods of any size again under its `payment-identifier`. The
   * handler runs again, with `c.get("payment").redelivery`. Answers up to 64 KiB come from storage in any case. Default: never.
   */
  redeliver?: boolean | number;
  /**
   * Gives the money of an undelivered payment back, under the mandate in `REFUND_MANDATE`. `automatic`: once the buyer can no longer fetch
   * the goods, an hour after the payment's validity. A number: so many seconds after the last failed run, if that is earlier. Export the
   * object `Deliveries` of `lez-agent-pay/hono/refunds`. Without it: the goods stay owed until the seller acts.
   */
  refund?: "automatic" | number;
  /**
   * The x402 extension `refund`: where your buyers ask for their money back. `endpoint` is your own address, which takes the proposal's
   * RefundRequest; the paywall serves none. It promises the ledger's 30 days, in parts too, and says nothing where the facilitator does not
   * name `refund`. Default: no promise.
   */
  refundRequests?: RefundRequestOptions;
  /** x402 extensions to advertise, by key. A client's echo must contain what was advertised. */
  extensions?: Record<string, Record<string, unknown>>;
  /** Settles the payments. Routes with the same function settle on the same ledger. Default: see `PaywallBindings`. */
  facilitator?: (c: Context<PaywallEnv>) => PaywallFacilitator | FacilitatorOf01;
  /** Stores what must outlive a request. Default: the binding `DELIVERIES`, else this isolate. */
  memory?: (c: Context<PaywallEnv>, payer: AccountId) => DeliveryStore;
}

/** A route with one price. */
export interface PaywallOptions<E extends Env = BlankEnv> extends RouteOptions<E>, OfferOptions<E> {
  offers?: undefined;
  exempt?: undefined;
}

/** A route with several offers. What stands beside `offers` holds for each offer that does not say otherwise. */
export interface OffersOptions<E extends Env = BlankEnv> extends RouteOptions<E>, Omit<Partial<OfferOptions<E>>, "amount"> {
  /** In the order in which buyers see them. A payment buys by the offer that it matches. */
  offers: readonly OfferOptions<E>[];
  amount?: undefined;
  exempt?: undefined;
}

/** A route that serves some requests without a payment. `c.get("payment")` is undefined then. */
export type ExemptingOptions<E extends Env = BlankEnv> = (Omit<PaywallOptions<E>, "exempt"> | Omit<OffersOptions<E>, "exempt">) & {
  /** Methods, such as `["HEAD"]`, or a function, such as one that knows a key. If it fails, the request is not served. */
  exempt: readonly string[] | ((c: SellerContext<E>) => boolean | Promise<boolean>);
};

export type Bind = "route" | "query" | "body";
export type Flow = "authorization" | "upfront";

/** A term, checked; or a function whose result is checked at each request. */
export type Term<T> = T | ((c: Context<PaywallEnv>) => unknown);

export interface CheckedOffer {
  amount: Term<Amount>;
  payTo: Term<AccountId> | undefined;
  description: Term<string> | undefined;
  maxTimeoutSeconds: number;
  flow: Flow | undefined;
  scheme: Scheme | typeof BATCH_SETTLEMENT;
  network: string;
  /** On the chain itself. */
  native: NativeOfferTerms | undefined;
  /** Of scheme `batch-settlement`. */
  session: CheckedSession | undefined;
  /** The offer's place in the seller's own list. */
  place: number;
  /** Both or neither. */
  unit: string | undefined;
  unitPrice: string | undefined;
}

export interface CheckedSession {
  /** Atomic units; undefined: some calls. */
  risk: bigint | undefined;
  withdrawDelay: number;
  /** Undefined: some prices. */
  minDeposit: Amount | undefined;
  maxSeconds: number;
  /** Charged while the answer flows. */
  metered: boolean;
}

export interface CheckedOptions extends Omit<RouteOptions<PaywallEnv>, "body" | "discoverable" | "refund"> {
  discoverable: DiscoverableOptions | undefined;
  body: Record<string, unknown> | ((c: Context<PaywallEnv>) => unknown) | undefined;
  exempt: ((c: Context<PaywallEnv>) => unknown) | undefined;
  offers: readonly CheckedOffer[];
  description: Term<string> | undefined;
  flow: Flow | undefined;
  maxUnsettled: number;
  delivered: (response: Response) => boolean;
  redeliverSeconds: number;
  /** `seconds`: after the last failed run, if that comes before the end of the debt. */
  refunds: { seconds: number | undefined } | undefined;
  /** Whether a function has a say in the terms. */
  isByRequest: boolean;
}

type Terms = Record<"amount" | "payTo" | "description", unknown>;

/** What a term must be, where this value is not. */
const PROBLEMS: Record<keyof Terms, (value: unknown) => string | false> = {
  amount: (value) => !isAmount(value) && "must be atomic units as a decimal string",
  payTo: (value) => !isAccountId(value) && "must be a LEZ account",
  description: (value) =>
    !(typeof value === "string" && value.length <= MAX_DESCRIPTION_LENGTH) && `must have at most ${MAX_DESCRIPTION_LENGTH} characters`,
};

/** Why a value cannot be this term; undefined if it can. */
export function termProblem(name: keyof Terms, value: unknown): string | undefined {
  const problem = PROBLEMS[name](value);
  const shown = typeof value === "string" ? JSON.stringify(value) : `of type ${typeof value}`;
  return problem ? `${name} ${problem}, not ${shown.slice(0, MAX_QUOTE_LENGTH)}` : undefined;
}

/** @throws {TypeError} when the seller's configuration could never be paid */
export function checkOptions(options: PaywallOptions | OffersOptions | ExemptingOptions): CheckedOptions {
  const { bind, identifier, description, mimeType = "", maxUnsettled = MAX_UNSETTLED_RUNS } = options;
  require(bind === undefined || ["route", "query", "body"].includes(bind), `bind must be "route", "query" or "body"`);
  require(identifier === undefined ||
    ["offered", "required", "off"].includes(identifier), `identifier must be "offered", "required" or "off"`);
  const { delivered = ({ ok }: Response) => ok, redeliver = false } = options;
  const redeliverSeconds = redeliver === true ? STORED_ANSWER_SECONDS : Number(redeliver);
  const redeliverFits = Number.isInteger(redeliverSeconds) && redeliverSeconds >= 0 && redeliverSeconds <= STORED_ANSWER_SECONDS;
  require(redeliverFits, `redeliver must be true, false or whole seconds up to ${STORED_ANSWER_SECONDS}`);
  require(redeliverSeconds === 0 || identifier !== "off", 'redeliver needs the payment identifier, which is "off"');
  require(Number.isInteger(maxUnsettled) && maxUnsettled >= 1, "maxUnsettled must be a whole number from 1");
  require(mimeType.length <= MAX_NAME_LENGTH, `mimeType must have at most ${MAX_NAME_LENGTH} characters`);
  requireTerm("description", description);
  const offers = checkOffers(options);
  const isByRequest = [description, ...offers.flatMap(({ amount, payTo, description }) => [amount, payTo, description])].some(isFunction);
  const isMetered = offers.some(({ session }) => session?.metered);
  require(!isMetered || identifier !== "required", 'a metered stream is not stored: identifier cannot be "required"');
  const exempt = checkExempt(options.exempt);
  for (const name of ["onSettled", "onRefused"] as const)
    require(options[name] === undefined || isFunction(options[name]), `${name} must be a function`);
  require(["undefined", "string", "function"].includes(typeof options.page), "page must be HTML or a function");
  require(["undefined", "object", "function"].includes(typeof options.body), "body must be an object or a function");
  const discoverable = checkDiscoverable(options);
  const refunds = checkRefund(options.refund);
  require(!refunds || !options.memory, "refund is kept by the object Deliveries; leave memory out");
  checkRefundRequests(options);
  return { ...options, refunds, discoverable, exempt, offers, maxUnsettled, delivered, redeliverSeconds, isByRequest } as CheckedOptions;
}

function checkRefund(refund: RouteOptions["refund"]): CheckedOptions["refunds"] {
  if (refund === undefined) return undefined;
  const seconds = refund === "automatic" ? undefined : refund;
  const fits = seconds === undefined || (Number.isInteger(seconds) && seconds >= 0 && seconds <= MAX_REFUND_AFTER_SECONDS);
  require(fits, `refund must be "automatic" or whole seconds up to ${MAX_REFUND_AFTER_SECONDS}`);
  return { seconds };
}

function checkDiscoverable({ discoverable, extensions }: RouteOptions): DiscoverableOptions | undefined {
  require(extensions?.[BAZAAR] === undefined, `say what the extension ${BAZAAR} says in discoverable`);
  if (!discoverable) return undefined;
  const said = discoverable === true ? {} : discoverable;
  const { serviceName, tags = [] } = said;
  require(typeof said === "object", "discoverable must be true or an object");
  require(serviceName === undefined ||
    isServiceName(serviceName), `discoverable.serviceName must have at most ${MAX_SERVICE_NAME_LENGTH} printable ASCII characters`);
  const areTags = Array.isArray(tags) && tagsAmong(tags).length === tags.length;
  require(areTags, `discoverable.tags must be at most ${MAX_TAGS}, of at most ${MAX_TAG_LENGTH} printable ASCII characters each`);
  return said;
}

function checkRefundRequests({ refundRequests, extensions }: RouteOptions): void {
  require(extensions?.[REFUND] === undefined, `say what the extension ${REFUND} says in refundRequests`);
  if (refundRequests === undefined) return;
  const { endpoint, policyUrl = endpoint } = refundRequests;
  require(isRefundAddress(endpoint) && isRefundAddress(policyUrl), "refundRequests.endpoint and .policyUrl must be https addresses");
}

function checkExempt(exempt: ExemptingOptions["exempt"] | undefined): CheckedOptions["exempt"] {
  if (exempt === undefined) return undefined;
  // The context is the seller's: only its types are not known here.
  if (typeof exempt === "function") return exempt as unknown as CheckedOptions["exempt"];
  const methods: unknown = exempt;
  require(Array.isArray(methods) &&
    methods.every((name) => /^[A-Z]+$/.test(String(name))), "exempt must be a function or methods like HEAD");
  return ({ req }) => exempt.includes(req.method);
}

/** What the seller lists, and after each offer the session that pays for it. */
function checkOffers(options: Omit<PaywallOptions | OffersOptions, "exempt">): CheckedOffer[] {
  const offers = listedOffers(options).flatMap((offer, place) => {
    const { session, ...single } = offer;
    // Without a session all of it is charged first: nothing is counted.
    const counted = session?.metered ? { unit: undefined, unitPrice: undefined } : {};
    const listed = { ...single, ...counted, session: undefined, place };
    return session ? [listed, { ...single, place, session, scheme: BATCH_SETTLEMENT, flow: undefined } as const] : [listed];
  });
  require(offers.length <= MAX_ACCEPTS, `a route has at most ${MAX_ACCEPTS} offers, sessions included`);
  return offers;
}

type ListedOffer = Omit<CheckedOffer, "place">;

function listedOffers({ offers, ...route }: Omit<PaywallOptions | OffersOptions, "exempt">): ListedOffer[] {
  if (!offers) return [checkOffer({ ...route, description: undefined })]; // the description is the resource's
  require(Array.isArray(offers) && offers.length >= 1 && offers.length <= MAX_ACCEPTS, `offers must be a list of 1 to ${MAX_ACCEPTS}`);
  require(route.amount === undefined, "amount and offers exclude each other");
  // An account of one network is none of another: the payee beside `offers` is for those on our ledger.
  const { network = NETWORK } = route;
  const list = offers.map((offer: OfferOptions) => {
    const payTo = (offer.network ?? network) === network ? route.payTo : undefined;
    return checkOffer({ ...route, payTo, description: undefined, ...offer });
  });
  // A payment does not name its offer, and could not tell these apart. Those by request may differ.
  const told = list.map((offer, index) => {
    const isByRequest = [offer.amount, offer.payTo].some(isFunction);
    return JSON.stringify(isByRequest ? index : { ...offer, description: undefined, session: undefined });
  });
  require(new Set(told).size === told.length, "offers must differ in amount, payTo, network, maxTimeoutSeconds, flow or scheme");
  return list;
}

function checkOffer(offer: Record<keyof OfferOptions, unknown> | object): ListedOffer {
  const { amount, payTo, description, maxTimeoutSeconds = DEFAULT_TIMEOUT_SECONDS } = offer as OfferOptions;
  const { scheme = SCHEME, network = NETWORK, flow, unit, unitPrice, metered = false, session: sells } = offer as OfferOptions;
  const native = network === NETWORK ? undefined : checkNative(network, offer);
  require(amount !== undefined, termProblem("amount", amount) ?? "");
  for (const [name, value] of Object.entries({ amount, payTo, description })) requireTerm(name as keyof Terms, value);
  require(flow === undefined || flow === "authorization" || flow === "upfront", `flow must be "authorization" or "upfront"`);
  const timeoutFits = Number.isInteger(maxTimeoutSeconds) && maxTimeoutSeconds > 0 && maxTimeoutSeconds <= MAX_VALIDITY_SECONDS;
  require(timeoutFits, `maxTimeoutSeconds must be a whole number from 1 to ${MAX_VALIDITY_SECONDS}`);
  const isUpto = scheme === UPTO;
  require(isUpto || scheme === SCHEME, `scheme must be "${SCHEME}" or "${UPTO}"`);
  require(!isUpto ||
    flow !== "upfront", 'flow "upfront" takes the money before the handler knows the price; set flow "authorization" for scheme "upto"');
  require((unit === undefined && unitPrice === undefined) ||
    ((isUpto || metered) &&
      isUnitPrice({
        unit,
        unitPrice,
      })), `unit and unitPrice are for scheme "${UPTO}" and for metered, both or neither: a name of at most ${MAX_UNIT_LENGTH} ASCII letters and digits, and atomic units`);
  require(typeof metered === "boolean", "metered must be true or false");
  require(!metered || (!isUpto && Boolean(sells)), 'metered is for sessions: set session, and leave scheme "upto" out');
  const session = checkSession(offer as OfferOptions);
  const when = isUpto ? "authorization" : flow;
  const terms = { amount, payTo, description, flow: when, maxTimeoutSeconds, scheme, network, native, session, unit, unitPrice };
  return terms as ListedOffer;
}

function checkNative(network: string, offer: object): NativeOfferTerms {
  const acceptor = nativeAcceptor();
  require(acceptor !== undefined, `network "${network}": import "lez-agent-pay/hono/native" before the first paywall`);
  return acceptor.check(network, offer as Record<string, unknown>);
}

function checkSession({ session = false, metered = false }: OfferOptions): CheckedSession | undefined {
  require(typeof session === "boolean" || (typeof session === "object" && session !== null), "session must be true, false or an object");
  if (!session) return undefined;
  const {
    risk,
    withdrawDelay = MIN_WITHDRAW_DELAY_SECONDS,
    maxSeconds = DEFAULT_SESSION_SECONDS,
    minDeposit,
  } = session === true ? {} : session;
  require(risk === undefined || isAmount(risk), "session.risk must be atomic units as a decimal string");
  require(minDeposit === undefined || isAmount(minDeposit), "session.minDeposit must be atomic units as a decimal string");
  const fits = (value: unknown, min: number, max: number) => Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
  require(fits(
    withdrawDelay,
    MIN_WITHDRAW_DELAY_SECONDS,
    MAX_WITHDRAW_DELAY_SECONDS,
  ), `session.withdrawDelay must be whole seconds from ${MIN_WITHDRAW_DELAY_SECONDS} to ${MAX_WITHDRAW_DELAY_SECONDS}`);
  require(fits(maxSeconds, 1, MAX_SESSION_SECONDS), `session.maxSeconds must be whole seconds from 1 to ${MAX_SESSION_SECONDS}`);
  return { risk: risk === undefined ? undefined : BigInt(risk), withdrawDelay, minDeposit, maxSeconds, metered };
}

function requireTerm(name: keyof Terms, value: unknown): void {
  const problem = value === undefined || isFunction(value) ? undefined : termProblem(name, value);
  require(problem === undefined, problem ?? "");
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

function require(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new TypeError(`paywall: ${problem}`);
}
