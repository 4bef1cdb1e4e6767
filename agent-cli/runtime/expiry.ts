/** How an end of validity appears in the data of every command. */

import * as z from "zod";
import { deadlineText } from "../../shared/screen/duration.ts";
import { formatTimestamp } from "../../shared/time.ts";

export const expirySchema = { expiresAt: z.string(), expiresInSeconds: z.number() };

export interface Expiry {
  expiresAt: string;
  expiresInSeconds: number;
}

/** @param at unix seconds */
export function expiry(at: number, now: number): Expiry {
  return { expiresAt: formatTimestamp(at), expiresInSeconds: at - now };
}

export function expiryText({ expiresAt, expiresInSeconds }: Expiry): string {
  return deadlineText(expiresAt, expiresInSeconds);
}
