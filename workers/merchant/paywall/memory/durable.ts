/** The merchant's memory on disk: the Durable Object `Deliveries`, one per payer, so that payers do not wait for each other. */

import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import type { Digest } from "../../../../shared/crypto/digest.ts";
import { MAX_LOGGED_CAUSE_LENGTH } from "../../../../shared/limits.ts";
import type { AccountId } from "../../../../shared/protocol/account.ts";
import type { DeliveryStore, DurableNamespace } from "../types.ts";
import type { IdempotencyStore } from "./idempotency-store.ts";

export function durableDeliveries(namespace: DurableNamespace, payer: AccountId): DeliveryStore {
  // A new stub for every call: one that broke stays broken.
  const object = () => namespace.getByName(payer) as Required<DeliveryStore>;
  return {
    startRun: (key, lease, seconds, max) => object().startRun(key, lease, seconds, max),
    endRun: (key) => object().endRun(key),
    begin: (key, lease, seconds, ifAbandoned) => object().begin(key, lease, seconds, ifAbandoned),
    resume: (key, lease, seconds) => object().resume(key, lease, seconds),
    finish: (key, lease, remembered, forgetAfter) => object().finish(key, lease, remembered, forgetAfter),
    deliver: (key, lease, forgetAfter) => object().deliver(key, lease, forgetAfter),
  };
}

export function durableIdempotencyStore(namespace: DurableNamespace, payer: AccountId): IdempotencyStore {
  const object = () => namespace.getByName(payer) as IdempotencyStore;
  return {
    claim: (key, payment, lease, seconds) => object().claim(key, payment, lease, seconds),
    recall: (key, payment) => object().recall(key, payment),
    store: (key, lease, reservation, answer) => object().store(key, lease, reservation, answer),
    paid: (key, receipt) => object().paid(key, receipt),
    free: (key, lease) => object().free(key, lease),
  };
}

/** What an object says of its tables. */
export interface DeliveriesSchema {
  /** False if newer code wrote them, as after a rollback: this code can neither read what is owed nor record more. */
  canOpen(): Promise<boolean>;
}

/** An object of no payer. It has the schema of the newest version that was deployed, because each version asks it. */
const SCHEMA_OBJECT = "schema";

/**
 * Asks one object for all. Objects of version 0.1 do not know the question and reject it, but they store.
 * @throws {ConfigurationError} when the object cannot store at all, as when the binding's class has no SQLite storage
 */
export async function canOpenDeliveries(namespace: DurableNamespace): Promise<boolean> {
  const object = () => namespace.getByName(SCHEMA_OBJECT) as DeliveriesSchema & DeliveryStore;
  try {
    return await object().canOpen();
  } catch {
    try {
      await object().resume(PROBE, PROBE, 0); // writes nothing, because nothing is owed
      return true;
    } catch (error) {
      throw new ConfigurationError(`the binding DELIVERIES does not store: ${String(error).slice(0, MAX_LOGGED_CAUSE_LENGTH)}`);
    }
  }
}

const PROBE = "probe" as Digest;
