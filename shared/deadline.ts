/** Promises with a deadline. */

export const LATE = Symbol("late");

/**
 * Resolves to the result of `work`, or to LATE after `seconds` (Infinity: never). The work itself goes on; the caller stops it.
 * @param onWait called if the work takes more than a moment
 */
export async function withDeadline<T>(work: Promise<T>, seconds: number, onWait?: () => void): Promise<T | typeof LATE> {
  if (seconds === Infinity) return work;
  // Work without I/O ends within a few microtasks, which cost less than a timer.
  const soon = await Promise.race([work, moment()]);
  if (soon !== LATE) return soon;
  onWait?.();
  const late = Promise.withResolvers<typeof LATE>();
  const timer = setTimeout(() => late.resolve(LATE), seconds * 1000);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Turns of the microtask queue: enough for a handler that only computes, inside its middleware. */
async function moment(): Promise<typeof LATE> {
  for (let turn = 0; turn < 16; turn++) await Promise.resolve();
  return LATE;
}
