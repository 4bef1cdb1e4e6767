/** A payment by a transfer on the chain itself, from the owner's signature to the goods, and through what a chain can do to it. */

import { setTimeout as sleep } from "node:timers/promises";
import { displayAmount } from "../../../shared/protocol/amount.ts";
import { maxFeeFor } from "../../../shared/zone/fees.ts";
import type { CommandContext } from "../../command-line/command.ts";
import type { Outcome } from "../../runtime/outcome.ts";
import { bootStack, logForDebugging } from "../boot.ts";
import { SCREEN_MARGIN, Story, type StoryData } from "../story.ts";
import { tellBurnChapter } from "./burn-chapter.ts";
import { Devnet, newDevnetKey } from "./devnet.ts";
import { tellDropChapter } from "./drop-chapter.ts";
import { OperatorLog } from "./operator-log.ts";
import { LezPeople } from "./people.ts";
import { tellSettlementChapter, tellSigningChapter } from "./purchase-chapter.ts";
import { tellReorganisationChapter } from "./reorganisation-chapter.ts";
import { type Books, booksOf, FINAL_BLOCKS, type Scene } from "./scene.ts";

/** From block to block. On the public testnet it is about a minute. */
const BLOCK_MILLIS = "1000";
const POLL_MILLIS = 100;
const FUNDED_WITHIN_MILLIS = 30_000;

export async function tellLezStory(context: CommandContext): Promise<Outcome<StoryData>> {
  const key = newDevnetKey();
  const log = new OperatorLog();
  const onLog = (line: string) => {
    log.read(line);
    logForDebugging(context, line);
  };
  const lezVars = { ...key.vars, BLOCK_MILLIS, FINAL_BLOCKS: String(FINAL_BLOCKS) };
  const stack = await bootStack(context, { lezPort: 0, lezVars, onLog });
  if (!stack.ok) return stack;
  const story = new Story(context, "A payment on the chain itself: merchant, facilitator and devnet, in a minute");
  const people = await LezPeople.create(context, stack.data);
  const devnet = new Devnet(stack.data.lez ?? "", key);
  const width = context.layout.width - SCREEN_MARGIN;
  const scene: Scene = { story, people, devnet, log, width, progress: (state) => context.progress(state) };

  const before = await tellFunding(scene);
  const signed = await tellSigningChapter(scene);
  const price = BigInt(signed.payment.accepted.amount);
  const chapters = [
    () => tellSettlementChapter(scene, signed),
    () => tellReorganisationChapter(scene, signed),
    () => tellDropChapter(scene, signed),
    () => tellBurnChapter(scene),
    () => tellBooks(scene, before, price),
  ];
  // Each builds on the one before.
  for (const tell of chapters) if (!story.hasFailed) await tell();
  return story.end();
}

/** @returns the books before the first payment */
async function tellFunding(scene: Scene): Promise<Books> {
  const { story, devnet, people } = scene;
  story.chapter("The owner has money on the chain, the agent has none");
  story.typed("lez-agent-pay owner create --kind lez");
  await devnet.fund(people.account);
  const deadline = performance.now() + FUNDED_WITHIN_MILLIS;
  while ((await booksOf(scene)).owner === 0n && performance.now() < deadline) await sleep(POLL_MILLIS);
  const books = await booksOf(scene);
  const seen = `${displayAmount(books.owner)}, nonce ${books.nonce}`;
  story.step("The devnet's faucet pays the owner's key of LEZ test money. It comes with a block.", "10 LGO, nonce 0", seen, {
    account: people.account,
    block: String((await devnet.status()).head),
  });
  return books;
}

/** @param price of a report, in lepta */
async function tellBooks(scene: Scene, before: Books, price: bigint): Promise<void> {
  const { story, devnet } = scene;
  story.chapter("The books, as the chain has them");
  const after = await booksOf(scene);
  story.step(
    "The owner signed three payments. The merchant has the two that it delivered for.",
    displayAmount(2n * price),
    displayAmount(after.merchant - before.merchant),
  );
  const fee = maxFeeFor((await devnet.sequencer.feeState()).base, 0);
  story.step(
    "The owner paid those two, and the chain's fee for three transfers.",
    displayAmount(2n * price + 3n * fee),
    displayAmount(before.owner - after.owner),
    { fee: `${fee} lepta each` },
  );
}
