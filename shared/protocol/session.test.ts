import { describe, expect, test } from "vitest";
import { change, testFields } from "../../test/fields.ts";
import { NOW, SESSION } from "../../test/fixtures.ts";
import { ACCOUNT, BAD_ACCOUNTS, BAD_AMOUNTS, BAD_UNIX_SECONDS, badHex, GOOD_AMOUNTS } from "../../test/spellings.ts";
import { canonicalJson, type Digest } from "../crypto/digest.ts";
import { MAX_SESSION_CONFIG_BYTES, MAX_SESSION_SECONDS } from "../limits.ts";
import { checkShape } from "../text/json.ts";
import { type Session, sessionSchema } from "./session.ts";

/** With every member. */
const session: Session = { ...SESSION, requestDigest: "7e".repeat(32) as Digest, mandate: "7f".repeat(32) as Digest };

testFields({
  name: "a Session",
  schema: sessionSchema,
  valid: session,
  fields: [
    { path: "version", bad: ["", "0", "2", "01"] },
    { path: "network", bad: ["n".repeat(65)] },
    { path: "asset", bad: ["n".repeat(65)] },
    { path: "ledger", bad: badHex(32) },
    { path: "from", bad: BAD_ACCOUNTS, good: [ACCOUNT] },
    { path: "to", bad: BAD_ACCOUNTS, good: [ACCOUNT] },
    { path: "signer", bad: badHex(32) },
    { path: "receiver", bad: badHex(32) },
    { path: "deposit", bad: BAD_AMOUNTS, good: GOOD_AMOUNTS },
    { path: "validAfter", bad: BAD_UNIX_SECONDS },
    { path: "validBefore", bad: BAD_UNIX_SECONDS },
    { path: "expiresAt", bad: BAD_UNIX_SECONDS },
    { path: "withdrawDelay", bad: ["", "0", "899", "2592001", "0900", "900.0", "9e2", " 900", "900\n"], good: ["900", "2592000"] },
    { path: "origin", bad: ["", "shop.example", "https://shop.example/", "https://*.shop.example"], good: ["http://127.0.0.1:8787"] },
    { path: "nonce", bad: badHex(32) },
    { path: "requestDigest", bad: badHex(32), optional: true },
    { path: "mandate", bad: badHex(32), optional: true },
  ],
  strict: [""],
});

describe("the times of a session", () => {
  const at = (validAfter: number, validBefore: number, expiresAt: number) =>
    checkShape(
      { ...session, validAfter: String(validAfter), validBefore: String(validBefore), expiresAt: String(expiresAt) },
      sessionSchema,
    ).ok;

  test("are in order, the same second included", () => {
    expect([at(NOW, NOW, NOW), at(NOW + 1, NOW, NOW), at(NOW, NOW + 1, NOW)]).toEqual([true, false, false]);
  });

  test("span at most seven days", () => {
    expect([MAX_SESSION_SECONDS, MAX_SESSION_SECONDS + 1].map((life) => at(NOW, NOW, NOW + life))).toEqual([true, false]);
  });
});

test("the largest session is as large as the ledger keeps", () => {
  const origin = `https://${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}:65535`;
  const largest = { ...session, origin, network: "n".repeat(64), asset: "a".repeat(64), deposit: "9".repeat(38) };
  const text = canonicalJson(change(largest, "expiresAt", String(NOW + MAX_SESSION_SECONDS)));
  expect(checkShape(JSON.parse(text), sessionSchema)).toMatchObject({ ok: true });
  expect(text.length).toBeLessThan(MAX_SESSION_CONFIG_BYTES);
});
