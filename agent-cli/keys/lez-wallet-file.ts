/**
 * `storage.json` of LEZ's own wallet: its public accounts, whose keys it keeps in plain text. Each account is computed from its key again; one
 * that differs is not taken. Private accounts, groups and mnemonics are never looked at.
 */

import * as z from "zod";
import { checkShape, parseJson } from "../../shared/text/json.ts";
import { isLezAccountId, type LezAccountId } from "../../shared/zone/account.ts";
import { MAX_LEZ_WALLET_BYTES, MAX_LEZ_WALLET_ENTRIES } from "../runtime/limits.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import type { Secret } from "../runtime/secret.ts";
import { lezAccountOf, secretOfHex } from "./lez-key-file.ts";

/** A key of the wallet. The caller wipes it. */
export interface WalletKey {
  account: LezAccountId;
  publicKey: string;
  secretKey: Secret;
}

export interface WalletKeys {
  keys: WalletKey[];
  /** Public accounts that are not taken, and why. */
  refused: string[];
}

const entriesSchema = z.array(z.unknown()).max(MAX_LEZ_WALLET_ENTRIES);
/** v0.3 keeps its accounts under `key_chain`; v0.2 kept them at the top. */
const walletSchema = z.union(
  [
    z.looseObject({ key_chain: z.looseObject({ accounts: entriesSchema }) }).transform((wallet) => wallet.key_chain.accounts),
    z.looseObject({ accounts: entriesSchema }).transform((wallet) => wallet.accounts),
  ],
  `it has no list of accounts as LEZ's wallet writes it, or more than ${MAX_LEZ_WALLET_ENTRIES}`,
);

const accountSchema = z.custom<LezAccountId>(isLezAccountId, "must be a LEZ account: base58 of 32 bytes");
const keySchema = z.string().regex(/^[0-9a-f]{64}$/i, "must be 64 hex digits");
/** `ssk` signs since v0.3. Before, `csk` did. */
const derivedSchema = z.looseObject({
  account_id: accountSchema,
  data: z.looseObject({ ssk: keySchema.optional(), csk: keySchema.optional() }),
});
const importedSchema = z.looseObject({ account_id: accountSchema, pub_sign_key: keySchema });

/** @param file what to call it in messages */
export async function readWallet(bytes: Uint8Array, file: string): Promise<Outcome<WalletKeys>> {
  const parsed = parseJson(bytes, MAX_LEZ_WALLET_BYTES, walletSchema);
  if (!parsed.ok) {
    return fail("invalid_file", `"${file}" is not the storage.json of LEZ's wallet: ${parsed.problem}.`, {
      hint: "The wallet keeps it in its home, beside wallet_config.json.",
    });
  }
  const found: WalletKeys = { keys: [], refused: [] };
  for (const [i, entry] of parsed.value.entries()) {
    const read = publicEntry(entry);
    if (read === undefined) continue;
    const key = read.ok ? await keyOf(read.account, read.key) : read;
    if (!key.ok) found.refused.push(`entry ${i + 1}: ${key.problem}`);
    else if (found.keys.some(({ account }) => account === key.key.account)) key.key.secretKey.wipe();
    else found.keys.push(key.key);
  }
  return succeed(found);
}

type Entry = { ok: true; account: LezAccountId; key: string } | { ok: false; problem: string };

/** @returns undefined for an entry of another kind, which is not looked at */
function publicEntry(entry: unknown): Entry | undefined {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return { ok: false, problem: "it is no account" };
  const kinds = Object.keys(entry);
  if (kinds.length !== 1) return { ok: false, problem: "it is no account" };
  if ("Public" in entry) {
    const read = checkShape(entry.Public, derivedSchema);
    if (!read.ok) return read;
    const { account_id: account, data } = read.value;
    const key = data.ssk ?? data.csk;
    return key === undefined ? { ok: false, problem: `it has no key that signs for ${account}` } : { ok: true, account, key };
  }
  if (!("ImportedPublic" in entry)) return undefined;
  const read = checkShape(entry.ImportedPublic, importedSchema);
  return read.ok ? { ok: true, account: read.value.account_id, key: read.value.pub_sign_key } : read;
}

async function keyOf(account: LezAccountId, hex: string): Promise<{ ok: true; key: WalletKey } | { ok: false; problem: string }> {
  const secretKey = secretOfHex(hex);
  const half = secretKey && (await lezAccountOf(secretKey));
  if (secretKey && half?.account === account) return { ok: true, key: { ...half, secretKey } };
  secretKey?.wipe();
  return { ok: false, problem: half ? `its key is that of ${half.account}, and not of ${account}` : `the key of ${account} is none` };
}
