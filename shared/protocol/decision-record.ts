/** A decision in a file, signed or not. Not in decision.ts: the facilitator takes signed ones only, and its bundle stays smaller. */

import * as z from "zod/mini";
import { decisionSchema, signedDecisionSchema } from "./decision.ts";

export const decisionRecordSchema = z.discriminatedUnion("signed", [
  z.strictObject({ decision: decisionSchema, signed: z.literal(false) }),
  signedDecisionSchema,
]);
