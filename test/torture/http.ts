/** How those in the torture ask: an answer that does not come is nothing special. */

const ANSWER_MILLIS = 5000;

/** Longer than any outage of the torture. */
export const PATIENCE_MILLIS = 90_000;

/** Answers after which the same call may be made again. */
export const MAYBE_LATER: ReadonlySet<string> = new Set([
  "no answer",
  "settlement_pending",
  "facilitator_unavailable",
  "overloaded",
  "payment_in_progress",
  "reservation_lost",
  "unexpected_settle_error",
  "internal_error",
]);

/** The JSON that was answered; undefined when nothing was. */
export async function get(url: string, init: RequestInit = {}): Promise<unknown> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(ANSWER_MILLIS) });
    return await response.json();
  } catch {
    return undefined;
  }
}

/** As `get`. */
export function post(url: string, body: unknown): Promise<unknown> {
  return get(url, { method: "POST", body: JSON.stringify(body) });
}
