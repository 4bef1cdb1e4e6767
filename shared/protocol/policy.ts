/** The Policy: keys of which so many together control an account. spec/protocol.md §17. */

import { sha256 } from "@noble/hashes/sha2.js";
import * as z from "zod/mini";
import { concatBytes, utf8 } from "../crypto/bytes.ts";
import { canonicalJson } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { MAX_MADE_THRESHOLD, MAX_POLICY_KEYS } from "../limits.ts";
import { checkShape } from "../text/json.ts";
import { accountIdSchema, type AccountId, accountOfBytes } from "./account.ts";
import { wholeText } from "./whole-text.ts";

/** Its account is a hash of it, so it can never be changed: other keys are another account. */
export const policySchema = z
  .strictObject({
    version: z.literal("1"),
    /** How many of the keys spend together. */
    threshold: wholeText(1, MAX_POLICY_KEYS),
    /** Accounts of keys and passkeys. A policy cannot be one: no proof of a member is a policy's. */
    keys: z.array(accountIdSchema).check(
      z.refine((keys) => keys.length >= 1 && keys.length <= MAX_POLICY_KEYS, `must have 1 to ${MAX_POLICY_KEYS} entries`),
      z.refine((keys) => keys.every((key, i) => i === 0 || String(keys[i - 1]) < key), "must be sorted, without repetition"),
    ),
  })
  .check(z.refine(({ threshold, keys }) => Number(threshold) <= keys.length, "threshold: is more than there are keys"));
export type Policy = z.infer<typeof policySchema>;

/** 32 bytes, its final zero included, like those of the other kinds. */
const PREFIX = utf8("/LEZ-x402/v1/AccountId/Policy//\0");

/** The account that the policy controls. */
export function accountOfPolicy(policy: Policy): AccountId {
  return accountOfBytes(sha256(concatBytes([PREFIX, sha256(utf8(canonicalJson(policy)))])));
}

/**
 * A policy that is about to be made, with the keys in order. One whose mandates would not fit is refused here, before it has money.
 * @param keys accounts of keys and passkeys, in any order
 */
export function newPolicy(
  threshold: number,
  keys: readonly AccountId[],
): { ok: true; policy: Policy; account: AccountId } | { ok: false; code: ErrorCode; problem: string } {
  const made = checkShape({ version: "1", threshold: String(threshold), keys: keys.toSorted((a, b) => (a < b ? -1 : 1)) }, policySchema);
  if (!made.ok) return { ok: false, code: made.code, problem: made.problem };
  if (threshold > MAX_MADE_THRESHOLD) {
    const problem = `threshold: a mandate of ${threshold} passkeys takes more bytes than mandates may have. At most ${MAX_MADE_THRESHOLD} keys can sign together.`;
    return { ok: false, code: "payload_too_large", problem };
  }
  return { ok: true, policy: made.value, account: accountOfPolicy(made.value) };
}
