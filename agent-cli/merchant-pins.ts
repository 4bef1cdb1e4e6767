/**
 * What is known about merchants from earlier visits: whom each origin asks to be paid, and the key it signs its terms with.
 * One file per origin, written when a request is made and not when somebody only looks.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod/mini";
import { accountIdSchema } from "../shared/account.ts";
import { publicKeySchema, utf8 } from "../shared/bytes.ts";
import { bodyDigest } from "../shared/digest.ts";
import { MAX_PINS, MAX_URL_LENGTH, PIN_SECONDS } from "../shared/limits.ts";
import { parseTimestamp, timestampSchema, unixNow } from "../shared/time.ts";
import type { Context } from "./context.ts";
import { readJson, writeJson } from "./files.ts";
import { exclusively } from "./lock.ts";
import { fail, type Outcome, succeed } from "./outcome.ts";
import { stateDirectory } from "./state.ts";

const pinSchema = z.strictObject({
  origin: z.string(),
  payTo: accountIdSchema,
  /** Absent: the merchant does not sign, or its key could not be had. */
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
export type Pin = z.infer<typeof pinSchema>;

/** undefined: nothing is known. A pin that cannot be read is a failure: it would be an easy way to make one forget. */
export function pinOf(context: Context, origin: string): Outcome<Pin | undefined> {
  const directory = stateDirectory(context, "pins");
  return directory.ok ? read(fileOf(directory.data, origin), origin) : directory;
}

/** Not seen for so long that it counts no more. */
export function isExpired({ lastSeenAt }: Pin, now = unixNow()): boolean {
  return (parseTimestamp(lastSeenAt) ?? 0) + PIN_SECONDS < now;
}

/** Every pin, the latest seen first. Those that cannot be read are left out. */
export function allPins(context: Context): Outcome<Pin[]> {
  const directory = stateDirectory(context, "pins");
  if (!directory.ok) return directory;
  const pins = fs.readdirSync(directory.data).flatMap((name) => {
    const pin = name.endsWith(".json") ? read(path.join(directory.data, name)) : undefined;
    return pin?.ok && pin.data ? [pin.data] : [];
  });
  return succeed(pins.sort((a, b) => b.lastSeenAt.localeCompare(a.lastSeenAt)));
}

/** @param before the pin that was judged by: if it is another one by now, nothing is written */
export function writePin(context: Context, pin: Pin, before: Pin | undefined): Promise<Outcome<undefined>> {
  return exclusively(context, () => {
    const [directory, now, all] = [stateDirectory(context, "pins"), pinOf(context, pin.origin), allPins(context)];
    if (!directory.ok) return directory;
    if (!now.ok) return now;
    if (!all.ok) return all;
    if (identity(now.data) !== identity(before)) return fail("busy", `Another lez-agent-pay has just met ${pin.origin}. Run it again.`);
    // Room for the new one: those that were not seen for the longest time go.
    const surplus = now.data ? [] : all.data.slice(MAX_PINS - 1);
    for (const { origin } of surplus) fs.rmSync(fileOf(directory.data, origin), { force: true });
    return writeJson(fileOf(directory.data, pin.origin), pin, true);
  });
}

/** Whether there was a file to forget, readable or not. */
export function forgetPin(context: Context, origin: string): Promise<Outcome<boolean>> {
  return exclusively(context, () => {
    const directory = stateDirectory(context, "pins");
    if (!directory.ok) return directory;
    const file = fileOf(directory.data, origin);
    const known = fs.existsSync(file);
    fs.rmSync(file, { force: true });
    return succeed(known);
  });
}

function identity(pin: Pin | undefined): string {
  return JSON.stringify([pin?.payTo, pin?.key?.publicKey]);
}

function read(file: string, origin?: string): Outcome<Pin | undefined> {
  if (!fs.existsSync(file)) return succeed(undefined);
  const pin = readJson(file, pinSchema, { what: "merchant's pin", secret: true });
  if (!pin.ok || origin === undefined || pin.data.origin === origin) return pin;
  return fail("invalid_file", `The pin "${file}" is of another merchant.`);
}

function fileOf(directory: string, origin: string): string {
  return path.join(directory, `${bodyDigest(utf8(origin))}.json`);
}
