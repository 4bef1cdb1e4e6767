/** Calling until the platform's rate limit says no. */
import { MAX_CALLS_PER_PERIOD } from "../../shared/limits.ts";

/** The first answer 429. The platform counts in windows of its own, so a round may fall into two; some round does not. */
export async function floodUntilLimited<Answer extends { status: number }>(call: () => Promise<Answer>): Promise<Answer | undefined> {
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(Array.from({ length: MAX_CALLS_PER_PERIOD + 50 }, call));
    const limited = answers.find(({ status }) => status === 429);
    if (limited) return limited;
  }
  return undefined;
}
