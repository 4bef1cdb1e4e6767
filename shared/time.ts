/** Times in signed objects and on the screen: unix seconds and RFC 3339. */

import * as z from "zod/mini";

/** RFC 3339 in UTC, whole seconds, real calendar dates only. */
export const timestampSchema = z
  .string()
  .check(z.refine((text) => parseTimestamp(text) !== undefined, "must be an RFC 3339 UTC time like 2026-01-31T12:00:00Z"));

/** Unix seconds as a decimal string. */
export const unixSecondsText = z.string().check(z.regex(/^(0|[1-9][0-9]{0,11})$/, "must be unix seconds as a decimal string"));

/** Unix seconds of a timestamp; undefined when it is not one. */
export function parseTimestamp(text: string): number | undefined {
  const millis = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(millis) && formatTimestamp(millis / 1000) === text ? millis / 1000 : undefined;
}

/** @param unixSeconds whole seconds since 1970 */
export function formatTimestamp(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString().replace(".000Z", "Z");
}

/** The last second of the last year that RFC 3339 can name. */
export const MAX_UNIX_SECONDS = 253_402_300_799;

/** The clock of this machine in unix seconds. */
export function unixNow(): number {
  return Math.floor(Date.now() / 1000);
}

const CLOCK = "the clock here says ";

/** The `detail` of a refusal that depends on the time. */
export function clockDetail(now: number): string {
  return CLOCK + formatTimestamp(now);
}

/** Unix seconds of such a detail; undefined for any other. */
export function clockInDetail(detail: string): number | undefined {
  return detail.startsWith(CLOCK) ? parseTimestamp(detail.slice(CLOCK.length)) : undefined;
}
