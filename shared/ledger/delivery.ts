/** Sends one shard's outbox to another shard. The Durable Object and the simulation share these lines. */

import { BATCHES_PER_DELIVERY } from "../limits.ts";
import { checkShape } from "../text/json.ts";
import { appliedSchema, type Batch, type Received } from "./stream.ts";

/** The sending shard. */
export interface CreditSource {
  nextBatch(to: number): Batch | undefined;
  /** @returns false when the answer removed nothing from the outbox */
  acknowledge(to: number, answer: Received): boolean;
}

/**
 * Sends batches in order, each after the one before has arrived. A failure leaves the rest in the outbox: sending it again is
 * always safe. After BATCHES_PER_DELIVERY the rest waits for the next delivery.
 * @param send rejects when the receiver did not answer
 * @throws {Error} also when the answer cannot be read
 * @returns false when the receiver answered, but took nothing
 */
export async function deliver(source: CreditSource, to: number, send: (batch: Batch) => Promise<Received>): Promise<boolean> {
  for (let sent = 0; sent < BATCHES_PER_DELIVERY; sent++) {
    const batch = source.nextBatch(to);
    if (!batch) return true;
    const answer = await send(batch);
    // An unreadable answer counts as no answer: a shard must not halt because another one runs other code.
    if (answer.ok && !checkShape(answer, appliedSchema).ok) throw new Error(`shard ${to} answered what cannot be read`);
    if (!source.acknowledge(to, answer)) return false;
  }
  return true;
}
