/** One change at this desk, before it is signed. */

import { randomDigest } from "../../../../shared/crypto/digest.ts";
import type { SettingName } from "../../../../shared/desk/hosted-api.ts";
import type { AccountId } from "../../../../shared/protocol/account.ts";
import type { DeskSetting } from "../../../../shared/protocol/desk.ts";
import { unixNow } from "../../../../shared/time.ts";

export function deskSettingOf(account: AccountId, setting: SettingName, value: object): DeskSetting {
  const issuedAt = String(unixNow());
  return { version: "1", desk: location.origin, account, setting, value: JSON.stringify(value), issuedAt, nonce: randomDigest() };
}
