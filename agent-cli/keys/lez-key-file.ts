/**
 * Owner's keys of the Logos Execution Zone itself: secp256k1, always sealed, told apart from keys of the mock ledger by `kind`. They have
 * accounts and a type of their own, so that no command of the mock opens one. The curve is loaded on first use.
 */

import * as path from "node:path";
import * as z from "zod";
import { bytesToHex, hexToBytes, publicKeySchema } from "../../shared/crypto/bytes.ts";
import { formatTimestamp, timestampSchema, unixNow } from "../../shared/time.ts";
import { isLezAccountId, lezAccountOfKey, type LezAccountId } from "../../shared/zone/account.ts";
import { configFile } from "../runtime/config.ts";
import type { Context } from "../runtime/context.ts";
import { readJson, writeJson } from "../runtime/files.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { Secret } from "../runtime/secret.ts";
import { openSealed, sealedFields, sealSecret } from "./seal.ts";

const lezKeyFileSchema = z.strictObject({
  format: z.literal("lez-agent-pay/key/1"),
  kind: z.literal("lez"),
  role: z.literal("owner"),
  account: z.custom<LezAccountId>(isLezAccountId, "must be a LEZ account: base58 of 32 bytes"),
  /** The x-coordinate of the key's point. */
  publicKey: publicKeySchema,
  createdAt: timestampSchema,
  ...sealedFields,
});
export type LezKeyFile = z.infer<typeof lezKeyFileSchema>;

/** The file for a new key: the one named, else `lez-owner.json` beside the configuration file. */
export function newLezKeyFile({ io }: Context, given: string | undefined): string {
  return given ?? path.join(path.dirname(configFile(io)), "lez-owner.json");
}

/** Reads the public half. Opens nothing. */
export function readLezKeyFile(file: string): Outcome<LezKeyFile> {
  return readJson(file, lezKeyFileSchema, { what: "LEZ key file", secret: true });
}

/** A new secret key. The caller wipes it. */
export async function generateLezSecret(): Promise<Secret> {
  const { newSecretKey } = await import("../../shared/zone/schnorr.ts");
  return new Secret(newSecretKey());
}

/** The account of a secret key. @returns undefined for 32 bytes that are no key: zero, and the group's order and above */
export async function lezAccountOf(secretKey: Secret): Promise<{ account: LezAccountId; publicKey: string } | undefined> {
  const { isSecretKey, publicKeyOf } = await import("../../shared/zone/schnorr.ts");
  if (!isSecretKey(secretKey.reveal())) return undefined;
  const publicKey = publicKeyOf(secretKey.reveal());
  return { account: lezAccountOfKey(publicKey), publicKey: bytesToHex(publicKey) };
}

/** @returns undefined for 32 bytes that are no key */
export async function createLezKeyFile(secretKey: Secret, passphrase: Secret): Promise<LezKeyFile | undefined> {
  const half = await lezAccountOf(secretKey);
  if (!half) return undefined;
  const createdAt = formatTimestamp(unixNow());
  return sealSecret(
    { format: "lez-agent-pay/key/1" as const, kind: "lez" as const, role: "owner" as const, ...half, createdAt },
    secretKey,
    passphrase,
  );
}

/** Seals a secret key into a file, and wipes both secrets. */
export async function writeLezKey(context: Context, file: string, force: boolean, secretKey: Secret, passphrase: Secret) {
  const key = await createLezKeyFile(secretKey, passphrase);
  secretKey.wipe();
  passphrase.wipe();
  if (!key) return fail("usage", "These 32 bytes are no key: zero, or not below the order of the curve.");
  if (context.io.signal.aborted) return fail("interrupted", "No key was made.");
  const written = writeJson(file, key, force);
  return written.ok
    ? succeed({ file, kind: key.kind, account: key.account, publicKey: key.publicKey, sealed: true, books: false })
    : written;
}

/** Opens a key. The caller wipes the secret. */
export async function openLezKey(key: LezKeyFile, passphrase: Secret | undefined): Promise<Outcome<Secret>> {
  const secretKey = passphrase && (await openSealed(key, passphrase));
  if (!secretKey) {
    return fail("keystore_locked", "The key could not be opened: wrong passphrase, or the file was changed.", {
      hint: "Try the passphrase again. If it is right, restore the file from a backup.",
    });
  }
  const half = await lezAccountOf(secretKey);
  if (half?.account === key.account && half.publicKey === key.publicKey) return succeed(secretKey);
  secretKey.wipe();
  return fail("invalid_file", "The key file contradicts itself: its account is not that of its key.", {
    hint: "Restore the file from a backup.",
  });
}

/** Seals the same key with another passphrase, and opens the result once: a key that does not open loses the account's money. */
export async function resealLezKey(key: LezKeyFile, passphrase: Secret | undefined, newPassphrase: Secret): Promise<Outcome<LezKeyFile>> {
  const secretKey = await openLezKey(key, passphrase);
  if (!secretKey.ok) return secretKey;
  const { seal: _, ciphertext: __, ...half } = key;
  const sealed = await sealSecret(half, secretKey.data, newPassphrase);
  secretKey.data.wipe();
  const again = await openLezKey(sealed, newPassphrase);
  if (again.ok) again.data.wipe();
  return again.ok ? succeed(sealed) : again;
}

/** The secret key that 64 hex digits are, in either case. @returns undefined for anything else */
export function secretOfHex(text: string): Secret | undefined {
  const digits = text.trim().toLowerCase();
  return /^[0-9a-f]{64}$/.test(digits) ? new Secret(hexToBytes(digits)) : undefined;
}
