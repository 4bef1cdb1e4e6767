import { expect, test } from "vitest";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { writeJson } from "../runtime/files.ts";
import { Secret } from "../runtime/secret.ts";
import { PASSPHRASE, sandbox } from "../testing/cli.ts";
import { ownerKeyInPlace, readKeyFile } from "./key-file.ts";
import { createLezKeyFile, type LezKeyFile, lezAccountOf, openLezKey, readLezKeyFile, resealLezKey, secretOfHex } from "./lez-key-file.ts";

const box = sandbox();
const HEX = "0111111111111111111111111111111111111111111111111111111111111111";
const ACCOUNT = "9GfY4u7g67my3mjFQi3Dm8J5kqQ7T4wvi6cPE2ku88j4";
const ORDER = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
const passphrase = (text = PASSPHRASE) => new Secret(utf8(text));
const secret = (hex = HEX) => secretOfHex(hex) ?? new Secret(new Uint8Array(32));

async function sealed(): Promise<LezKeyFile> {
  const key = await createLezKeyFile(secret(), passphrase());
  if (!key) throw new Error("no key");
  return key;
}
const key = await sealed();

test("a key of the chain itself has LEZ's account, and opens with its passphrase alone [lez-key-sealed]", async () => {
  expect(key).toMatchObject({ kind: "lez", role: "owner", account: ACCOUNT });
  expect(JSON.stringify(key)).not.toContain(HEX);
  const opened = await openLezKey(key, passphrase());
  expect(opened.ok && Buffer.from(opened.data.reveal()).toString("hex")).toBe(HEX);
  for (const wrong of [passphrase("another good passphrase"), undefined]) {
    expect(await openLezKey(key, wrong)).toMatchObject({ ok: false, error: { code: "keystore_locked" } });
  }
  const other = "7ha43q8RtdaVXjkH6s94YE8WSxsChXnFQaPJY8tRJozR" as typeof key.account;
  expect(await openLezKey({ ...key, account: other }, passphrase())).toMatchObject({ error: { code: "keystore_locked" } });
});

test("sealed again, it opens with the new passphrase and not with the old one", async () => {
  const again = await resealLezKey(key, passphrase(), passphrase("another good passphrase"));
  if (!again.ok) throw new Error(again.error.message);
  expect((await openLezKey(again.data, passphrase("another good passphrase"))).ok).toBe(true);
  expect((await openLezKey(again.data, passphrase())).ok).toBe(false);
  expect(again.data).toMatchObject({ account: ACCOUNT, createdAt: key.createdAt });
});

test("no command of the mock ledger opens it, and --force does not replace it [lez-key-apart]", () => {
  const file = box.path("lez.json");
  writeJson(file, key, false);
  expect(readLezKeyFile(file)).toMatchObject({ ok: true, data: { account: ACCOUNT } });
  for (const role of ["owner", "agent"] as const) {
    expect(readKeyFile(file, role)).toMatchObject({ ok: false, error: { code: "wrong_role", message: expect.stringContaining("Logos") } });
  }
  expect(ownerKeyInPlace(file)).toMatchObject({ error: { code: "file_exists" } });
  expect(ownerKeyInPlace(file, ACCOUNT)).toBeUndefined();
});

test("a raw key is 64 hex digits, above zero and below the order of the curve", async () => {
  for (const text of ["", "01", `0x${HEX}`, HEX.slice(1), `${HEX}0`, "z".repeat(64)]) expect(secretOfHex(text), text).toBeUndefined();
  expect(Buffer.from(secret(` ${"AB".repeat(32)}\n`).reveal()).toString("hex")).toBe("ab".repeat(32));
  for (const none of ["00".repeat(32), ORDER, "ff".repeat(32)]) {
    expect(await lezAccountOf(secret(none))).toBeUndefined();
    expect(await createLezKeyFile(secret(none), passphrase())).toBeUndefined();
  }
});
