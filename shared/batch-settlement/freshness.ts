/** How long a merchant accepts vouchers by what it last heard of a session. spec/sessions.md. */

import { SESSION_FRESH_PART, SESSION_FRESH_SECONDS } from "../limits.ts";

/**
 * Shorter than the withdraw delay, so a merchant hears that a session is closing while it can still claim what it served.
 * @param withdrawDelay the session's, in seconds
 * @returns seconds from the ledger's answer on
 */
export function freshSeconds(withdrawDelay: number): number {
  return Math.min(SESSION_FRESH_SECONDS, withdrawDelay / SESSION_FRESH_PART);
}
