import { describe, expect, test } from "vitest";
import { testFields } from "../../test/fields.ts";
import { approve, owner, paymentRequest, stranger } from "../../test/fixtures.ts";
import { BAD_ACCOUNTS, BAD_AMOUNTS, BAD_UNIX_SECONDS, badHex, GOOD_AMOUNTS } from "../../test/spellings.ts";
import { NETWORK } from "../lez.ts";
import { approvalNonce, authorizationDigest, authorizationSchema, transactionOf } from "./authorization.ts";
import { exactPayloadSchema } from "./exact-payload.ts";

const { authorization, payload } = await approve(await paymentRequest());

const FIELDS = [
  { path: "network", bad: ["n".repeat(65)] },
  { path: "asset", bad: ["a".repeat(65)] },
  { path: "from", bad: BAD_ACCOUNTS },
  { path: "to", bad: BAD_ACCOUNTS },
  { path: "value", bad: BAD_AMOUNTS, good: GOOD_AMOUNTS },
  { path: "validAfter", bad: BAD_UNIX_SECONDS, good: ["0", "999999999999"] },
  { path: "validBefore", bad: BAD_UNIX_SECONDS, good: ["0", "999999999999"] },
  { path: "nonce", bad: badHex(32) },
  { path: "binding", bad: badHex(32), optional: true },
  { path: "ledger", bad: badHex(32), optional: true },
  { path: "requestDigest", bad: badHex(32), optional: true },
] as const;

testFields({ name: "an Authorization", schema: authorizationSchema, valid: authorization, fields: FIELDS, strict: [""] });

testFields({
  name: "the payload of scheme exact",
  schema: exactPayloadSchema,
  valid: payload.payload,
  fields: [
    { path: "authorization", bad: [], type: "object" },
    ...FIELDS.map((field) => ({ ...field, path: `authorization.${field.path}` })),
    { path: "publicKey", bad: badHex(32) },
    { path: "signature", bad: badHex(64) },
  ],
  strict: ["authorization"],
});

describe("what is derived from an authorization", () => {
  const digest = authorizationDigest(authorization);

  test("its digest covers every member", () => {
    for (const key of Object.keys(authorization)) {
      const { [key as keyof typeof authorization]: _, ...rest } = authorization;
      expect(authorizationDigest(rest as typeof authorization), key).not.toBe(digest);
    }
  });

  test("its digest does not depend on the order of its members", () => {
    const reversed = Object.fromEntries(Object.entries(authorization).toReversed()) as typeof authorization;
    expect(authorizationDigest(reversed)).toBe(digest);
  });

  test("the nonce of an approval is one per payer and request", () => {
    const nonce = approvalNonce(owner.account, digest);
    expect(approvalNonce(owner.account, digest)).toBe(nonce);
    expect(approvalNonce(stranger.account, digest)).not.toBe(nonce);
    expect(approvalNonce(owner.account, authorization.nonce)).not.toBe(nonce);
  });

  test("the transaction is one per network and authorization", () => {
    const transaction = transactionOf(NETWORK, digest);
    expect(transactionOf(NETWORK, digest)).toBe(transaction);
    expect(transactionOf("logos:other", digest)).not.toBe(transaction);
    expect(transactionOf(NETWORK, authorization.nonce)).not.toBe(transaction);
  });
});
