import { merchant, owner, NOW } from "../../test/fixtures.ts";
import { testFields } from "../../test/fields.ts";
import { BAD_ACCOUNTS, BAD_AMOUNTS, badHex } from "../../test/spellings.ts";
import { holdSchema, ledgerPaymentSchema, reservationSchema } from "./backend.ts";

const id = "ab".repeat(32);
const BAD_SECONDS = [-1, 0.5, 2 ** 53];

testFields({
  name: "a payment as the ledger gets it",
  schema: ledgerPaymentSchema,
  valid: {
    payer: owner.account,
    nonce: id,
    authorizationDigest: id,
    payee: merchant.account,
    value: "10000",
    validAfter: NOW,
    validBefore: NOW + 900,
    requestDigest: id,
  },
  fields: [
    { path: "payer", bad: BAD_ACCOUNTS },
    { path: "nonce", bad: badHex(32) },
    { path: "authorizationDigest", bad: badHex(32) },
    { path: "payee", bad: BAD_ACCOUNTS },
    { path: "value", bad: BAD_AMOUNTS },
    { path: "validAfter", bad: BAD_SECONDS, type: "number" },
    { path: "validBefore", bad: BAD_SECONDS, type: "number" },
    { path: "requestDigest", bad: badHex(32), optional: true },
  ],
  strict: [""],
});

testFields({
  name: "a hold",
  schema: holdSchema,
  valid: { reservationId: id, fingerprint: id, seconds: 60 },
  fields: [
    { path: "reservationId", bad: badHex(32) },
    { path: "fingerprint", bad: badHex(32) },
    { path: "seconds", bad: BAD_SECONDS, type: "number" },
  ],
  strict: [""],
});

testFields({
  name: "a reservation",
  schema: reservationSchema,
  valid: { payer: owner.account, nonce: id, reservationId: id },
  fields: [
    { path: "payer", bad: BAD_ACCOUNTS },
    { path: "nonce", bad: badHex(32) },
    { path: "reservationId", bad: badHex(32) },
  ],
  strict: [""],
});
