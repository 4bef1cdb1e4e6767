/** Bringing what waits in one shard's outbox to another shard. The same few lines in the Durable Object and in the simulation. */
import { checkShape } from "../text/json.ts";
import { BATCHES_PER_DELIVERY } from "../limits.ts";
import { appliedSchema, type Batch, type Received } from "./stream.ts";

export interface Sender {
  nextBatch(to: number): Batch | undefined;
  /** @returns false when the answer brought nothing further */
  acknowledge(to: number, answer: Received): boolean;
}

/**
 * Sends batch after batch, in order, each once the one before has arrived. Whatever fails in between leaves the rest in
 * the outbox: sending it again is always safe. After so many batches the rest waits for the next delivery.
 * @param send rejects when the receiver did not answer
 * @throws {Error} also when its answer cannot be understood
 * @returns false when the receiver answered, and took nothing
 */
export async function deliver(sender: Sender, to: number, send: (batch: Batch) => Promise<Received>): Promise<boolean> {
  for (let sent = 0; sent < BATCHES_PER_DELIVERY; sent++) {
    const batch = sender.nextBatch(to);
    if (!batch) return true;
    const answer = await send(batch);
    // An answer that cannot be read is none: a shard must not stop for good because another speaks an older version.
    if (answer.ok && !checkShape(answer, appliedSchema).ok) throw new Error(`shard ${to} answered what cannot be read`);
    if (!sender.acknowledge(to, answer)) return false;
  }
  return true;
}
