/**
 * Pins of merchants, from earlier visits: each origin's payee, and the key that signs its terms. One file per origin and
 * money, written when a request is made; a quote writes none.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { publicKeySchema, utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { isNativeNetwork, NATIVE_NETWORKS, NETWORK } from "../../shared/lez.ts";
import { MAX_URL_LENGTH } from "../../shared/limits.ts";
import { accountIdSchema } from "../../shared/protocol/account.ts";
import { parseTimestamp, timestampSchema, unixNow } from "../../shared/time.ts";
import type { Context } from "../runtime/context.ts";
import { readBytes, type ReadFailure } from "../runtime/files.ts";
import { MAX_PINS, PIN_SECONDS } from "../runtime/limits.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Failure, type Outcome, succeed, type Success } from "../runtime/outcome.ts";
import { shellLine } from "../runtime/shell-quote.ts";
import { stateDirectory } from "../runtime/state-directory.ts";
import { readState, writeState } from "../runtime/state-file.ts";

const pinSchema = z.strictObject({
  origin: z.string(),
  /** Of the chain itself, where the account is another one. Absent: the mock ledger. */
  network: z.optional(z.enum(NATIVE_NETWORKS)),
  payTo: accountIdSchema,
  /** Absent: the merchant does not sign, or its key could not be fetched. */
  key: z.optional(
    z.strictObject({
      /** The DID URL under which the key was published. */
      kid: z.string().check(z.maxLength(MAX_URL_LENGTH)),
      /** Ed25519, 64 hex digits. */
      publicKey: publicKeySchema,
      since: timestampSchema,
    }),
  ),
  firstSeenAt: timestampSchema,
  lastSeenAt: timestampSchema,
});
const FORMAT = { kind: "pin", what: "merchant's pin", schema: pinSchema };
export type Pin = z.infer<typeof pinSchema>;

/**
 * Returns undefined for a merchant that is unknown on this network. An unreadable pin is a failure: damaging the file must not unpin a
 * merchant.
 */
export function pinOf(context: Context, origin: string, network: string): Outcome<Pin | undefined> {
  const directory = stateDirectory(context, "pins");
  if (!directory.ok) return directory;
  const pin = read(fileOf(directory.data, { origin, network }), origin);
  if (pin.ok || pin.error.code !== "invalid_file" || pin.intact) return pin;
  const hint = `If the owner does not know why, ask. The owner can remove it: lez-agent-pay pins forget ${origin}`;
  return { ...pin, error: { ...pin.error, hint } };
}

/** The pins of a merchant, on whatever network. */
export function pinsOf(context: Context, origin: string): Outcome<Pin[]> {
  const pins: Pin[] = [];
  for (const network of NETWORKS) {
    const pin = pinOf(context, origin, network);
    if (!pin.ok) return pin;
    if (pin.data) pins.push(pin.data);
  }
  return succeed(pins);
}

/** Whether the last visit is too long ago to count. */
export function isExpired({ lastSeenAt }: Pin, now = unixNow()): boolean {
  return (parseTimestamp(lastSeenAt) ?? 0) + PIN_SECONDS < now;
}

export interface UnreadablePin {
  file: string;
  problem: string;
  /** The command that repairs it. */
  fix: string;
}

/** Every pin, most recently seen first, and the unreadable ones. */
export function allPins(context: Context): Outcome<{ pins: Pin[]; unreadable: UnreadablePin[] }> {
  const directory = stateDirectory(context, "pins");
  if (!directory.ok) return directory;
  const pins: Pin[] = [];
  const unreadable: UnreadablePin[] = [];
  for (const name of fs.readdirSync(directory.data).filter((name) => name.endsWith(".json"))) {
    const file = path.join(directory.data, name);
    const pin = readNamed(directory.data, file);
    if (pin.ok) pins.push(...(pin.data ? [pin.data] : []));
    else unreadable.push({ file, problem: pin.error.message, fix: fixOf(pin, directory.data, file) });
  }
  return succeed({ pins: pins.sort((a, b) => b.lastSeenAt.localeCompare(a.lastSeenAt)), unreadable });
}

