/** An audit entry as data of a command. */

import * as z from "zod";

export const auditEntrySchema = z.strictObject({
  /** Absent in entries of version 0.1, whose digests are those of a `JournalEntry`. */
  type: z.literal("AuditEntry").optional(),
  seq: z.string(),
  at: z.string(),
  event: z.string(),
  facts: z.record(z.string(), z.string()),
  previous: z.string(),
  digest: z.string(),
});
