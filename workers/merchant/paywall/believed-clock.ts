/** Whether an object's alarm may act on what its machine's clock says. */

import { MAX_CLOCK_STEP_SECONDS } from "../../../shared/limits.ts";
import { logOnceAMinute } from "./log.ts";

/** Since when an alarm doubts this machine's clock, in unix seconds. */
const DOUBTED_SINCE = "doubted_since";

/**
 * False for an alarm that comes more than a day after what was `due`: it runs on a wrong clock, or the object slept. A clock that says the
 * same a day later is believed.
 * @param object named in the log
 */
export function believesClock({ kv }: DurableObjectStorage, now: number, due: number, object: string): boolean {
  const doubted = now - (kv.get<number>(DOUBTED_SINCE) ?? 0);
  const believed = now <= due + MAX_CLOCK_STEP_SECONDS || (doubted >= MAX_CLOCK_STEP_SECONDS && doubted <= 2 * MAX_CLOCK_STEP_SECONDS);
  if (believed) kv.delete(DOUBTED_SINCE);
  else {
    if (doubted < 0 || doubted > MAX_CLOCK_STEP_SECONDS) kv.put(DOUBTED_SINCE, now);
    logOnceAMinute("clock.jumped", object, { traceId: "", machine: now, due });
  }
  return believed;
}
