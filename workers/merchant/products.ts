/** What the demo merchant sells. Small and deterministic: the point is how it is paid for. */

import { utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";

/** Long enough for an owner to change their mind. */
const RESEARCH_MILLIS = 2000;

const SKIES = ["clear", "cloudy", "rain", "snow", "fog"];

/** The same city always has the same weather. */
export function forecast(city: string) {
  const seed = Number.parseInt(bodyDigest(utf8(city.toLowerCase())).slice(0, 8), 16);
  return { city, sky: SKIES[seed % SKIES.length], celsius: (seed % 45) - 10 };
}

/** The same symbol always costs the same, in cents. */
export function quote(symbol: string) {
  const seed = Number.parseInt(bodyDigest(utf8(symbol.toUpperCase())).slice(0, 8), 16);
  return { symbol: symbol.toUpperCase().slice(0, 12), cents: 100 + (seed % 90_000) };
}

/** The first sentence, and how much there was. */
export function summarize(text: string) {
  const [first = ""] = text.trim().split(/(?<=[.!?])\s/);
  return { summary: first.slice(0, 280), characters: text.length, words: countWords(text) };
}

/** @param most where counting stops */
export function countWords(text: string, most = Infinity): number {
  return Math.min(text.split(/\s+/).filter(Boolean).length, most);
}

/** Work that takes its time: its payment is held meanwhile. */
export async function research() {
  await scheduler.wait(RESEARCH_MILLIS);
  return { finding: "Most agents that overspent had a limit that no ledger counted." };
}

const STORY = "An agent went to market with a purse that its owner had tied shut and every stall took what it had asked for and no more";
const WORD_MILLIS = 20;

/**
 * A story as server-sent events, a word each.
 * @param onWord called before each word goes out
 */
export function story(words: number, onWord: () => void, signal: AbortSignal): ReadableStream<Uint8Array> {
  const told = STORY.split(" ");
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      if (sent >= words || signal.aborted) return controller.close();
      if (sent > 0) await scheduler.wait(WORD_MILLIS);
      onWord();
      controller.enqueue(utf8(`data: ${told[sent++ % told.length]}\n\n`));
    },
  });
}