function readNamed(directory: string, file: string): Success<Pin | undefined> | ReadFailure {
  const pin = read(file);
  return pin.ok && pin.data && fileOf(directory, pin.data) !== file ? ofAnother(file) : pin;
}

/** An origin in the damaged text is believed only if the file is named after it. */
function fixOf({ error, intact }: ReadFailure, directory: string, file: string): string {
  if (error.code !== "invalid_file" || intact) return error.hint ?? "";
  const bytes = readBytes(file, { what: "merchant's pin" });
  const [, origin] = (bytes.ok && /"origin":\s*"([^"\\]+)"/.exec(Buffer.from(bytes.data).toString())) || [];
  const known = origin !== undefined && filesOf(directory, origin).includes(file);
  return known ? shellLine(["lez-agent-pay", "pins", "forget", origin]) : shellLine(["rm", file]);
}

/** @param before the pin that the merchant was judged by; if it has changed since, nothing is written */
export function writePin(context: Context, pin: Pin, before: Pin | undefined): Promise<Outcome<undefined>> {
  return exclusively(context, () => storePin(context, pin, before));
}

/** Writes a pin as part of a change that holds the lock. */
export function storePin(context: Context, pin: Pin, before: Pin | undefined): Outcome<undefined> {
  const [directory, now, all] = [stateDirectory(context, "pins"), pinOf(context, pin.origin, networkOf(pin)), allPins(context)];
  if (!directory.ok) return directory;
  if (!now.ok) return now;
  if (!all.ok) return all;
  if (identity(now.data) !== identity(before)) return fail("busy", `Another lez-agent-pay has just pinned ${pin.origin}. Run it again.`);
  // Make room for the new one: the least recently seen pins go.
  const surplus = now.data ? [] : all.data.pins.slice(MAX_PINS - 1);
  for (const other of surplus) fs.rmSync(fileOf(directory.data, other), { force: true });
  return writeState(fileOf(directory.data, pin), FORMAT, pin);
}

/** Removes a merchant's pins. Returns whether there was one, readable or not. @param dryRun keeps them */
export function forgetPin(context: Context, origin: string, dryRun: boolean): Promise<Outcome<boolean>> {
  return exclusively(context, () => {
    const directory = stateDirectory(context, "pins");
    if (!directory.ok) return directory;
    const files = filesOf(directory.data, origin).filter((file) => fs.existsSync(file));
    if (!dryRun) for (const file of files) fs.rmSync(file, { force: true });
    return succeed(files.length > 0);
  });
}

function identity(pin: Pin | undefined): string {
  return JSON.stringify([pin?.payTo, pin?.key?.publicKey]);
}

function read(file: string, origin?: string): Success<Pin | undefined> | ReadFailure {
  if (!fs.existsSync(file)) return succeed(undefined);
  const pin = readState(file, FORMAT);
  if (!pin.ok || origin === undefined || pin.data.origin === origin) return pin;
  return ofAnother(file);
}

function ofAnother(file: string): Failure {
  return fail("invalid_file", `The pin "${file}" belongs to another merchant.`);
}

const NETWORKS = [NETWORK, ...NATIVE_NETWORKS];

export function networkOf({ network }: Pick<Pin, "network">): string {
  return network ?? NETWORK;
}

/** Whether it names an account of the mock ledger. */
export function isOfLedger({ network }: Pick<Pin, "network">): boolean {
  return network === undefined;
}

function filesOf(directory: string, origin: string): string[] {
  return NETWORKS.map((network) => fileOf(directory, { origin, network }));
}

function fileOf(directory: string, { origin, network }: { origin: string; network?: string | undefined }): string {
  const name = network !== undefined && isNativeNetwork(network) ? `${origin} ${network}` : origin;
  return path.join(directory, `${bodyDigest(utf8(name))}.json`);
}
