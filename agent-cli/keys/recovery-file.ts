/** Recovery files on disk: of an account that is no key's. */

import { otherAccount, type RecoveryFile, recoverySchema } from "../../shared/desk/recovery-file.ts";
import type { Context } from "../runtime/context.ts";
import { readJson } from "../runtime/files.ts";
import { fail, type Outcome } from "../runtime/outcome.ts";

export function readRecoveryFile(_context: Context, file: string): Outcome<RecoveryFile> {
  const read = readJson(file, recoverySchema, { what: "recovery file", named: true });
  if (!read.ok || !otherAccount(read.data)) return read;
  return fail("invalid_file", `The recovery file "${file}" names the account ${read.data.account}, which its policy does not make.`);
}
