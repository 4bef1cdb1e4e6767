/** Checks a command's output file before anything is paid, signed or created for it. */

import * as path from "node:path";
import type { Context } from "../runtime/context.ts";
import { checkWritable, ensureOwnDirectory } from "../runtime/files.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { newKeyFile, ownerKeyInPlace, type Role } from "./key-file.ts";
import { newLezKeyFile } from "./lez-key-file.ts";

/**
 * @param file undefined if the command writes none
 * @param force replace an existing file, unless it cannot be made again
 * @param copied the account whose sealed key will be written: an older copy of it may be replaced
 */
export function checkDestination(file: string | undefined, force: boolean, copied?: string): Outcome<undefined> {
  if (file === undefined) return succeed(undefined);
  return ownerKeyInPlace(file, copied) ?? checkWritable(file, force);
}

/** The file for a new key of the chain itself, in a folder as for any other. */
export function lezKeyDestination(context: Context, given: string | undefined, force: boolean): Outcome<string> {
  return inItsFolder(newLezKeyFile(context, given), given, (file) => checkDestination(file, force));
}

/**
 * The file for a new key. The folder of the default is created if it does not exist; a folder that the user named is not.
 * @param check whether the key can be written there
 */
export function keyDestination(
  context: Context,
  role: Role,
  given: string | undefined,
  check: (file: string) => Outcome<undefined>,
): Outcome<string> {
  const file = newKeyFile(context, role, given);
  return file.ok ? inItsFolder(file.data, given, check) : file;
}

function inItsFolder(file: string, given: string | undefined, check: (file: string) => Outcome<undefined>): Outcome<string> {
  const folder = given === undefined ? ensureOwnDirectory(path.dirname(file)) : succeed(undefined);
  const writable = folder.ok ? check(file) : folder;
  return writable.ok ? succeed(file) : writable;
}
