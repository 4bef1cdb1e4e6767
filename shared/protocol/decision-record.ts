/** A decision as files hold it, signed or not. Apart from decision.ts, since the facilitator takes signed ones only and need not carry this. */
import * as z from "zod/mini";
import { decisionSchema, signedDecisionSchema } from "./decision.ts";

export const decisionRecordSchema = z.discriminatedUnion("signed", [
  z.strictObject({ decision: decisionSchema, signed: z.literal(false) }),
  signedDecisionSchema,
]);
