/** Resolves payee, facilitator and storage from the route's options or the Worker's bindings. */

import type { Context } from "hono";
import { ConfigurationError } from "../../../shared/configuration-error.ts";
import { type AccountId, isAccountId } from "../../../shared/protocol/account.ts";
import { fromDeprecated } from "./deprecated.ts";
import { httpFacilitator } from "./facilitator/http.ts";
import { rpcFacilitator } from "./facilitator/rpc.ts";
import { logOnceAMinute } from "./log.ts";
import { durableDeliveries, durableIdempotencyStore } from "./memory/durable.ts";
import type { IdempotencyStore } from "./memory/idempotency-store.ts";
import { isolateDeliveries } from "./memory/isolate.ts";
import type { CheckedOptions, Flow } from "./options.ts";
import type { DeliveryStore, FacilitatorAddress, PaywallBindings, PaywallEnv, PaywallFacilitator, PresentedPayment } from "./types.ts";

const BINDINGS = [
  "FACILITATOR",
  "FACILITATOR_URL",
  "FACILITATOR_KEY",
  "DELIVERIES",
  "SESSIONS",
  "WEBHOOKS",
  "WEBHOOK_URL",
  "WEBHOOK_SECRET",
  "WEBHOOK_LOOPBACK",
  "OPERATOR_KEY_SHA256",
  "SELLER_KEY",
  "SELLER_ACCESS",
  "RECEIPT_KEY",
  "REFUND_MANDATE",
  "RECEIPT_KEY_BEFORE",
  "RETIRED_RECEIPT_KEYS",
  "PAY_TO",
  "PUBLIC_ORIGIN",
  "PAYMENT_METRICS",
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

/** The payee of offers that name none; undefined if each names one. */
export function payeeOf({ env: { PAY_TO } }: Context<PaywallEnv>, { offers }: CheckedOptions): AccountId | undefined {
  if (offers.every(({ payTo }) => payTo)) return undefined;
  if (checkedPayee !== undefined && checkedPayee === PAY_TO) return checkedPayee;
  if (!isAccountId(PAY_TO)) throw new ConfigurationError("the variable PAY_TO must be a LEZ account, unless the route sets payTo");
  checkedPayee = PAY_TO;
  return checkedPayee;
}

/** When the money moves, for offers that do not say. Where nothing is held it moves first, unless the seller chose otherwise. */
export function flowOf(c: Context<PaywallEnv>, options: CheckedOptions): Flow {
  if (options.flow) return options.flow;
  const supportsHolds = options.facilitator ? facilitatorOf(c, options).supportsHolds : !c.env.FACILITATOR_URL;
  return supportsHolds ? "authorization" : "upfront";
}

/** What tells facilitators of one isolate apart; undefined if none is configured. Routes that share a `facilitator` function share one. */
export function facilitatorKey({ env }: Context<PaywallEnv>, { facilitator }: CheckedOptions): string | object | undefined {
  return facilitator ?? (env.FACILITATOR_URL || env.FACILITATOR);
}

export function facilitatorOf(c: Context<PaywallEnv>, options: CheckedOptions): PaywallFacilitator {
  const { FACILITATOR, FACILITATOR_KEY, DELIVERIES } = c.env;
  if (options.facilitator) return fromDeprecated(options.facilitator(c));
  const address = facilitatorAddress(c.env);
  if (address) {
    if (!DELIVERIES && !options.memory) throw new ConfigurationError("FACILITATOR_URL needs the Durable Object binding DELIVERIES");
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
  const payer = presented.facts?.payer;
  const { DELIVERIES } = c.env;
  return payer && DELIVERIES && storesAnswers(c, options) ? durableIdempotencyStore(DELIVERIES, payer) : undefined;
}

const inIsolate = isolateDeliveries();

export function deliveriesOf(c: Context<PaywallEnv>, options: CheckedOptions, presented: PresentedPayment): DeliveryStore {
  const payer = presented.facts?.payer;
  if (payer && options.memory) return options.memory(c, payer);
  return payer && c.env.DELIVERIES ? durableDeliveries(c.env.DELIVERIES, payer) : inIsolate;
}

/** The facilitator that is reached over HTTP; undefined if none is. */
export function facilitatorAddress({ FACILITATOR_URL, FACILITATOR_KEY }: PaywallBindings): FacilitatorAddress | undefined {
  return FACILITATOR_URL ? { base: facilitatorBase(FACILITATOR_URL), key: FACILITATOR_KEY } : undefined;
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
