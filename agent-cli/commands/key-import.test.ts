/** Importing keys of the chain itself from words and from LEZ's wallet, at a terminal. */

import { existsSync, rmSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { tree } from "../../test/vectors/lez/keys.json" with { type: "json" };
import { EXIT } from "../runtime/exit-codes.ts";
import { PASSPHRASE, sandbox } from "../testing/cli.ts";

const box = sandbox();
const [root, first, second] = tree.public;
if (!root || !first || !second) throw new Error("no vectors");
box.write("secret.txt", PASSPHRASE);
const WORDS = "The words, on one line";
const END = "The last 6 characters";
const importing = (flags: string) => `key import --kind lez --out ./key.json --passphrase-file ./secret.txt ${flags}`;

afterEach(() => rmSync(box.path("key.json"), { force: true }));

test("words become a key once the end of its account is typed, and are not shown [key-import-words]", async () => {
  const run = await box.run(importing("--mnemonic"), {
    answers: [
      [WORDS, tree.mnemonic.replace("about", "abuot")],
      ["word 12 is not in BIP-39's English list", tree.mnemonic],
      [`Its account: ${first.account}`, first.account.slice(-6)],
    ],
  });
  expect(run.exit, run.screen).toBe(EXIT.ok);
  expect(run.json.data).toMatchObject({ kind: "lez", account: first.account, publicKey: first.pk, path: "/0", sealed: true });
  expect(box.text("key.json")).not.toContain(first.ssk);
  for (const word of ["abandon", "about", "abuot"]) expect(run.screen).not.toContain(word);
});

test("words whose account is not confirmed make no key", async () => {
  const wrong = await box.run(importing("--mnemonic --path /1"), {
    answers: [
      [WORDS, tree.mnemonic],
      [END, first.account.slice(-6)],
      [END, "y"],
      [END, second.account],
    ],
  });
  expect(wrong.json.error).toMatchObject({ code: "usage", message: expect.stringContaining("not the account that you expect") });
  expect(existsSync(box.path("key.json"))).toBe(false);
});

test("words are searched for a named account, and refused if it is not there [key-import-account]", async () => {
  const found = await box.run(importing(`--mnemonic --account Public/${second.account}`), { answers: [[WORDS, tree.mnemonic]] });
  expect(found.json.data).toMatchObject({ account: second.account, path: "/1" });
  rmSync(box.path("key.json"));
  const elsewhere = await box.run(importing(`--mnemonic --path /0 --account ${second.account}`), { answers: [[WORDS, tree.mnemonic]] });
  expect(elsewhere.json.error).toMatchObject({ code: "usage", message: expect.stringContaining("The key at /0 of these words") });
  expect(existsSync(box.path("key.json"))).toBe(false);
});

test("a wallet's file gives the account that is named, warns that it is readable, and stays as it is [key-import-wallet]", async () => {
  const accounts = [root, first].map(({ account, ssk }) => ({ Public: { account_id: account, data: { ssk } } }));
  const file = JSON.stringify({
    key_chain: { accounts: [...accounts, { ImportedPublic: { account_id: second.account, pub_sign_key: root.ssk } }] },
  });
  box.write("storage.json", file);
  const unnamed = await box.run(importing("--lez-wallet ./storage.json"));
  expect(unnamed.json.error).toMatchObject({ code: "usage", details: { accounts: [root.account, first.account] } });
  const run = await box.run(importing(`--lez-wallet ./storage.json --account ${first.account}`));
  expect(run.json.data).toMatchObject({ account: first.account, kind: "lez" });
  const said = run.stderr.replaceAll(/\s+/g, " ");
  expect(said).toContain("keeps its keys in plain text");
  expect(said).toContain(`Not taken from ${box.path("storage.json")}, entry 3`);
  expect(box.text("storage.json")).toBe(file);
  rmSync(box.path("key.json"));
  const differs = await box.run(importing(`--lez-wallet ./storage.json --account ${second.account}`));
  expect(differs.json.error).toMatchObject({ code: "usage", message: expect.stringContaining("No public key") });
  expect(existsSync(box.path("key.json"))).toBe(false);
});

test("a wallet with one account takes a yes, and a terminal to ask on", async () => {
  box.write("one.json", { accounts: [{ ImportedPublic: { account_id: first.account, pub_sign_key: first.ssk } }] });
  expect((await box.run(importing("--lez-wallet ./one.json"))).json.error).toMatchObject({ code: "interaction_required" });
  const no = await box.run(importing("--lez-wallet ./one.json"), { answers: [["Is this the account", "n"]] });
  expect([no.json.error.code, existsSync(box.path("key.json"))]).toEqual(["usage", false]);
  const yes = await box.run(importing("--lez-wallet ./one.json"), { answers: [["Is this the account", "y"]] });
  expect(yes.json.data).toMatchObject({ account: first.account });
});

test.each([
  ["--mnemonic --lez-wallet ./one.json", "not both"],
  ["--path /0", "--mnemonic as well"],
  ["--account 9GfY4u7g67my3mjFQi3Dm8J5kqQ7T4wvi6cPE2ku88j4", "give --mnemonic or --lez-wallet"],
  ["--mnemonic --account Private/9GfY4u7g67my3mjFQi3Dm8J5kqQ7T4wvi6cPE2ku88j4", "private account"],
  ["--mnemonic --account me", "base58 of 32 bytes"],
  ["--mnemonic --path 0", "as in /0"],
  ["--lez-wallet ./none.json", "none.json"],
  ["--lez-wallet ./secret.txt", "not the storage.json"],
])("%s is a sentence, and no question", async (flags, problem) => {
  const run = await box.run(importing(flags), { answers: [] });
  expect(run.json.error.message).toContain(problem);
  expect(run.exit).toBe(EXIT.usage);
});
