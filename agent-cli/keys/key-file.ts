/**
 * Key files. Two roles: an owner's key authorises money and is sealed with a passphrase; an agent's key signs requests and
 * may be plain. The role is written into the file, covered by the seal, and checked whenever a key is opened.
 */

import { existsSync } from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { bytesToHex, hexSchema, hexToBytes, publicKeySchema } from "../../shared/crypto/bytes.ts";
import { MAX_NAME_LENGTH } from "../../shared/limits.ts";
import { accountIdSchema, accountOfKey } from "../../shared/protocol/account.ts";
import { generateSecretKey, keySigner, type WalletSigner } from "../../shared/protocol/signer.ts";
import { humanText } from "../../shared/text/text.ts";
import { formatTimestamp, timestampSchema, unixNow } from "../../shared/time.ts";
import { configFile } from "../runtime/config.ts";
import type { Context } from "../runtime/context.ts";
import { readJson } from "../runtime/files.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";
import { Secret } from "../runtime/secret.ts";
import { shellLine } from "../runtime/shell-quote.ts";
import { readLezKeyFile } from "./lez-key-file.ts";
import { openSealed, sealedFields, sealSecret } from "./seal.ts";

export type Role = "owner" | "agent";

/** A signer with its file's role in its type, so that the wrong one does not compile. */
export interface RoleSigner<R extends Role> extends WalletSigner {
  readonly role: R;
  /** Overwrites the secret key. The signer must not be used afterwards. */
  wipe(): void;
}

const publicHalf = {
  format: z.literal("lez-agent-pay/key/1"),
  role: z.enum(["owner", "agent"]),
  name: z.optional(humanText(MAX_NAME_LENGTH)),
  account: accountIdSchema,
  publicKey: publicKeySchema,
  createdAt: timestampSchema,
};

const plainSchema = z.strictObject({ ...publicHalf, secretKey: hexSchema(32) });
const sealedSchema = z.strictObject({ ...publicHalf, ...sealedFields });
const keyFileSchema = z.union([plainSchema, sealedSchema], "neither a plain nor a sealed key, or its parameters are out of bounds");
export type KeyFile = z.infer<typeof keyFileSchema>;
type SealedKeyFile = z.infer<typeof sealedSchema>;

/** Creates a key: sealed with the passphrase, plain without one. */
export async function createKeyFile(role: Role, options: { name?: string; passphrase?: Secret } = {}): Promise<KeyFile> {
  const secretKey = new Secret(generateSecretKey());
  try {
    const { publicKey, account } = await keySigner(secretKey.reveal());
    const half = {
      format: "lez-agent-pay/key/1" as const,
      role,
      ...(options.name && { name: options.name }),
      account,
      publicKey,
      createdAt: formatTimestamp(unixNow()),
    };
    return options.passphrase
      ? await sealSecret(half, secretKey, options.passphrase)
      : { ...half, secretKey: bytesToHex(secretKey.reveal()) };
  } finally {
    secretKey.wipe();
  }
}

export interface FoundKey {
  file: string;
  key: KeyFile;
}

/** Finds a key where it was named, configured or made, and reads its public half. Opens nothing. */
export function findKey(context: Context, role: Role, given: string | undefined): Outcome<FoundKey> {
  const file = keyFile(context, role, given);
  if (!file.ok) return file;
  const key = readKeyFile(file.data, role, given !== undefined);
  return key.ok ? succeed({ file: file.data, key: key.data }) : key;
}

/** The file of an existing key: the one named, else the configured one, else the default. */
function keyFile(context: Context, role: Role, given: string | undefined): Outcome<string> {
  const file = newKeyFile(context, role, given);
  // Version 0.1 looked for keys in the current folder.
  const former = `${role}.json`;
  const isDefault = file.ok && given === undefined && file.data === defaultKeyFile(context, role);
  return isDefault && !existsSync(file.data) && existsSync(former) ? succeed(path.resolve(former)) : file;
}

/** The file for a new key: the one named, else the one where `findKey` will look for it. */
export function newKeyFile(context: Context, role: Role, given: string | undefined): Outcome<string> {
  if (given !== undefined) return succeed(given);
  const config = context.config();
  if (!config.ok) return config;
  return succeed((role === "owner" ? config.data.ownerFile : config.data.agentFile) ?? defaultKeyFile(context, role));
}

/** Beside the configuration file. */
function defaultKeyFile({ io }: Context, role: Role): string {
  return path.join(path.dirname(configFile(io)), `${role}.json`);
}

