/**
 * Calls of facilitators of version 0.1: the trace id comes first, and reserve says `hold` where ReserveCommand has its own members.
 * Delete this file when no facilitator of 0.1 is deployed.
 */

import * as z from "zod/mini";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { checkShape } from "../../shared/text/json.ts";
import { wholeNumber } from "../../shared/whole-number.ts";

/** The two arguments in today's order and shape. A present caller never sends text first. */
export function fromEitherVersion(first: unknown, second: unknown): [args: unknown, traceId: unknown] {
  return typeof first === "string" ? [reserveCommandOf(second), first] : [first, second];
}

const reserveSchema = z.strictObject({
  payment: z.unknown(),
  hold: z.strictObject({ reservationId: digestSchema, fingerprint: digestSchema, seconds: wholeNumber() }),
});

/** Arguments of every other method are the same in both versions, and pass. */
function reserveCommandOf(args: unknown): unknown {
  const reserve = checkShape(args, reserveSchema);
  if (!reserve.ok) return args;
  const { payment, hold } = reserve.value;
  return { payment, reservationId: hold.reservationId, holdSeconds: hold.seconds };
}
