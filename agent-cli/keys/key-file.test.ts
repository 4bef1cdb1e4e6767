import { execFileSync } from "node:child_process";
import { chmodSync, statSync, symlinkSync } from "node:fs";
import path from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { verifyDigest } from "../../shared/crypto/ed25519.ts";
import { authorizationDigest } from "../../shared/protocol/authorization.ts";
import { writeJson } from "../runtime/files.ts";
import { Secret } from "../runtime/secret.ts";
import { PASSPHRASE, sandbox } from "../testing/cli.ts";
import { createKeyFile, isSealed, type KeyFile, readKeyFile, unlockKey } from "./key-file.ts";

const box = sandbox();
const passphrase = () => new Secret(utf8(PASSPHRASE));
const sealed = await createKeyFile("owner", { passphrase: passphrase() });
const plain = await createKeyFile("agent", { name: "bot" });

/** The outcome of reading a key file with that content. */
function read(content: unknown, role: "owner" | "agent" = "owner") {
  return readKeyFile(box.write("key.json", content), role);
}

async function open(key: KeyFile, secret?: Secret) {
  const outcome = await unlockKey(key, "owner", secret);
  return outcome.ok ? "open" : outcome.error.code;
}

test("a sealed key opens with its passphrase and signs for its account", async () => {
  writeJson(box.path("owner.json"), sealed, false);
  const key = readKeyFile(box.path("owner.json"), "owner");
  const owner = key.ok ? await unlockKey(key.data, "owner", passphrase()) : key;
  if (!owner.ok) throw new Error(owner.error.message);
  expect(owner.data.account).toBe(sealed.account);
  const digest = authorizationDigest({} as never);
  expect(await verifyDigest(await owner.data.sign(digest), digest, sealed.publicKey)).toBe(true);
});

/** In a process of its own, where nothing lowers scrypt's cost: seals a key, opens it, and prints the file. */
const SEAL_AND_OPEN = `
const { createKeyFile, unlockKey } = await import(process.argv[1] + "/key-file.ts");
const { Secret } = await import(process.argv[1] + "/../runtime/secret.ts");
const passphrase = () => new Secret(new TextEncoder().encode(process.argv[2]));
const key = await createKeyFile("owner", { passphrase: passphrase() });
const opened = await unlockKey(key, "owner", passphrase());
console.log(JSON.stringify({ key, opened: opened.ok }));
`;

test("a key that is sealed at the real cost opens at the real cost, and at no lower one", async () => {
  const args = ["--input-type=module", "--eval", SEAL_AND_OPEN, path.resolve("agent-cli/keys"), PASSPHRASE];
  const { key, opened } = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as { key: KeyFile; opened: boolean };
  expect(opened).toBe(true);
  // The same header and passphrase, under the cheap scrypt that this process has loaded.
  expect(await open(key, passphrase())).toBe("keystore_locked");
});

test("a sealed file holds no part of the secret, and every seal is different", async () => {
  const other = await createKeyFile("owner", { passphrase: passphrase() });
  if (!isSealed(sealed) || !isSealed(other)) throw new Error("not sealed");
  expect(other.seal.salt).not.toBe(sealed.seal.salt);
  expect(other.seal.nonce).not.toBe(sealed.seal.nonce);
  expect(Object.keys(sealed)).not.toContain("secretKey");
  expect(sealed.seal).toMatchObject({ N: 131072, r: 8, p: 1 });
});

test("a wrong passphrase, or none, opens nothing", async () => {
  expect(await open(sealed, new Secret(utf8("correct horse batterz")))).toBe("keystore_locked");
  expect(await open(sealed)).toBe("keystore_locked");
});

test("a header with a cost below or above the bounds is refused before any work is done", () => {
  if (!isSealed(sealed)) throw new Error("not sealed");
  for (const change of [
    { N: 2 ** 16 },
    { N: 2 },
    { N: 2 ** 21 },
    { N: 2 ** 17 + 1 },
    { r: 1 },
    { p: 2 },
    { kdf: "pbkdf2" },
    { cipher: "none" },
  ]) {
    const outcome = read({ ...sealed, seal: { ...sealed.seal, ...change } });
    expect(outcome, JSON.stringify(change)).toMatchObject({ ok: false, error: { code: "invalid_file" } });
  }
});

test("a header that was changed breaks the seal, whatever was changed", async () => {
  if (!isSealed(sealed)) throw new Error("not sealed");
  const changes: Partial<typeof sealed>[] = [
    { name: "another" },
    { createdAt: "2020-01-01T00:00:00Z" },
    { account: plain.account },
    { publicKey: plain.publicKey },
    { seal: { ...sealed.seal, N: 2 ** 18 } },
  ];
  for (const change of changes) expect(await open({ ...sealed, ...change }, passphrase())).toBe("keystore_locked");
  // An agent's key that was sealed cannot be turned into an owner's by editing its role.
  const agent = await createKeyFile("agent", { passphrase: passphrase() });
  expect(await open({ ...agent, role: "owner" }, passphrase())).toBe("keystore_locked");
});

test("any bytes read as a key or are refused with a sentence; nothing throws", () => {
  const text = JSON.stringify(sealed);
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.string({ minLength: 1, maxLength: 3 }), (at, noise) => {
      const outcome = read(text.slice(0, at) + noise + text.slice(at + 1));
      return outcome.ok || ["invalid_file", "wrong_role"].includes(outcome.error.code);
    }),
  );
});

test("each role opens its own commands only", async () => {
  expect(read(plain, "owner")).toMatchObject({ ok: false, error: { code: "wrong_role" } });
  expect(read(sealed, "agent")).toMatchObject({ ok: false, error: { code: "wrong_role" } });
  expect(await open(plain)).toBe("wrong_role");
});

test("a plain key whose public half does not follow from its secret one is refused", async () => {
  const owner = await createKeyFile("owner");
  expect(await open({ ...owner, account: sealed.account })).toBe("invalid_file");
  expect(await open({ ...owner, account: sealed.account, publicKey: sealed.publicKey })).toBe("invalid_file");
});

test("a key that others can read, or that is a link, is refused with the fix", () => {
  const file = box.write("loose.json", sealed);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  chmodSync(file, 0o640);
  expect(readKeyFile(file, "owner")).toMatchObject({
    ok: false,
    exit: 32,
    error: { code: "unsafe_permissions", hint: `Run: chmod 600 ${file}`, details: { fix: ["chmod", "600", file] } },
  });
  chmodSync(file, 0o600);
  symlinkSync(file, box.path("link.json"));
  expect(readKeyFile(box.path("link.json"), "owner")).toMatchObject({ ok: false, exit: 32 });
});

test("a missing key says how to make one", () => {
  expect(readKeyFile(box.path("none.json"), "owner")).toMatchObject({
    ok: false,
    exit: 30,
    next: { argv: ["lez-agent-pay", "owner", "create", "--out", box.path("none.json")], by: "owner" },
  });
});
