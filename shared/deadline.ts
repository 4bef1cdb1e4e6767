/** Waiting for something, but not for ever. */

export const LATE = Symbol("late");

/**
 * The result of `work`, or LATE after `seconds`, if ever. The work itself goes on; whoever can stop it must.
 * @param onWait called if the work takes more than a moment
 */
export async function withDeadline<T>(work: Promise<T>, seconds: number, onWait?: () => void): Promise<T | typeof LATE> {
  if (seconds === Infinity) return work;
  // What needs no I/O is done in a moment, and costs less than a timer.
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

/** A few turns of the microtask queue: enough for a handler that only computes, with the middleware around it. */
async function moment(): Promise<typeof LATE> {
  for (let turn = 0; turn < 16; turn++) await Promise.resolve();
  return LATE;
}
