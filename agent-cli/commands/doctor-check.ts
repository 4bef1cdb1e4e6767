/** One line of `doctor`. */

import * as z from "zod";
import type { Outcome } from "../runtime/outcome.ts";

export const CHECKS = [
  "node",
  "configuration",
  "state directory",
  "agent key",
  "owner key",
  "network",
  "facilitator",
  "ledger",
  "clock",
  "chain",
  "nonces",
  "desk",
  "inbox",
  "audit log",
] as const;

export const checkSchema = z.strictObject({
  check: z.enum(CHECKS),
  /** `note`: worth knowing, but no obstacle. */
  verdict: z.enum(["good", "note", "bad"]),
  detail: z.string(),
  /** How to fix it. */
  fix: z.string().optional(),
});
export type Check = z.infer<typeof checkSchema>;

export function failed(check: Check["check"], { error }: Extract<Outcome<unknown>, { ok: false }>): Check {
  return { check, verdict: "bad", detail: error.message, ...(error.hint && { fix: error.hint }) };
}
