/** Which account a command is about: the one named, or the one of the owner's key file. Needs no passphrase. */
import * as z from "zod";
import { type AccountId, parseAccountId } from "../shared/account.ts";
import { readKeyFile } from "./keystore.ts";
import { fail, type Outcome, succeed } from "./outcome.ts";

export const accountFields = {
  account: z.string().optional().meta({ description: "the account; else that of the owner's key" }),
  ownerFile: z.string().default("owner.json").meta({ value: "file", description: "the owner's key; owner.json" }),
};

export function accountOf({ account, ownerFile }: { account?: string | undefined; ownerFile: string }): Outcome<AccountId> {
  if (account === undefined) {
    const key = readKeyFile(ownerFile, "owner");
    return key.ok ? succeed(key.data.account) : key;
  }
  const parsed = parseAccountId(account);
  return parsed.ok ? succeed(parsed.account) : fail("usage", `--account: ${parsed.problem}.`);
}
