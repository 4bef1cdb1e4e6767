/** The file that a command is told to write: whether it can be, asked before anything is paid, signed or made for it. */
import type { AccountId } from "../../shared/protocol/account.ts";
import { checkWritable } from "../runtime/files.ts";
import { ownerKeyInPlace } from "./key-file.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";

/**
 * @param file undefined: it is to write none
 * @param force replace what is there, as long as it can be made again
 * @param copied the account whose sealed key is what will be written: an older copy of it may go
 */
export function checkDestination(file: string | undefined, force: boolean, copied?: AccountId): Outcome<undefined> {
  if (file === undefined) return succeed(undefined);
  return ownerKeyInPlace(file, copied) ?? checkWritable(file, force);
}
