/** `storage.json` of LEZ's wallet: which keys are taken, and what every other file is told. */

import { expect, test } from "vitest";
import { bytesToHex, utf8 } from "../../shared/crypto/bytes.ts";
import { tree } from "../../test/vectors/lez/keys.json" with { type: "json" };
import { MAX_LEZ_WALLET_BYTES } from "../runtime/limits.ts";
import { readWallet } from "./lez-wallet-file.ts";

const [root, first, second] = tree.public;
if (!root || !first || !second) throw new Error("no vectors");
const derived = ({ account, ssk, sk, cc, pk }: typeof first, data: object = { sk, ssk, pk, cc, cci: 0 }) => ({
  Public: { account_id: account, chain_index: [0], data },
});
const imported = ({ account, ssk }: typeof first) => ({ ImportedPublic: { account_id: account, pub_sign_key: ssk } });
const PRIVATE = [{ Private: { account_id: first.account, data: { value: "never looked at" } } }, { ImportedPrivate: null }];
const storage = (...accounts: unknown[]) => ({ key_chain: { accounts, group_key_holders: {} }, last_synced_block: 7, labels: {} });

async function read(content: unknown) {
  const bytes = content instanceof Uint8Array ? content : utf8(typeof content === "string" ? content : JSON.stringify(content));
  const found = await readWallet(bytes, "storage.json");
  return found.ok ? { accounts: found.data.keys.map(({ account }) => account), refused: found.data.refused, keys: found.data.keys } : found;
}

test("public accounts are taken with the key that signs, and nothing else is [wallet-file]", async () => {
  const found = await read(storage(derived(root), ...PRIVATE, derived(first), imported(second)));
  expect(found).toMatchObject({ accounts: [root.account, first.account, second.account], refused: [] });
  expect("keys" in found && found.keys.map(({ secretKey }) => bytesToHex(secretKey.reveal()))).toEqual([root.ssk, first.ssk, second.ssk]);
  // v0.2: accounts at the top, and the key under another name.
  expect(await read({ accounts: [derived(first, { csk: first.ssk })], last_synced_block: 7 })).toMatchObject({ accounts: [first.account] });
  expect(await read(storage(imported(first), derived(first)))).toMatchObject({ accounts: [first.account], refused: [] });
});

test("an account that is not its key's is refused, and named [wallet-file-differs]", async () => {
  const found = await read(storage({ ImportedPublic: { account_id: second.account, pub_sign_key: first.ssk } }, derived(first)));
  expect(found).toMatchObject({ accounts: [first.account] });
  expect("refused" in found && found.refused).toEqual([`entry 1: its key is that of ${first.account}, and not of ${second.account}`]);
  // The key of the tree is not the one that signs.
  expect(await read(storage(derived(first, { csk: first.sk })))).toMatchObject({
    accounts: [],
    refused: [expect.stringContaining("entry 1")],
  });
});

test.each<[string, unknown, string]>([
  ["a number for a key", { ImportedPublic: { account_id: first.account, pub_sign_key: 7 } }, "pub_sign_key"],
  ["a key that is too short", { ImportedPublic: { account_id: first.account, pub_sign_key: "01" } }, "64 hex digits"],
  ["a key that is none", { ImportedPublic: { account_id: first.account, pub_sign_key: "00".repeat(32) } }, "is none"],
  ["a word for an account", { Public: { account_id: "me", data: { ssk: first.ssk } } }, "LEZ account"],
  ["no key", { Public: { account_id: first.account, data: {} } }, "no key that signs"],
  ["no data", { Public: { account_id: first.account } }, "data"],
  ["null", { Public: null }, "object"],
  ["two kinds", { ...derived(first), ...imported(first) }, "no account"],
  ["a list", [], "no account"],
  ["a string", "Public", "no account"],
])("an entry with %s is refused by its number, without its key", async (_name, entry, problem) => {
  const found = await read(storage(derived(root), entry));
  expect(found).toMatchObject({ accounts: [root.account], refused: [expect.stringMatching(/^entry 2: /)] });
  expect(JSON.stringify(found)).toContain(problem);
  expect(JSON.stringify(found)).not.toContain(first.ssk);
});

test.each<[string, unknown, string]>([
  ["nothing", "", "not JSON"],
  ["no JSON", "PK\u0003\u0004", "not JSON"],
  ["no UTF-8", Uint8Array.of(0x7b, 0xff, 0x7d), "not UTF-8"],
  ["another object", { owner: 1 }, "no list of accounts"],
  ["accounts that are no list", { key_chain: { accounts: {} } }, "no list of accounts"],
  ["too many accounts", { accounts: Array.from({ length: 2001 }, () => ({ Private: 0 })) }, "more than 2000"],
  ["deep nesting", `{"accounts":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, "nested"],
  ["a member twice", `{"accounts":[],"accounts":[]}`, "duplicate key"],
  ["5 MiB", " ".repeat(5 * 1024 * 1024), `larger than ${MAX_LEZ_WALLET_BYTES}`],
])("a file of %s is one error", async (_name, content, problem) => {
  expect(await read(content)).toMatchObject({ ok: false, error: { code: "invalid_file", message: expect.stringContaining(problem) } });
});
