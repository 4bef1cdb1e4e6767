/** The files that a command's user names: for an owner any file, for an agent those of `agent-files.ts`. */

import { checkWritable, copyWhole, readBytes, type ReadFailure, type ReadOptions, writeWhole } from "./files.ts";
import { fail, type Outcome, type Success } from "./outcome.ts";

export interface UserFiles {
  read: (file: string, options: ReadOptions) => Success<Uint8Array> | ReadFailure;
  /** Refuses early what `writeNew` would refuse. */
  checkNew: (file: string) => Outcome<undefined>;
  /** Writes a file that does not exist yet, whole or not at all. */
  writeNew: (file: string, content: Uint8Array | string) => Outcome<undefined>;
  /** Copies a file of ours, of any size, to one that does not exist yet. */
  copyNew: (from: string, file: string) => Promise<Outcome<undefined>>;
}

/** Any file that the user can reach. */
export const anyFiles: UserFiles = {
  read: readBytes,
  checkNew: (file) => checkWritable(file, false),
  writeNew: (file, content) => writeWhole(file, content, false),
  copyNew: (from, file) => copyWhole(from, file, false),
};

const refused = fail("file_not_allowed", "No file can be named here.");

/** Until it is known whose command runs. */
export const noFiles: UserFiles = {
  read: () => refused,
  checkNew: () => refused,
  writeNew: () => refused,
  copyNew: () => Promise.resolve(refused),
};
