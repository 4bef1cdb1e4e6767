/** Calls until the platform's rate limit refuses. */

/** The limits of a stack that is to be flooded: low, so that a flood is short. */
export const LOW_LIMITS = { CALL_LIMIT: 20 };

/** Resolves to the first answer 429. The platform counts in windows of its own: a round may fall into two, but not every round does. */
export async function floodUntilLimited<Answer extends { status: number }>(call: () => Promise<Answer>): Promise<Answer | undefined> {
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(Array.from({ length: LOW_LIMITS.CALL_LIMIT + 10 }, call));
    const limited = answers.find(({ status }) => status === 429);
    if (limited) return limited;
  }
  return undefined;
}
