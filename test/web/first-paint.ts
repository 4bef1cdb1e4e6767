/** How soon a page shows something at a quarter of the processor's speed, by Chromium's own clock. */

import { expect } from "vitest";
import type { Browser } from "./chromium.ts";

const SLOWDOWN = 4;
/** Milliseconds on a machine that does nothing else. */
const LIMIT_MILLIS = 300;
const ROUNDS = 3;
/** Bursts of other work do not last. */
const MAX_ROUNDS = 18;

/**
 * Expects the first contentful paint within the limit; on a busy machine within three times that of an empty page of the same origin. It is
 * the median of three, each beside an empty page: what slows one down slows the other. A round that is too slow is repeated.
 * @param link to the page
 */
export async function expectPaintsSoon(browser: Pick<Browser, "context">, link: string): Promise<void> {
  const empty = `${new URL(link).origin}/empty`;
  const times: { empty: number[]; desk: number[] } = { empty: [], desk: [] };
  const limit = () => Math.max(LIMIT_MILLIS, 3 * median(times.empty));
  while (times.desk.length < MAX_ROUNDS && (times.desk.length % ROUNDS > 0 || !(median(times.desk) <= limit()))) {
    times.empty.push(await firstPaint(browser, empty));
    times.desk.push(await firstPaint(browser, link));
  }
  console.log(`first contentful paint at ${SLOWDOWN}x slowdown, ms: ${JSON.stringify(times)}`);
  expect(median(times.desk)).toBeLessThanOrEqual(limit());
}

/** Each profile is closed before the next opens: a slowed one takes processor time as long as it is there. */
async function firstPaint(browser: Pick<Browser, "context">, url: string): Promise<number> {
  const context = await browser.context(); // with the browser's own clock, which times paints
  const page = await context.newPage();
  await page.route("**/empty", (route) => route.fulfill({ contentType: "text/html", body: "<h1>Empty</h1>" }));
  const session = await context.newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWDOWN });
  await page.goto(url, { waitUntil: "commit" });
  let at = 0;
  const read = async () => (at = Number(await page.evaluate(`performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0`)));
  await expect.poll(read).toBeGreaterThan(0);
  await context.close();
  return at;
}

/** Of the last round. */
function median(times: readonly number[]): number {
  return times.slice(-ROUNDS).toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? Number.NaN;
}
