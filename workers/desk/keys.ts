/** The account's record of its keys: which passkeys the page may ask for, and of which policy. Public; it proves nothing by itself. */

import { sha256 } from "@noble/hashes/sha2.js";
import * as z from "zod/mini";
import { fromBase64url, hexSchema, hexToBytes, utf8 } from "../../shared/crypto/bytes.ts";
import type { KeyRecord } from "../../shared/desk/hosted-api.ts";
import { MAX_DESK_PASSKEYS, MAX_NAME_LENGTH } from "../../shared/limits.ts";
import { type AccountId, accountIdSchema, accountOfPasskey } from "../../shared/protocol/account.ts";
import { accountOfPolicy, policySchema } from "../../shared/protocol/policy.ts";
import { nameText } from "../../shared/text/text.ts";
import { deskSetting, putDeskSetting } from "./settings.ts";
import type { DeskStore } from "./store.ts";

const MAX_CREDENTIAL_ID_LENGTH = 1400;
const MAX_RP_ID_LENGTH = 253;

const passkeySchema = z.strictObject({
  credentialId: z.string().check(
    z.maxLength(MAX_CREDENTIAL_ID_LENGTH),
    z.refine((text) => text.length > 0 && fromBase64url(text) !== undefined, "must be base64url"),
  ),
  publicKey: hexSchema(33),
  rpId: z.string().check(z.minLength(1), z.maxLength(MAX_RP_ID_LENGTH)),
  label: nameText(MAX_NAME_LENGTH),
});

export const keyRecordSchema = z
  .strictObject({
    account: accountIdSchema,
    policy: z.optional(policySchema),
    passkeys: z.array(passkeySchema).check(z.maxLength(MAX_DESK_PASSKEYS, `must have at most ${MAX_DESK_PASSKEYS} entries`)),
  })
  .check(
    z.refine(({ account, policy }) => policy === undefined || accountOfPolicy(policy) === account, "policy: is of another account"),
    z.refine(({ account, policy, passkeys }) => {
      const keys: readonly string[] = policy?.keys ?? [account];
      return passkeys.every(({ rpId, publicKey }) => keys.includes(accountOfPasskey(sha256(utf8(rpId)), hexToBytes(publicKey))));
    }, "passkeys: one is no key of the account"),
  );

/** Of an account that the desk does not know: none. */
export function keyRecord(store: DeskStore, account: AccountId): KeyRecord {
  const kept = deskSetting(store, "keys");
  return kept === undefined ? { account, passkeys: [] } : (JSON.parse(kept) as KeyRecord);
}

export function keepKeys(store: DeskStore, record: KeyRecord): void {
  putDeskSetting(store, "keys", JSON.stringify(record));
}
