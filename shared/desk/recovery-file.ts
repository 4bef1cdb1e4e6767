/**
 * The recovery file: how an account of a policy is made, which no assertion and no ledger says. Nothing in it is secret. The page of a
 * hosted desk makes one, `policy create` too; `recover` and the page read it.
 */

import * as z from "zod/mini";
import { hexSchema } from "../crypto/bytes.ts";
import { MAX_FILE_BYTES, MAX_NAME_LENGTH } from "../limits.ts";
import { type AccountId, accountIdSchema } from "../protocol/account.ts";
import { accountOfPolicy, policySchema } from "../protocol/policy.ts";
import { parseJson } from "../text/json.ts";
import type { KeyRecord } from "./hosted-api.ts";

const RECOVERY_FORMAT = "lez-agent-pay/recovery/1";

export const recoverySchema = z.strictObject({
  format: z.literal(RECOVERY_FORMAT),
  account: accountIdSchema,
  policy: policySchema,
  /** Of a page: without the point, which an assertion does not bring, a passkey proves nothing. */
  passkeys: z.optional(
    z.array(
      z.strictObject({
        /** base64url: its name at the authenticator. */
        credentialId: z.string(),
        /** A P-256 point, compressed. */
        publicKey: hexSchema(33),
        /** Its domain, with which it ends. */
        rpId: z.string(),
        label: z.string().check(z.maxLength(MAX_NAME_LENGTH)),
      }),
    ),
  ),
});
export type RecoveryFile = z.infer<typeof recoverySchema>;

export function recoveryFile({ account, policy, passkeys }: Omit<RecoveryFile, "format">): RecoveryFile {
  return { format: RECOVERY_FORMAT, account, policy, ...(passkeys && { passkeys }) };
}

/** Undefined if the account is the one that its policy makes; else the one that it makes. */
export function otherAccount({ account, policy }: RecoveryFile): AccountId | undefined {
  const made = accountOfPolicy(policy);
  return made === account ? undefined : made;
}

/** Reads the file as a page of the desk needs it. */
export function readRecovery(text: string): { ok: true; record: KeyRecord } | { ok: false; problem: string } {
  const parsed = parseJson(text, MAX_FILE_BYTES, recoverySchema);
  if (!parsed.ok) return { ok: false, problem: `This is no recovery file: ${parsed.problem}.` };
  if (otherAccount(parsed.value)) return { ok: false, problem: "This recovery file names an account that its policy does not make." };
  const { account, policy, passkeys = [] } = parsed.value;
  return { ok: true, record: { account, policy, passkeys } };
}
