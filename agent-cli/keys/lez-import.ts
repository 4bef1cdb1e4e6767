/** Where an imported key comes from: digits or words that are typed, or a file of LEZ's wallet. Nothing is taken before its account is confirmed. */

import { isLezAccountId, type LezAccountId } from "../../shared/zone/account.ts";
import { askPassphrase, askTyped, askYesOrNo, interrupted } from "../prompts/prompts.ts";
import { type Context, warn } from "../runtime/context.ts";
import { CONFIRMED_ACCOUNT_CHARACTERS, MAX_LEZ_WALLET_BYTES } from "../runtime/limits.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";
import type { Secret } from "../runtime/secret.ts";
import { lezAccountOf, secretOfHex } from "./lez-key-file.ts";
import { keyAt, keyOfAccount, keyPathText, parseKeyPath, type TreeKey } from "./lez-key-tree.ts";
import { readWallet } from "./lez-wallet-file.ts";

/** The path that LEZ's wallet gives to its first account. */
const FIRST_PATH = "/0";
const OTHER_RELEASES = "Releases of LEZ derive other keys from the same words: take the key of the release that made the account.";

export interface ImportInput {
  mnemonic: boolean;
  path?: string | undefined;
  account?: string | undefined;
  lezWallet?: string | undefined;
}

/** A key whose account the owner has confirmed. The caller wipes it. */
export interface ImportedKey {
  secretKey: Secret;
  /** Of a key that was derived from words. */
  path?: string;
}

export async function importLezKey(context: Context, input: ImportInput): Promise<Outcome<ImportedKey>> {
  const unfit = contradiction(input);
  if (unfit !== undefined) return fail("usage", unfit);
  const account = input.account === undefined ? undefined : parseLezAccount(input.account);
  if (account && !account.ok) return account;
  if (input.lezWallet !== undefined) return fromWallet(context, input.lezWallet, account?.data);
  if (!context.interactive) {
    return fail("interaction_required", "A secret is typed in, and there is no terminal to ask on.", { hint: "Run this in a terminal." });
  }
  return input.mnemonic ? fromWords(context, input.path, account?.data) : fromDigits(context);
}

function contradiction({ mnemonic, path, account, lezWallet }: ImportInput): string | undefined {
  if (mnemonic && lezWallet !== undefined) return "Give either --mnemonic or --lez-wallet, not both.";
  if (path !== undefined && !mnemonic) return "--path is of a key that is derived from words: give --mnemonic as well.";
  if (account !== undefined && !mnemonic && lezWallet === undefined)
    return "--account chooses among keys: give --mnemonic or --lez-wallet.";
  return undefined;
}

