import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ACCOUNT, BAD_ACCOUNTS } from "../../test/spellings.ts";
import { accountOfBytes, accountOfKey, isAccountId, parseAccountId } from "./account.ts";

test("an account is the hash of a 32-byte prefix and the key", () => {
  const prefix = Buffer.from("/LEZ-x402/v1/AccountId/Ed25519/\0");
  const key = new Uint8Array(32).fill(9);
  expect(prefix).toHaveLength(32);
  expect(accountOfKey(key)).toBe(accountOfBytes(createHash("sha256").update(prefix).update(key).digest()));
});

test("32 bytes have exactly one spelling", () => {
  expect(isAccountId(ACCOUNT)).toBe(true);
  expect(BAD_ACCOUNTS.filter(isAccountId)).toEqual([]);
  fc.assert(fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => isAccountId(accountOfBytes(bytes))));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => isAccountId(accountOfBytes(bytes)) === (bytes.length === 32)));
});

test("the all-zero and the all-one account are accounts", () => {
  expect([0, 255].map((byte) => isAccountId(accountOfBytes(new Uint8Array(32).fill(byte))))).toEqual([true, true]);
});

test("people may write Public/ before an account, and spaces around it", () => {
  for (const input of [ACCOUNT, `Public/${ACCOUNT}`, ` ${ACCOUNT}\n`, `\tPublic/${ACCOUNT} `]) {
    expect(parseAccountId(input)).toEqual({ ok: true, account: ACCOUNT });
  }
});

test("a private LEZ account is refused by name", () => {
  expect(parseAccountId(`Private/${ACCOUNT}`)).toMatchObject({ ok: false, problem: expect.stringContaining("private") });
});

test("other prefixes and anything else are refused", () => {
  for (const input of [`public/${ACCOUNT}`, `Public/Public/${ACCOUNT}`, `Public/Private/${ACCOUNT}`, `Public/ ${ACCOUNT}`, "", "Public/"]) {
    expect(parseAccountId(input), input).toMatchObject({ ok: false });
  }
});

test("any string is judged without throwing, however long", () => {
  fc.assert(fc.property(fc.string(), (input) => typeof parseAccountId(input).ok === "boolean"));
  expect(isAccountId("z".repeat(5_000_000))).toBe(false);
});
