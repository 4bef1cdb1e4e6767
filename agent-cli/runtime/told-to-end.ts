/** The end of a command that serves until it is told to stop. */

import { PARENT_POLL_MILLIS } from "./limits.ts";

/** Waits for the signal. If the parent was killed, no one is left to send one. */
export async function toldToEnd(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const parent = process.ppid;
  const watch = setInterval(() => void (process.ppid === parent || resolve()), PARENT_POLL_MILLIS);
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearInterval(watch);
}
