/** Bringing what waits in one shard's outbox to another shard. The same few lines in the Durable Object and in the simulation. */
import { BATCHES_PER_DELIVERY } from "../limits.ts";
import type { Batch, Received } from "./stream.ts";

export interface Sender {
  nextBatch(to: number): Batch | undefined;
  /** @returns false when the answer brought nothing further */
  acknowledge(to: number, answer: Received): boolean;
}

/**
 * Sends batch after batch, in order, each once the one before has arrived. Whatever fails in between leaves the rest in
 * the outbox: sending it again is always safe. After so many batches the rest waits for the next delivery.
 * @param send rejects when the receiver did not answer
 * @returns false when the receiver answered, and took nothing
 */
export async function deliver(sender: Sender, to: number, send: (batch: Batch) => Promise<Received>): Promise<boolean> {
  for (let sent = 0; sent < BATCHES_PER_DELIVERY; sent++) {
    const batch = sender.nextBatch(to);
    if (!batch) return true;
    const answer = await send(batch);
    if (!sender.acknowledge(to, answer)) return false;
  }
  return true;
}
