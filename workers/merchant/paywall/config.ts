/** Resolves payee, facilitator and storage from the route's options or the Worker's bindings. Options are checked at start-up. */

import type { Context } from "hono";
import { ConfigurationError } from "../../../shared/configuration-error.ts";
import {
  DEFAULT_TIMEOUT_SECONDS,
  MAX_DESCRIPTION_LENGTH,
  MAX_NAME_LENGTH,
  MAX_UNSETTLED_RUNS,
  MAX_VALIDITY_SECONDS,
  STORED_ANSWER_SECONDS,
} from "../../../shared/limits.ts";
import { type AccountId, isAccountId } from "../../../shared/protocol/account.ts";
import { type Amount, isAmount } from "../../../shared/protocol/amount.ts";
import { type FacilitatorOf01, fromDeprecated } from "./deprecated.ts";
import { httpFacilitator } from "./facilitator/http.ts";
import { rpcFacilitator } from "./facilitator/rpc.ts";
import { logOnceAMinute } from "./log.ts";
import { durableDeliveries, durableIdempotencyStore } from "./memory/durable.ts";
import type { IdempotencyStore } from "./memory/idempotency-store.ts";
import { isolateDeliveries } from "./memory/isolate.ts";
import type { DeliveryStore, PaywallBindings, PaywallEnv, PaywallFacilitator, PresentedPayment } from "./types.ts";

export interface PaywallOptions {
  /** The price in atomic units, as a decimal string. */
  amount: string;
  /** The account that is paid. Default: the binding `PAY_TO`. */
  payTo?: string;
  /** Shown to buyers. */
  description?: string;
  mimeType?: string;
  /**
   * What a payment buys: this route with any query (`route`), this URL (`query`), or this URL with this body (`body`).
   * Default: `body` for methods that have one, else `query`.
   */
  bind?: Bind;
  /** Seconds from the owner's signature to the paid request. Default 900, at most 12 hours. */
  maxTimeoutSeconds?: number;
  /**
   * When the money moves. `authorization` (default with holds): held before the handler, captured after it delivered.
   * `upfront`: before the handler. If the handler then fails, the same payment runs it again, free, until it delivers.
   *
   * A facilitator by `FACILITATOR_URL` holds nothing: there the default is `upfront`, and `authorization` runs handlers before their
   * payment is certain, for each payer at most `maxUnsettled` that did not settle.
   */
  flow?: "authorization" | "upfront";
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
  /** x402 extensions to advertise, by key. A client's echo must contain what was advertised. */
  extensions?: Record<string, Record<string, unknown>>;
  /** Settles the payments. Routes with the same function settle on the same ledger. Default: see `PaywallBindings`. */
  facilitator?: (c: Context<PaywallEnv>) => PaywallFacilitator | FacilitatorOf01;
  /** Stores what must outlive a request. Default: the binding `DELIVERIES`, else this isolate. */
  memory?: (c: Context<PaywallEnv>, payer: AccountId) => DeliveryStore;
}

export type Bind = "route" | "query" | "body";

export interface CheckedOptions extends PaywallOptions {
  amount: Amount;
  payTo?: AccountId;
  maxTimeoutSeconds: number;
  maxUnsettled: number;
  delivered: (response: Response) => boolean;
  redeliverSeconds: number;
}

