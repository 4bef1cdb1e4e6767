/** Promises with a deadline. */

export const LATE = Symbol("late");

/**
 * Resolves to the result of `work`, or to LATE after `seconds` (Infinity: never). The work itself goes on; the caller stops it.
 * @param onWait called if the work takes more than a moment
 */
export async function withDeadline<T>(work: Promise<T>, seconds: number, onWait?: () => void): Promise<T | typeof LATE> {
  if (seconds === Infinity) return work;
  if (await endsSoon(work)) return work;
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
const MOMENT = 16;

/** Work without I/O ends within a few microtasks, which cost less than a timer. */
async function endsSoon(work: Promise<unknown>): Promise<boolean> {
  const seen = { isOver: false };
  const end = () => void (seen.isOver = true);
  work.then(end, end);
  for (let turn = 0; turn < MOMENT && !seen.isOver; turn++) await Promise.resolve();
  return seen.isOver;
}
