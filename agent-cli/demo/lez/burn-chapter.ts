/** A chapter of the story on the chain itself: the owner ends a payment that has left, by using its nonce up. */

import * as z from "zod";
import { receiptOf, verdict } from "../buyer.ts";
import { booksOf, FINAL_BLOCKS, type Scene, untilQueued, whereabouts } from "./scene.ts";

/** What a refusal names. */
const namedSchema = z.looseObject({ transaction: z.string() });

export async function tellBurnChapter(scene: Scene): Promise<void> {
  const { story, people, devnet, width } = scene;
  story.chapter("The owner ends a payment that has left");
  const { signed } = await people.approve(await people.ask());
  await devnet.stopClock();
  const first = people.present(signed);
  await untilQueued(scene, first);
  story.step(
    "The owner approves a third report, and the facilitator sends the transfer.",
    "in no block, 1 in the queue, nonce 2",
    await whereabouts(scene, signed.transaction),
  );

  const code = signed.asked.shortCode;
  story.typed(`lez-agent-pay revoke ${code}`);
  const { outcome: late } = await people.revoke(signed, { burn: false });
  story.step("The owner regrets it. A revocation comes too late.", "settlement_pending", late.ok ? "revoked" : late.error.code, {
    says: late.ok ? "" : late.error.message,
  });
  await devnet.restart();
  story.step(
    "The sequencer restarts, and its queue is gone. That ends nothing: the facilitator would send the transfer again.",
    "in no block, 0 in the queue, nonce 2",
    await whereabouts(scene, signed.transaction),
  );

  const before = await booksOf(scene);
  story.typed(`lez-agent-pay revoke ${code} --burn`);
  const { outcome, said } = await people.revoke(signed, { burn: true, width });
  story.screen(said);
  const burn = (outcome.ok && outcome.data.burn) || "none";
  await devnet.mine();
  const burnt = burn !== "none" && (await devnet.sequencer.transaction(burn));
  const after = await booksOf(scene);
  story.step(
    "So the owner sends a transfer of nothing with the same nonce, and it comes first.",
    "in a block, nonce 3, 0 lepta to the merchant",
    `in ${burnt ? "a" : "no"} block, nonce ${after.nonce}, ${after.merchant - before.merchant} lepta to the merchant`,
    { transaction: burn, "owner paid": `${before.owner - after.owner} lepta to the chain` },
  );

  await devnet.mine(FINAL_BLOCKS);
  await devnet.startClock();
  const { answer } = await people.presentUntilDecided(signed, first);
  story.step("Once its block is final, the merchant refuses the payment.", "402 nonce_replayed", verdict(answer));
  const named = namedSchema.safeParse(receiptOf(answer)?.extra);
  story.step("The refusal names the transfer that used the nonce.", burn, named.data?.transaction ?? "none");

  await devnet.sequencer.sendTransaction(signed.wire);
  await devnet.mine();
  story.step(
    "Nor does a copy of the signed payment help anyone: sent to the chain by hand, it gets into no block.",
    "in no block, 0 in the queue, nonce 3",
    await whereabouts(scene, signed.transaction),
  );
}
