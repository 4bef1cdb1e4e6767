/** An answer that was bought on terms which the merchant has changed since: its buyer gets it all the same. */
import type { Context } from "hono";
import { bindingOf } from "../../../shared/protocol/binding.ts";
import { identifierOf } from "../../../shared/extensions/payment-identifier.ts";
import type { Challenge } from "./challenge.ts";
import { ask } from "./facilitator.ts";
import { answerAgain, answerKey } from "./identified.ts";
import type { CheckedOptions, PaywallEnv } from "./options.ts";
import { type Order, orderKey, verifyOrder } from "./order.ts";
import type { Unanswered } from "./sale.ts";
import { answerStoreOf } from "./bindings.ts";

/** @returns undefined when this payment has bought nothing here under its id, and the refusal stands */
export async function boughtBefore(
  c: Context<PaywallEnv>,
  order: Order,
  { request }: Challenge,
  options: CheckedOptions,
): Promise<Unanswered | undefined> {
  const { payment, exact } = order;
  const { accepted, extensions } = payment;
  const sent = identifierOf(extensions);
  const store = answerStoreOf(c, options, order);
  if (!store || !sent.ok || sent.id === undefined) return undefined;
  // It says itself what it was for: this very request, on the terms that were accepted then.
  if (exact?.authorization.binding !== bindingOf(request, accepted)) return undefined;
  // The store is asked only for those who could pay.
  if (!(await verifyOrder({ payment, offer: accepted })).ok) return undefined;
  const bought = await ask(store.recall(answerKey(c, sent.id), orderKey(order)));
  return bought && answerAgain(bought.receipt, bought.answer);
}
