/** What the chapters of the story on the chain itself share: the people, the chain, and what is read of it. */

import { setTimeout as sleep } from "node:timers/promises";
import { equalBytes } from "../../../shared/crypto/bytes.ts";
import type { Digest } from "../../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_LEZ_ACCOUNT } from "../../../shared/demo.ts";
import type { Story } from "../story.ts";
import type { Devnet } from "./devnet.ts";
import type { OperatorLog } from "./operator-log.ts";
import type { LezPeople, Signed } from "./people.ts";

export interface Scene {
  story: Story;
  people: LezPeople;
  devnet: Devnet;
  log: OperatorLog;
  /** Columns of a screen inside the story. */
  width: number;
  /** Reports a long wait; an empty state ends it. */
  progress(state: string): void;
}

/** Balances in lepta. */
export interface Books {
  owner: bigint;
  merchant: bigint;
  /** The owner's next nonce. */
  nonce: bigint;
}

/** A block that has so many on top is final. */
export const FINAL_BLOCKS = 30;

const POLL_MILLIS = 50;

export async function booksOf({ devnet: { sequencer }, people }: Scene): Promise<Books> {
  const owner = await sequencer.balanceAndNonce(people.account);
  const merchant = await sequencer.balanceAndNonce(DEMO_MERCHANT_LEZ_ACCOUNT);
  return { owner: owner.balance, nonce: owner.nonce, merchant: merchant.balance };
}

/** Where a transaction is: `in no block, 1 in the queue, nonce 0`. All of it from the chain. */
export async function whereabouts(scene: Scene, transaction: Digest): Promise<string> {
  const found = await scene.devnet.sequencer.transaction(transaction);
  const { waiting } = await scene.devnet.status();
  const { nonce } = await booksOf(scene);
  return `in ${found ? "a" : "no"} block, ${waiting} in the queue, nonce ${nonce}`;
}

/** The block that has a payment, and whether its bytes there are those that the owner signed. */
export async function inclusionOf({ devnet }: Scene, { transaction, wire }: Signed): Promise<{ block: string; bytes: string }> {
  const found = await devnet.sequencer.transaction(transaction);
  if (!found) return { block: "none", bytes: "none" };
  return { block: String(found.block), bytes: equalBytes(found.wire, wire) ? "the same bytes" : "other bytes" };
}

/** Until a transaction waits at the chain, or the merchant has answered. */
export async function untilQueued({ devnet }: Scene, answer: Promise<Response>): Promise<void> {
  const answered = answer.then(
    () => true,
    () => true,
  );
  while ((await devnet.status()).waiting === 0) {
    if (await Promise.race([answered, sleep(POLL_MILLIS, false)])) return;
  }
}
