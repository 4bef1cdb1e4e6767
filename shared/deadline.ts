/** Waiting for something, but not for ever. */

export const LATE = Symbol("late");

/** The result of `work`, or LATE after `seconds`. The work itself goes on; whoever can stop it must. */
export async function withDeadline<T>(work: Promise<T>, seconds: number): Promise<T | typeof LATE> {
  const late = Promise.withResolvers<typeof LATE>();
  const timer = setTimeout(() => late.resolve(LATE), seconds * 1000);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
