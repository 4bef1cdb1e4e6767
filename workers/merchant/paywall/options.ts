/** What a seller says about a priced route, checked when the Worker starts rather than when a buyer comes. */
import type { Context } from "hono";
import { type AccountId, isAccountId } from "../../../shared/protocol/account.ts";
import { type Amount, isAmount } from "../../../shared/protocol/amount.ts";
import { DEFAULT_TIMEOUT_SECONDS, MAX_DESCRIPTION_LENGTH, MAX_NAME_LENGTH, MAX_VALIDITY_SECONDS } from "../../../shared/limits.ts";
import type { DeliveriesNamespace } from "./durable-memory.ts";
import type { PaywallFacilitator } from "./facilitator.ts";
import type { PaymentMemory } from "./memory.ts";
import type { FacilitatorRpc } from "./rpc-facilitator.ts";

export interface PaywallOptions {
  /** The price in atomic units, as a decimal string. */
  amount: string;
  /** The account that is paid. Default: the binding `PAY_TO`. */
  payTo?: string;
  /** Shown to buyers. */
  description?: string;
  mimeType?: string;
  /**
   * What a payment buys: this route whatever the query (`route`), this URL (`query`), or this URL with this very body
   * (`body`). Default: `body` for methods that have one, else `query`.
   */
  bind?: Bind;
  /** Seconds from the owner's signature to the paid request. Default 900, at most 12 hours. */
  maxTimeoutSeconds?: number;
  /**
   * When the money moves. `authorization` (default): held before the handler, captured after it delivered.
   * `upfront`: before the handler. If it then fails, the same payment runs it again, free, until it delivers.
   */
  flow?: "authorization" | "upfront";
  /**
   * The x402 extension `payment-identifier`: a buyer who sends an id can fetch a paid answer again. Offered by default where
   * the binding `DELIVERIES` is there to keep answers.
   */
  identifier?: "offered" | "required" | "off";
  /** x402 extensions to advertise, by key. What a client echoes of them must contain what was advertised. */
  extensions?: Record<string, Record<string, unknown>>;
  /** Where payments are settled. Default: see `PaywallBindings`. */
  facilitator?: (c: Context<PaywallEnv>) => PaywallFacilitator;
  /** Where is remembered what must outlive a request. Default: the binding `DELIVERIES`, else this isolate. */
  memory?: (c: Context<PaywallEnv>, payer: AccountId) => PaymentMemory;
}

export type Bind = "route" | "query" | "body";

/** The Worker's bindings that a paywall falls back on. */
export interface PaywallBindings {
  /** Our facilitator, by service binding. */
  FACILITATOR?: FacilitatorRpc;
  /** Any x402 facilitator, by URL, in place of the binding. Needs `DELIVERIES`. */
  FACILITATOR_URL?: string;
  /** The merchant's memory: the Durable Object `Deliveries`. */
  DELIVERIES?: DeliveriesNamespace;
  /** Secret. With it, offers and receipts are signed: an Ed25519 seed in hex. Mount `merchantIdentity()` as well. */
  RECEIPT_KEY?: string;
  /** Public keys that signed before, in hex, with spaces between: published beside the new one until buyers know it. */
  RETIRED_RECEIPT_KEYS?: string;
  PAY_TO?: string;
  /** The origin that buyers see, when it is not the one the request arrives with. */
  PUBLIC_ORIGIN?: string;
}

/** What the paywall leaves for the handler under `c.get("payment")`. */
export interface PaymentContext {
  /** The same for every run of a handler for one payment; make side effects idempotent with it. */
  id: string;
  payer: string;
  /** Atomic units. */
  amount: string;
  /** Aborts when the answer would come too late to be paid for. */
  signal: AbortSignal;
}

export interface PaywallEnv {
  Bindings: PaywallBindings;
  Variables: { payment: PaymentContext; traceId: string };
}

export interface CheckedOptions extends PaywallOptions {
  amount: Amount;
  payTo?: AccountId;
  maxTimeoutSeconds: number;
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
  require(description.length <= MAX_DESCRIPTION_LENGTH, `description must have at most ${MAX_DESCRIPTION_LENGTH} characters`);
  require(mimeType.length <= MAX_NAME_LENGTH, `mimeType must have at most ${MAX_NAME_LENGTH} characters`);
  return { ...options, amount, maxTimeoutSeconds } as CheckedOptions;
}

function require(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new TypeError(`paywall: ${problem}`);
}
