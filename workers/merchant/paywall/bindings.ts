/** Who is paid, who settles, and where is remembered what it does not: from the options, else from the Worker's bindings. */
import type { Context } from "hono";
import { type AccountId, isAccountId } from "../../../shared/protocol/account.ts";
import { ConfigurationError } from "../../../shared/configuration-error.ts";
import type { AnswerStore } from "./answer-store.ts";
import { configuredUrl } from "./configured-url.ts";
import { durableAnswers, durableMemory } from "./durable-memory.ts";
import type { PaywallFacilitator } from "./facilitator.ts";
import { httpFacilitator } from "./http-facilitator.ts";
import { isolateMemory, type PaymentMemory } from "./memory.ts";
import type { CheckedOptions, PaywallEnv } from "./options.ts";
import type { Order } from "./order.ts";
import { rpcFacilitator } from "./rpc-facilitator.ts";

const inIsolate = isolateMemory();

/** PAY_TO as it was last looked at: that takes time, and it is the same for every request. */
let knownPayee: AccountId | undefined;

export function payeeOf({ env: { PAY_TO } }: Context<PaywallEnv>, { payTo }: CheckedOptions): AccountId {
  if (payTo) return payTo;
  if (knownPayee !== undefined && knownPayee === PAY_TO) return knownPayee;
  if (!isAccountId(PAY_TO)) throw new ConfigurationError("the variable PAY_TO must be a LEZ account, or the route say payTo");
  knownPayee = PAY_TO;
  return knownPayee;
}

export function facilitatorOf(c: Context<PaywallEnv>, options: CheckedOptions): PaywallFacilitator {
  const { FACILITATOR, FACILITATOR_URL, DELIVERIES } = c.env;
  if (options.facilitator) return options.facilitator(c);
  if (FACILITATOR_URL) {
    if (!DELIVERIES && !options.memory) throw new ConfigurationError("FACILITATOR_URL needs the Durable Object binding DELIVERIES");
    return httpFacilitator(configuredUrl("FACILITATOR_URL", FACILITATOR_URL).href, (order) => memoryOf(c, options, order));
  }
  if (FACILITATOR) return rpcFacilitator(FACILITATOR);
  throw new ConfigurationError("set one of the service binding FACILITATOR and the variable FACILITATOR_URL");
}

/** Whether the route offers to keep answers: the seller did not switch it off, and there is a place to keep them. */
export function keepsAnswers(c: Context<PaywallEnv>, { identifier }: CheckedOptions): boolean {
  if (identifier === "off") return false;
  if (identifier === "required" && !c.env.DELIVERIES) throw new ConfigurationError('identifier "required" needs the binding DELIVERIES');
  return c.env.DELIVERIES !== undefined;
}

export function answerStoreOf(c: Context<PaywallEnv>, options: CheckedOptions, order: Order): AnswerStore | undefined {
  const payer = order.exact?.authorization.from;
  const { DELIVERIES } = c.env;
  return payer && DELIVERIES && keepsAnswers(c, options) ? durableAnswers(DELIVERIES, payer) : undefined;
}

export function memoryOf(c: Context<PaywallEnv>, options: CheckedOptions, order: Order): PaymentMemory {
  const payer = order.exact?.authorization.from;
  if (payer && options.memory) return options.memory(c, payer);
  return payer && c.env.DELIVERIES ? durableMemory(c.env.DELIVERIES, payer) : inIsolate;
}
