/** Setting a ledger's time by its operator: what is asked, and what is at risk. */

import * as z from "zod/mini";
import { wholeNumber } from "../whole-number.ts";

/** The operator types it to set the time behind something that was refused or forgotten forever. */
export const CLOCK_RISK = "payments that were refused as expired, or paid and forgotten, can be paid again";

/** `to`: unix seconds. `key`: the operator's bearer key. */
export const setClockSchema = z.strictObject({ to: wholeNumber(), key: z.string(), risk: z.optional(z.literal(CLOCK_RISK)) });
export type SetClock = z.infer<typeof setClockSchema>;

/** A shard's time. All in unix seconds. */
export interface ShardClock {
  shard: number;
  /** The ledger's time on this shard. */
  now: number;
  /** The latest time at which the shard refused or forgot something forever. */
  final: number;
  /** The clock of the shard's machine. */
  machine: number;
}
