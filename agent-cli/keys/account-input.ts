/** The account of a command: the one named, or that of the owner's key file. Needs no passphrase. */

import * as z from "zod";
import { type AccountId, parseAccountId } from "../../shared/protocol/account.ts";
import { ownerFileField } from "../command-line/fields.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { findKey } from "./key-file.ts";

export const accountFields = {
  account: z.string().optional().meta({ description: "the account; else that of the owner's key" }),
  ownerFile: ownerFileField,
};

export function accountOf(
  context: Context,
  { account, ownerFile }: { account?: string | undefined; ownerFile?: string | undefined },
): Outcome<AccountId> {
  if (account === undefined) {
    const owner = findKey(context, "owner", ownerFile);
    return owner.ok ? succeed(owner.data.key.account) : owner;
  }
  const parsed = parseAccountId(account);
  return parsed.ok ? succeed(parsed.account) : fail("usage", `--account: ${parsed.problem}.`);
}