/** @throws {TypeError} when the seller's configuration could never be paid */
export function checkOptions(options: PaywallOptions): CheckedOptions {
  const { amount, payTo, bind, flow, identifier, maxTimeoutSeconds = DEFAULT_TIMEOUT_SECONDS, description = "", mimeType = "" } = options;
  require(isAmount(amount), `amount must be atomic units as a decimal string, not ${JSON.stringify(amount)}`);
  require(payTo === undefined || isAccountId(payTo), `payTo must be a LEZ account, not ${JSON.stringify(payTo)}`);
  require(bind === undefined || ["route", "query", "body"].includes(bind), `bind must be "route", "query" or "body"`);
  require(flow === undefined || flow === "authorization" || flow === "upfront", `flow must be "authorization" or "upfront"`);
  require(identifier === undefined ||
    ["offered", "required", "off"].includes(identifier), `identifier must be "offered", "required" or "off"`);
  const timeoutFits = Number.isInteger(maxTimeoutSeconds) && maxTimeoutSeconds > 0 && maxTimeoutSeconds <= MAX_VALIDITY_SECONDS;
  require(timeoutFits, `maxTimeoutSeconds must be a whole number from 1 to ${MAX_VALIDITY_SECONDS}`);
  const { maxUnsettled = MAX_UNSETTLED_RUNS } = options;
  const { delivered = ({ ok }: Response) => ok, redeliver = false } = options;
  const redeliverSeconds = redeliver === true ? STORED_ANSWER_SECONDS : Number(redeliver);
  const redeliverFits = Number.isInteger(redeliverSeconds) && redeliverSeconds >= 0 && redeliverSeconds <= STORED_ANSWER_SECONDS;
  require(redeliverFits, `redeliver must be true, false or whole seconds up to ${STORED_ANSWER_SECONDS}`);
  require(redeliverSeconds === 0 || identifier !== "off", 'redeliver needs the payment identifier, which is "off"');
  require(Number.isInteger(maxUnsettled) && maxUnsettled >= 1, "maxUnsettled must be a whole number from 1");
  require(description.length <= MAX_DESCRIPTION_LENGTH, `description must have at most ${MAX_DESCRIPTION_LENGTH} characters`);
  require(mimeType.length <= MAX_NAME_LENGTH, `mimeType must have at most ${MAX_NAME_LENGTH} characters`);
  return { ...options, amount, maxTimeoutSeconds, maxUnsettled, delivered, redeliverSeconds } as CheckedOptions;
}

function require(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new TypeError(`paywall: ${problem}`);
}

const BINDINGS = [
  "FACILITATOR",
  "FACILITATOR_URL",
  "FACILITATOR_KEY",
  "DELIVERIES",
  "RECEIPT_KEY",
  "RETIRED_RECEIPT_KEYS",
  "PAY_TO",
  "PUBLIC_ORIGIN",
] as const satisfies (keyof PaywallBindings)[];

/** Logs a name that looks like one of ours, where ours is not set: most are optional, and a typo would change nothing else. */
export function warnOfMisspelling(env: object, traceId: string): void {
  if (env === lastEnv) return;
  lastEnv = env;
  for (const name of BINDINGS.filter((each) => !(each in env))) {
    const found = Object.keys(env).find((key) => isMisspelling(key, name));
    if (found) logOnceAMinute("paywall.misspelt_binding", found, { traceId, found, meant: name });
  }
}

let lastEnv: object | undefined;

/** The same letters in any order and case, with at most one more, fewer or other. Underscores do not count. */
function isMisspelling(key: string, name: string): boolean {
  const rest: string[] = key.toUpperCase().match(/[A-Z0-9]/g) ?? [];
  const letters: string[] = name.match(/[A-Z]/g) ?? [];
  if (Math.abs(rest.length - letters.length) > 1) return false;
  const missing = letters.filter((letter) => {
    const at = rest.indexOf(letter);
    return at < 0 || rest.splice(at, 1).length === 0;
  });
  return missing.length <= 1 && rest.length <= 1;
}

/** The last valid PAY_TO. Checking an account takes time, and PAY_TO is the same for every request. */
let checkedPayee: AccountId | undefined;

export function payeeOf({ env: { PAY_TO } }: Context<PaywallEnv>, { payTo }: CheckedOptions): AccountId {
  if (payTo) return payTo;
  if (checkedPayee !== undefined && checkedPayee === PAY_TO) return checkedPayee;
  if (!isAccountId(PAY_TO)) throw new ConfigurationError("the variable PAY_TO must be a LEZ account, unless the route sets payTo");
  checkedPayee = PAY_TO;
  return checkedPayee;
}

