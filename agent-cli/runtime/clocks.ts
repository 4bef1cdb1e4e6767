/** The clocks of this machine and of another one. Signed times are refused if they differ by more than the protocol allows. */

import { CLOCK_SKEW_SECONDS } from "../../shared/limits.ts";
import { duration } from "../../shared/screen/duration.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";

/** Unix seconds. */
export interface Clocks {
  here: number;
  there: number;
}

/** The clocks at an answer that has just come; undefined if its server or a cache hides the time. */
export function clocksAt(headers: Readonly<Record<string, string>>): Clocks | undefined {
  const there = Math.floor(Date.parse(headers["date"] ?? "") / 1000);
  return Number.isNaN(there) || headers["age"] !== undefined ? undefined : { here: unixNow(), there };
}

export function areApart({ here, there }: Clocks): boolean {
  return Math.abs(here - there) > CLOCK_SKEW_SECONDS;
}

/** @param other whose clock the other is, as in `the merchant` */
export function clockSkewText({ here, there }: Clocks, other: string): string {
  const apart = duration(Math.abs(here - there));
  return `Clock skew of ${apart}: it is ${formatTimestamp(here)} on this machine and ${formatTimestamp(there)} by the clock of ${other}.`;
}

export const CLOCK_HINT = "Set this machine's clock, by NTP if it can. If it is right, the other one must be set.";
