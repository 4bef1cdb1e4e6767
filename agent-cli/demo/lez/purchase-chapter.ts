/** Two chapters of the story on the chain itself: the owner signs and nothing is sent; then a block pays the merchant. */

import { displayAmount } from "../../../shared/protocol/amount.ts";
import { DEVNET } from "../boot.ts";
import { offersOf, receiptOf, send, verdict } from "../buyer.ts";
import type { Signed } from "./people.ts";
import { booksOf, inclusionOf, type Scene, whereabouts } from "./scene.ts";

export async function tellSigningChapter(scene: Scene): Promise<Signed> {
  const { story, people, width } = scene;
  story.chapter("The owner signs, and nothing is sent");
  const unpaid = await send(people.report);
  const offer = offersOf(unpaid).find(({ network }) => network === DEVNET);
  if (!offer) throw new Error(`${people.report.url} makes no offer on ${DEVNET}`);
  story.step("The agent asks for the report without paying. One of the offers is on the chain.", "402 payment_required", verdict(unpaid), {
    price: displayAmount(offer.amount),
    "paid to": offer.payTo,
    finality: String(offer.extra?.["finality"]),
  });
  story.typed(`lez-agent-pay request create ${people.report.url} --network ${DEVNET} --reason "…" --inbox`);
  const asked = await people.ask();
  story.step("It files a request for its owner, at the merchant's price.", displayAmount(offer.amount), asked.price.display, {
    code: asked.shortCode,
  });
  story.typed(`lez-agent-pay approve ${asked.shortCode} --out payment.json`);
  const { signed, screen } = await people.approve(asked, width);
  story.screen(screen);
  story.step(
    "The owner reads this and says yes; here the demo does. The signed transfer is in a file, and the chain knows nothing of it.",
    "in no block, 0 in the queue, nonce 0",
    await whereabouts(scene, signed.transaction),
    { transaction: signed.transaction, bytes: String(signed.wire.length) },
  );
  return signed;
}

export async function tellSettlementChapter(scene: Scene, signed: Signed): Promise<void> {
  const { story, people, devnet } = scene;
  story.chapter("A block pays the merchant");
  const before = await booksOf(scene);
  await devnet.stopClock();
  scene.progress("The merchant waits ten seconds for a block, and answers without one");
  const first = await people.present(signed);
  scene.progress("");
  story.step(
    "The agent presents the payment. The demo holds the next block back, so the merchant gives the usual first answer: not yet.",
    "402 settlement_pending",
    verdict(first),
    { "Retry-After": `${first.headers.get("Retry-After") ?? "?"} s` },
  );
  story.step(
    "The facilitator has sent the transfer.",
    "in no block, 1 in the queue, nonce 0",
    await whereabouts(scene, signed.transaction),
  );
  await devnet.startClock();
  const { answer } = await people.presentUntilDecided(signed);
  const { block, bytes } = await inclusionOf(scene, signed);
  story.step("A block takes it. The agent presents the same payment again, and gets the goods.", "200", verdict(answer), {
    block,
    body: await answer.text(),
  });
  story.step("The receipt names the transaction that the owner signed.", signed.transaction, receiptOf(answer)?.transaction ?? "none");
  story.step("The block has it as the owner signed it.", "the same bytes", bytes);
  const after = await booksOf(scene);
  const price = BigInt(signed.payment.accepted.amount);
  const spent = before.owner - after.owner;
  story.step("The merchant has the price.", displayAmount(price), displayAmount(after.merchant - before.merchant), {
    "owner paid": `${displayAmount(spent)}: ${price} lepta, and ${spent - price} to the chain`,
  });
}