/** When the money moves. Where nothing is held it moves first, unless the seller chose otherwise. */
export function flowOf(c: Context<PaywallEnv>, options: CheckedOptions): "authorization" | "upfront" {
  if (options.flow) return options.flow;
  const supportsHolds = options.facilitator ? facilitatorOf(c, options).supportsHolds : !c.env.FACILITATOR_URL;
  return supportsHolds ? "authorization" : "upfront";
}

/** What tells facilitators of one isolate apart; undefined if none is configured. Routes that share a `facilitator` function share one. */
export function facilitatorKey({ env }: Context<PaywallEnv>, { facilitator }: CheckedOptions): string | object | undefined {
  return facilitator ?? (env.FACILITATOR_URL || env.FACILITATOR);
}

export function facilitatorOf(c: Context<PaywallEnv>, options: CheckedOptions): PaywallFacilitator {
  const { FACILITATOR, FACILITATOR_URL, FACILITATOR_KEY, DELIVERIES } = c.env;
  if (options.facilitator) return fromDeprecated(options.facilitator(c));
  if (FACILITATOR_URL) {
    if (!DELIVERIES && !options.memory) throw new ConfigurationError("FACILITATOR_URL needs the Durable Object binding DELIVERIES");
    const address = { base: facilitatorBase(FACILITATOR_URL), key: FACILITATOR_KEY };
    return httpFacilitator(address, options.maxUnsettled, (presented) => deliveriesOf(c, options, presented));
  }
  if (FACILITATOR_KEY) throw new ConfigurationError("FACILITATOR_KEY is for FACILITATOR_URL, which is not set");
  if (FACILITATOR) return rpcFacilitator(FACILITATOR);
  throw new ConfigurationError("set the service binding FACILITATOR or the variable FACILITATOR_URL");
}

/** Whether the route stores answers: the seller did not switch it off, and DELIVERIES is bound. */
export function storesAnswers(c: Context<PaywallEnv>, { identifier }: CheckedOptions): boolean {
  if (identifier === "off") return false;
  if (identifier === "required" && !c.env.DELIVERIES) throw new ConfigurationError('identifier "required" needs the binding DELIVERIES');
  return c.env.DELIVERIES !== undefined;
}

export function idempotencyStoreOf(
  c: Context<PaywallEnv>,
  options: CheckedOptions,
  presented: PresentedPayment,
): IdempotencyStore | undefined {
  const payer = presented.exact?.authorization.from;
  const { DELIVERIES } = c.env;
  return payer && DELIVERIES && storesAnswers(c, options) ? durableIdempotencyStore(DELIVERIES, payer) : undefined;
}

const inIsolate = isolateDeliveries();

export function deliveriesOf(c: Context<PaywallEnv>, options: CheckedOptions, presented: PresentedPayment): DeliveryStore {
  const payer = presented.exact?.authorization.from;
  if (payer && options.memory) return options.memory(c, payer);
  return payer && c.env.DELIVERIES ? durableDeliveries(c.env.DELIVERIES, payer) : inIsolate;
}

/** Paths are appended to it, so it has neither query nor fragment, and no slash at the end. */
function facilitatorBase(value: string): string {
  const { href, search, hash, username, password } = configuredUrl("FACILITATOR_URL", value);
  if (search || hash) throw new ConfigurationError("FACILITATOR_URL must have no query and no fragment: /verify is appended to it");
  if (username || password) throw new ConfigurationError("FACILITATOR_URL must have no credentials: set the secret FACILITATOR_KEY");
  return href.replace(/\/+$/, "");
}

/** @throws {ConfigurationError} unless it is an http(s) URL. Without a scheme, "host:port" would parse as a URL of scheme "host". */
export function configuredUrl(name: string, value: string): URL {
  if (/^https?:\/\//i.test(value) && URL.canParse(value)) return new URL(value);
  throw new ConfigurationError(`${name} must be an address such as https://shop.example.com`);
}
