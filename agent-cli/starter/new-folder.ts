/** A new folder, whole or not at all: filled under a temporary name beside its place, then renamed. */

import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileFailure, reasonOf } from "../runtime/files.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";

export interface NewFolder {
  /** Fill this one. */
  temporary: string;
  /** Gives it its name. Nothing interrupts this. */
  place(): void;
  /** Removes what was not placed. */
  discard(): void;
}

/** @param folder does not exist, or is empty */
export function beginFolder(folder: string): Outcome<NewFolder> {
  const place = path.resolve(folder);
  const taken = takenBy(place);
  if (taken) return taken;
  const temporary = path.join(path.dirname(place), `.${path.basename(place)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    fs.mkdirSync(temporary);
  } catch (error) {
    return notWritten(place, error);
  }
  return succeed({
    temporary,
    place: () => moveInto(temporary, place),
    discard: () => fs.rmSync(temporary, { recursive: true, force: true }),
  });
}

function takenBy(place: string): Failure | undefined {
  const stat = fs.statSync(place, { throwIfNoEntry: false }) ?? fs.lstatSync(place, { throwIfNoEntry: false });
  if (!stat) return undefined;
  if (!stat.isDirectory()) return fail("file_exists", `"${place}" exists and is not a folder.`, { hint: "Name a new folder." });
  try {
    if (fs.readdirSync(place).length > 0) {
      return fail("file_exists", `The folder "${place}" is not empty.`, { hint: "Name a new or an empty folder." });
    }
    fs.accessSync(place, fs.constants.W_OK | fs.constants.X_OK);
    return undefined;
  } catch (error) {
    return notWritten(place, error);
  }
}

/** An empty folder is kept and filled: it may be the current one of the shell that runs this. */
function moveInto(temporary: string, place: string): void {
  if (!fs.existsSync(place)) return fs.renameSync(temporary, place);
  for (const name of fs.readdirSync(temporary)) fs.renameSync(path.join(temporary, name), path.join(place, name));
  fs.rmdirSync(temporary);
}

function notWritten(place: string, error: unknown): Failure {
  return (
    fileFailure(error, place) ??
    fail("file_not_written", `Cannot write "${place}": ${reasonOf(error)}.`, {
      hint: "Check that the folder above it exists and is yours to write.",
    })
  );
}
