/** Ctrl-C at a terminal ends the Workers too: what fails in a story then is the interrupt, and no fault. */

import { setTimeout as sleep } from "node:timers/promises";
import { interrupted } from "../prompts/prompts.ts";
import type { Context } from "../runtime/context.ts";
import type { Outcome } from "../runtime/outcome.ts";

/** The Workers may end a moment before this process hears of the signal. */
const SIGNAL_MILLIS = 200;

/** @throws what `tell` throws, unless the user has interrupted it */
export async function unlessInterrupted<Data>({ io: { signal } }: Context, tell: () => Promise<Outcome<Data>>): Promise<Outcome<Data>> {
  try {
    const outcome = await tell();
    return outcome.ok || !signal.aborted ? outcome : interrupted();
  } catch (error) {
    await sleep(SIGNAL_MILLIS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return interrupted();
    throw error;
  }
}