/** Takes the `Public/` that LEZ's wallet writes before an account. */
function parseLezAccount(text: string): Outcome<LezAccountId> {
  const bare = text.trim().replace(/^Public\//, "");
  if (isLezAccountId(bare)) return succeed(bare);
  const isPrivate = bare.startsWith("Private/");
  return fail(
    "usage",
    `--account: ${isPrivate ? "a private account has no key that signs here" : "must be a LEZ account: base58 of 32 bytes"}.`,
  );
}

async function fromDigits(context: Context): Promise<Outcome<ImportedKey>> {
  const typed = await askPassphrase(context, "Secret key, 64 hex digits", (text) => (secretOfHex(text) ? undefined : "64 hex digits"));
  const secretKey = typed === undefined ? undefined : secretOfHex(typed);
  if (!secretKey) return unmade();
  const known = await lezAccountOf(secretKey);
  if (!known) return fail("usage", "These 32 bytes are no key: zero, or not below the order of the curve.");
  context.say(`Its account: ${known.account}`);
  return confirmed({ secretKey }, await askYesOrNo(context, "Is this the account that you expect?"));
}

async function fromWords(context: Context, pathText: string | undefined, account: LezAccountId | undefined): Promise<Outcome<ImportedKey>> {
  const path = parseKeyPath(pathText ?? FIRST_PATH);
  if (!path) return fail("usage", "--path must be numbers after slashes, as in /0 or /0/1. / is the root.");
  const { mnemonicProblem, seedOfMnemonic } = await import("./mnemonic.ts");
  const words = await askPassphrase(context, "The words, on one line", mnemonicProblem);
  if (words === undefined) return unmade();
  const seed = await seedOfMnemonic(words);
  const isSearched = account !== undefined && pathText === undefined;
  const key = isSearched ? await keyOfAccount(seed, account) : await keyAt(seed, path);
  seed.wipe();
  if (!key || (account !== undefined && key.account !== account)) {
    key?.secretKey.wipe();
    const where = isSearched ? "No key near the root of these words" : `The key at ${keyPathText(path)} of these words`;
    return fail("usage", `${where} has the account ${account}. No key was made.`, {
      hint: `${OTHER_RELEASES}${isSearched ? " Or name the path: --path." : ""}`,
    });
  }
  return confirmDerived(context, key, account !== undefined);
}

/** Words derive some account in every release, so a yes to one that is only shown says nothing. */
async function confirmDerived(context: Context, { account, path, secretKey }: TreeKey, isNamed: boolean): Promise<Outcome<ImportedKey>> {
  context.say(`Its account: ${account}`, `Its path:    ${keyPathText(path)}`);
  const imported = { secretKey, path: keyPathText(path) };
  if (isNamed) return succeed(imported);
  warn(
    context,
    "This is the account of LEZ v0.3; v0.2 derives another from the same words. Compare it with the one that your wallet shows.",
  );
  const end = account.slice(-CONFIRMED_ACCOUNT_CHARACTERS);
  const isRight = await askTyped(context, `The last ${CONFIRMED_ACCOUNT_CHARACTERS} characters of the account that you expect`, {
    isRight: (text) => text.trim() === end,
    wrong: "Those are not the last characters of this account.",
  });
  return confirmed(imported, isRight);
}

async function fromWallet(context: Context, file: string, account: LezAccountId | undefined): Promise<Outcome<ImportedKey>> {
  const bytes = context.files.read(file, { what: "storage.json of LEZ's wallet", maxBytes: MAX_LEZ_WALLET_BYTES });
  if (!bytes.ok) return bytes;
  const wallet = await readWallet(bytes.data, file);
  bytes.data.fill(0);
  if (!wallet.ok) return wallet;
  const { keys, refused } = wallet.data;
  warn(context, `${file} keeps its keys in plain text: anyone who reads it can spend. The sealed copy here does not change that.`);
  for (const problem of refused) warn(context, `Not taken from ${file}, ${problem}.`);
  const only = keys.length === 1 ? keys[0] : undefined;
  const chosen = account === undefined ? only : keys.find((key) => key.account === account);
  for (const key of keys) if (key !== chosen) key.secretKey.wipe();
  const accounts = keys.map((key) => key.account);
  if (!chosen) {
    const problem =
      account !== undefined
        ? `No public key in ${file} has the account ${account}. No key was made.`
        : keys.length === 0
          ? `${file} has no public account that can be taken. No key was made.`
          : `${file} has ${keys.length} public accounts. No key was made.`;
    return fail("usage", problem, {
      ...(keys.length > 0 && { hint: `Name one of them: --account. They are ${accounts.join(", ")}.`, details: { accounts } }),
    });
  }
  const { secretKey } = chosen;
  if (account !== undefined) return succeed({ secretKey });
  if (!context.interactive) {
    secretKey.wipe();
    return fail("interaction_required", "The account must be confirmed, and there is no terminal to ask on.", {
      hint: `Name it: --account ${chosen.account}`,
    });
  }
  context.say(`Its account: ${chosen.account}`);
  return confirmed({ secretKey }, await askYesOrNo(context, "Is this the account that you expect?"));
}

function confirmed(imported: ImportedKey, isRight: boolean | undefined): Outcome<ImportedKey> {
  if (isRight) return succeed(imported);
  imported.secretKey.wipe();
  return isRight === undefined
    ? unmade()
    : fail("usage", "This is not the account that you expect. No key was made.", { hint: OTHER_RELEASES });
}

function unmade(): Failure {
  return interrupted("No key was made.");
}
