/** A chapter of the story on the chain itself: the block of a payment leaves the chain, and the payment comes back. */

import { displayAmount } from "../../../shared/protocol/amount.ts";
import { verdict } from "../buyer.ts";
import type { Signed } from "./people.ts";
import { type Books, booksOf, type Scene, whereabouts } from "./scene.ts";

export async function tellReorganisationChapter(scene: Scene, signed: Signed): Promise<void> {
  const { story, people, devnet } = scene;
  const { sequencer } = devnet;
  const { transaction } = signed;
  story.chapter("The chain takes the block back");
  await devnet.stopClock();
  const before = await booksOf(scene);
  const first = await sequencer.transaction(transaction);
  if (!first) throw new Error(`the chain has no transaction ${transaction}`);
  const firstHash = await devnet.blockHash(first.block);
  await devnet.orphan(Number((await sequencer.lastBlockId()) - first.block + 1n));
  story.step(
    "The demo has the chain drop its last blocks, as a reorganisation does. The payment's block is one of them.",
    "in no block, 1 in the queue, nonce 0",
    await whereabouts(scene, transaction),
  );
  const gone = await booksOf(scene);
  story.step(
    "The money goes back. The merchant sold for one block (finality head), at its own risk; with final it would have waited.",
    displayAmount(signed.payment.accepted.amount),
    displayAmount(before.merchant - gone.merchant),
    { merchant: displayAmount(gone.merchant), owner: displayAmount(gone.owner) },
  );
  await devnet.mine();
  const again = await sequencer.transaction(transaction);
  const hash = again && (await devnet.blockHash(again.block));
  story.step(
    "The transfer waits in the chain's queue again. The next block takes it.",
    "another block",
    hash === undefined ? "no block" : hash === firstHash ? "the same block" : "another block",
    { before: `${first.block}, hash ${firstHash?.slice(0, 16)}…`, now: `${again?.block}, hash ${hash?.slice(0, 16)}…` },
  );
  await devnet.startClock();
  story.step("The money is where it was: it is paid once.", text(before), text(await booksOf(scene)));
  story.step("It has bought once, too: the same payment gets nothing more.", "402 nonce_replayed", verdict(await people.present(signed)));
}

function text({ merchant, owner, nonce }: Books): string {
  return `merchant ${displayAmount(merchant)}, owner ${displayAmount(owner)}, nonce ${nonce}`;
}
