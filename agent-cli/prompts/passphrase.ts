/** Reads a passphrase from the terminal, a private file or an open file descriptor. Never from argv or the environment. */

import * as fs from "node:fs";
import * as z from "zod";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { type Context, warn } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { readBytes } from "../runtime/files.ts";
import { MAX_PASSPHRASE_BYTES, MAX_PASSPHRASE_TRIES, MIN_PASSPHRASE_LENGTH } from "../runtime/limits.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";
import { Secret } from "../runtime/secret.ts";
import { askPassphrase, ignoringKeys, interrupted } from "./prompts.ts";

const DESCRIPTOR = "must be the number of an open file descriptor";

export const passphraseFields = {
  passphraseFile: z.string().optional().meta({ value: "file", description: "read the passphrase from this file (mode 0600)" }),
  passphraseFd: z.coerce
    .number(DESCRIPTOR)
    .int(DESCRIPTOR)
    .min(0, DESCRIPTOR)
    .optional()
    .meta({ value: "n", description: "read the passphrase from this open file descriptor" }),
};

export interface PassphraseInput {
  passphraseFile?: string | undefined;
  passphraseFd?: number | undefined;
}

/** The prefix of the passphrase flags: one command takes two passphrases. */
type Flag = "--passphrase" | "--new-passphrase";

/**
 * Opens a key with its passphrase, and returns both; the caller wipes the passphrase. A person can try again after a typing
 * error; a passphrase from a file is tried once.
 */
export async function openWithPassphrase<Opened>(
  context: Context,
  input: PassphraseInput,
  file: string,
  open: (passphrase: Secret) => Promise<Outcome<Opened>>,
): Promise<Outcome<{ opened: Opened; passphrase: Secret }>> {
  const given = context.typed ? succeed(context.typed.passphrase) : givenPassphrase(input, "--passphrase");
  if (given) return given.ok ? keep(given.data, await open(given.data)) : given;
  if (!context.interactive) return passphraseRequired(EXIT.keystoreLocked, "--passphrase");
  for (let tries = 1; ; tries++) {
    const typed = await askPassphrase(context, `Passphrase of ${file}`, () => undefined);
    if (typed === undefined) return unopened();
    const passphrase = secretOf(typed);
    // Opening takes a moment, and the person may still be typing.
    const { result, stopped } = await ignoringKeys(context, open(passphrase));
    const kept = keep(passphrase, result);
    if (stopped) return unopened();
    if (kept.ok || kept.error.code !== "keystore_locked" || tries === MAX_PASSPHRASE_TRIES) return kept;
    warn(context, kept.error.message);
  }
}

function keep<Opened>(passphrase: Secret, result: Outcome<Opened>): Outcome<{ opened: Opened; passphrase: Secret }> {
  if (result.ok) return succeed({ opened: result.data, passphrase });
  passphrase.wipe();
  return result;
}

/** Says nothing of what the caller has written: a command may run as a step of another one. */
function unopened(): Failure {
  return interrupted("No key was opened.");
}

/** A new passphrase, typed twice: a typing error would lock the money away. */
export async function choosePassphrase(context: Context, input: PassphraseInput, flag: Flag): Promise<Outcome<Secret>> {
  const given = givenPassphrase(input, flag);
  if (given) {
    const problem = given.ok ? tooShort(Buffer.from(given.data.reveal()).toString()) : undefined;
    return problem ? fail("usage", `The passphrase is too short: ${problem}.`) : given;
  }
  if (!context.interactive) return passphraseRequired(EXIT.usage, flag);
  const question = flag === "--passphrase" ? "Passphrase for the new owner key" : "New passphrase";
  const first = await askPassphrase(context, question, tooShort);
  const unmade = () => interrupted(flag === "--passphrase" ? "No key was made." : "The passphrase is the old one.");
  if (first === undefined) return unmade();
  const second = await askPassphrase(context, "The same passphrase again", (text) => (text === first ? undefined : "not the same"));
  return second === undefined ? unmade() : succeed(secretOf(first));
}

function tooShort(text: string): string | undefined {
  return Array.from(text).length < MIN_PASSPHRASE_LENGTH ? `at least ${MIN_PASSPHRASE_LENGTH} characters` : undefined;
}

function givenPassphrase({ passphraseFile, passphraseFd }: PassphraseInput, flag: Flag): Outcome<Secret> | undefined {
  if (passphraseFile !== undefined && passphraseFd !== undefined) return fail("usage", `Give either ${flag}-file or ${flag}-fd, not both.`);
  if (passphraseFile !== undefined) {
    const bytes = readBytes(passphraseFile, { what: "passphrase file", maxBytes: MAX_PASSPHRASE_BYTES, secret: true });
    return bytes.ok ? nonEmpty(bytes.data) : bytes;
  }
  return passphraseFd === undefined ? undefined : readDescriptor(passphraseFd, flag);
}

function readDescriptor(fd: number, flag: Flag): Outcome<Secret> {
  const buffer = new Uint8Array(MAX_PASSPHRASE_BYTES + 1);
  let length = 0;
  try {
    for (let read = -1; read !== 0 && length < buffer.length; length += read)
      read = fs.readSync(fd, buffer, length, buffer.length - length, null);
  } catch {
    return fail("usage", `File descriptor ${fd} cannot be read.`, { hint: `Open it, for example: … ${flag}-fd ${fd} ${fd}<FILE` });
  }
  if (length > MAX_PASSPHRASE_BYTES) return fail("usage", `The passphrase is longer than ${MAX_PASSPHRASE_BYTES} bytes.`);
  return nonEmpty(buffer.subarray(0, length));
}

/** Editors end files with a line feed, so one at the end is not part of the passphrase. */
function nonEmpty(bytes: Uint8Array): Outcome<Secret> {
  const text = Buffer.from(bytes)
    .toString("utf8")
    .replace(/\r?\n$/, "");
  bytes.fill(0);
  return text ? succeed(secretOf(text)) : fail("usage", "The passphrase is empty.");
}

/** NFC: two keyboards may encode the same accented letter in two ways. */
export function secretOf(text: string): Secret {
  return new Secret(utf8(text.normalize("NFC")));
}

function passphraseRequired(exit: typeof EXIT.usage | typeof EXIT.keystoreLocked, flag: Flag) {
  return fail("interaction_required", "A passphrase is required, and there is no terminal to ask on.", {
    exit,
    hint: `Run this in a terminal, or give ${flag}-file or ${flag}-fd.`,
  });
}