/**
 * Reads the public half of a key file and checks its role. Opens nothing.
 * @param named the user named the file, so a new key would be written there and not to the default
 */
export function readKeyFile(file: string, role: Role, named = true): Outcome<KeyFile> {
  const read = readJson(file, keyFileSchema, { what: `${role} key file`, secret: true, named: true });
  if (!read.ok) {
    if (!read.missing) return readLezKeyFile(file).ok ? ofTheChain(file) : read;
    const argv = ["lez-agent-pay", role, "create", ...(named ? ["--out", file] : [])];
    return fail("key_not_found", `There is no ${role} key at "${file}".`, {
      hint: `If you have one, name it: --${role}-file. If not, create one: ${shellLine(argv)}`,
      next: { argv, by: role, why: `create the ${role} key` },
    });
  }
  if (read.data.role === role) return read;
  return fail("wrong_role", `"${file}" is an ${read.data.role} key; this needs an ${role} key.`, {
    hint:
      role === "owner"
        ? "An agent's key never authorises money. Name the owner's key file."
        : "An owner's key never makes requests. Name the agent's key file.",
  });
}

function ofTheChain(file: string): Failure {
  return fail("wrong_role", `"${file}" is a key of the Logos Execution Zone itself; this needs a key of the mock ledger.`, {
    hint: "The two have different accounts and different money. Name the other key's file: --owner-file.",
  });
}

/**
 * Keeps `--force` from replacing a sealed owner's key: unlike other files it cannot be made again.
 * @param but the account whose key is about to be written again
 */
export function ownerKeyInPlace(file: string, but?: string): Failure | undefined {
  const [mock, lez] = [readJson(file, keyFileSchema, { what: "key file" }), readLezKeyFile(file)];
  const read = mock.ok && mock.data.role === "owner" && isSealed(mock.data) ? mock : lez;
  if (!read.ok || read.data.account === but) return undefined;
  return fail("file_exists", `"${file}" is the owner's key of account ${read.data.account}. It is not replaced, even with --force.`, {
    hint: "Choose another name, or move the key away: without it, what the account holds is lost.",
  });
}

export function isSealed(key: KeyFile): key is SealedKeyFile {
  return "seal" in key;
}

/** Opens a key that `readKeyFile` has read. The role is the file's own, checked again under the seal. */
export async function unlockKey<R extends Role>(key: KeyFile, role: R, passphrase?: Secret): Promise<Outcome<RoleSigner<R>>> {
  if (key.role !== role) return fail("wrong_role", `This is an ${key.role} key, not an ${role} key.`);
  const secretKey = await openSecret(key, passphrase);
  if (!secretKey) {
    return fail("keystore_locked", "The key could not be opened: wrong passphrase, or the file was changed.", {
      hint: "Try the passphrase again. If it is right, restore the file from a backup.",
    });
  }
  const signer = await keySigner(secretKey.reveal());
  // Nothing protects the public half of a plain file: check that it follows from the secret half.
  if (signer.publicKey !== key.publicKey || accountOfKey(hexToBytes(key.publicKey)) !== key.account) {
    return fail("invalid_file", "The key file contradicts itself: its account is not that of its key.", {
      hint: "Restore the file from a backup.",
    });
  }
  return succeed({ ...signer, role, wipe: () => secretKey.wipe() });
}

/** Seals the same key with another passphrase and a fresh salt. The old passphrase does not open the result. */
export async function resealKey(key: KeyFile, passphrase: Secret | undefined, newPassphrase: Secret): Promise<Outcome<KeyFile>> {
  const opened = await unlockKey(key, key.role, passphrase);
  if (!opened.ok) return opened;
  const secretKey = await openSecret(key, passphrase);
  if (!secretKey) return fail("keystore_locked", "The key could not be opened.");
  try {
    const { format, role, name, account, publicKey, createdAt } = key;
    const sealed = await sealSecret({ format, role, ...(name && { name }), account, publicKey, createdAt }, secretKey, newPassphrase);
    // Open it before it replaces the old file: a key that does not open loses the account's money.
    const again = await unlockKey(sealed, role, newPassphrase);
    return again.ok ? succeed(sealed) : again;
  } finally {
    secretKey.wipe();
  }
}

async function openSecret(key: KeyFile, passphrase?: Secret): Promise<Secret | undefined> {
  if (!isSealed(key)) return new Secret(hexToBytes(key.secretKey));
  return passphrase && openSealed(key, passphrase);
}
