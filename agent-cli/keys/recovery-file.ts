/** Recovery files: how an account that is no key's is made, which no assertion and no ledger says. Nothing in it is secret. */

import * as z from "zod";
import { hexSchema } from "../../shared/crypto/bytes.ts";
import { accountIdSchema } from "../../shared/protocol/account.ts";
import { accountOfPolicy, policySchema } from "../../shared/protocol/policy.ts";
import type { Context } from "../runtime/context.ts";
import { readJson } from "../runtime/files.ts";
import { fail, type Outcome } from "../runtime/outcome.ts";

export const RECOVERY_FORMAT = "lez-agent-pay/recovery/1";

const recoverySchema = z.strictObject({
  format: z.literal(RECOVERY_FORMAT),
  account: accountIdSchema,
  policy: policySchema,
  /** The passkey of the page that made it: its domain, its name at the authenticator, its point. */
  rpId: z.string().optional(),
  credentialId: z.string().optional(),
  publicKey: z.optional(hexSchema(33)),
});
export type RecoveryFile = z.infer<typeof recoverySchema>;

export function readRecoveryFile(_context: Context, file: string): Outcome<RecoveryFile> {
  const read = readJson(file, recoverySchema, { what: "recovery file", named: true });
  if (!read.ok || accountOfPolicy(read.data.policy) === read.data.account) return read;
  return fail("invalid_file", `The recovery file "${file}" names the account ${read.data.account}, which its policy does not make.`);
}
