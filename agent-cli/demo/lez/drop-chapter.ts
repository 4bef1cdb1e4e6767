/** A chapter of the story on the chain itself: a transfer is lost without a trace, and the facilitator sends the same bytes again. */

import { counted } from "../../runtime/layout.ts";
import { verdict } from "../buyer.ts";
import type { Signed } from "./people.ts";
import { inclusionOf, type Scene, untilQueued, whereabouts } from "./scene.ts";

/** @param earlier the payment that a reorganisation took and gave back */
export async function tellDropChapter(scene: Scene, earlier: Signed): Promise<void> {
  const { story, people, devnet } = scene;
  story.chapter("The chain loses a transfer");
  const { signed } = await people.approve(await people.ask());
  await devnet.stopClock();
  const first = people.present(signed);
  await untilQueued(scene, first);
  await devnet.mineWithout();
  const since = performance.now();
  story.step(
    "The owner approves a second report. The demo has the next block lose its transfer, without a word to anyone.",
    "in no block, 0 in the queue, nonce 1",
    await whereabouts(scene, signed.transaction),
    { "lost in": `block ${(await devnet.status()).head}` },
  );
  await devnet.startClock();
  scene.progress("The facilitator sends a transfer again after half a minute");
  const { answer, pending } = await people.presentUntilDecided(signed, first);
  scene.progress("");
  const { block, bytes } = await inclusionOf(scene, signed);
  story.step("The agent presents the payment until the facilitator has sent the transfer again.", "200", verdict(answer), {
    before: counted(pending, "settlement_pending", "times settlement_pending"),
    after: `${Math.round((performance.now() - since) / 1000)} s`,
    block,
  });
  story.step("The facilitator has no key. What it sent again is what the owner signed.", "the same bytes", bytes);
  story.step(
    "Meanwhile it saw that the first report's block had left the chain, and alerted its operator.",
    "receipt_undone",
    scene.log.about(earlier.transaction).join(", ") || "no alert",
  );
}
