/** An answer that was bought on terms which the merchant has since changed: its buyer can still fetch it. */

import { identifierOf } from "../../../../shared/extensions/payment-identifier.ts";
import { bindingOf } from "../../../../shared/protocol/binding.ts";
import { idempotencyStoreOf } from "../config.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import type { CheckedOptions } from "../options.ts";
import { payloadKey, verifyPresented } from "../presented-payment.ts";
import type { PaidRequest, ServeResult } from "../types.ts";
import { answerKey, mayRedeliver, storedResponse } from "./identified.ts";
import { redeliver } from "./redeliver.ts";

/** @returns undefined if this payment has bought nothing here under its id, so that the refusal stands */
export async function alreadyBought(request: PaidRequest, options: CheckedOptions): Promise<ServeResult | undefined> {
  const { c, presented, challenge } = request;
  const { payment, facts } = presented;
  const { accepted, extensions } = payment;
  const sent = identifierOf(extensions);
  const store = idempotencyStoreOf(c, options, presented);
  if (!store || !sent.ok || sent.id === undefined) return undefined;
  // The payment must be bound to this very request, on the terms that it accepted.
  if (facts?.binding !== bindingOf(challenge.request, accepted)) return undefined;
  // Only payers may query the store.
  if (!(await verifyPresented({ payment, offer: accepted })).ok) return undefined;
  const bought = await withTimeout(store.recall(answerKey(c, sent.id), payloadKey(presented)));
  if (!bought) return undefined;
  return mayRedeliver(bought, request.redeliverSeconds)
    ? redeliver(request, bought.receipt)
    : storedResponse(bought.receipt, bought.answer, true);
}
