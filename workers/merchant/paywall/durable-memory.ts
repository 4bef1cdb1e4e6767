/** Memory on disk: the merchant's Durable Object `Deliveries`, one per payer, so that payers do not wait for each other. */
import type { AccountId } from "../../../shared/protocol/account.ts";
import type { AnswerStore } from "./answer-store.ts";
import type { PaymentMemory } from "./memory.ts";

/** What is used of the binding `DELIVERIES`. Loose, so that a seller's own Durable Object types fit. */
export interface DeliveriesNamespace {
  getByName(name: string): unknown;
}

export function durableMemory(namespace: DeliveriesNamespace, payer: AccountId): PaymentMemory {
  // A fresh stub for every call: a broken one stays broken.
  const object = () => namespace.getByName(payer) as PaymentMemory;
  return {
    begin: (key, lease, seconds, meanwhile) => object().begin(key, lease, seconds, meanwhile),
    resume: (key, lease, seconds) => object().resume(key, lease, seconds),
    finish: (key, lease, remembered, forgetAfter) => object().finish(key, lease, remembered, forgetAfter),
  };
}

export function durableAnswers(namespace: DeliveriesNamespace, payer: AccountId): AnswerStore {
  const object = () => namespace.getByName(payer) as AnswerStore;
  return {
    claim: (key, order, lease, seconds) => object().claim(key, order, lease, seconds),
    recall: (key, order) => object().recall(key, order),
    store: (key, lease, reservation, answer) => object().store(key, lease, reservation, answer),
    paid: (key, receipt) => object().paid(key, receipt),
    free: (key, lease) => object().free(key, lease),
  };
}
