/** Checks a command's output file before anything is paid, signed or created for it. */
import type { AccountId } from "../../shared/protocol/account.ts";
import { checkWritable } from "../runtime/files.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { ownerKeyInPlace } from "./key-file.ts";

/**
 * @param file undefined if the command writes none
 * @param force replace an existing file, unless it cannot be made again
 * @param copied the account whose sealed key will be written: an older copy of it may be replaced
 */
export function checkDestination(file: string | undefined, force: boolean, copied?: AccountId): Outcome<undefined> {
  if (file === undefined) return succeed(undefined);
  return ownerKeyInPlace(file, copied) ?? checkWritable(file, force);
}
