import { testFields } from "../../test/fields.ts";
import { merchant, NOW, owner } from "../../test/fixtures.ts";
import { BAD_ACCOUNTS, BAD_AMOUNTS, badHex } from "../../test/spellings.ts";
import { ledgerPaymentSchema } from "./ledger-payment.ts";

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
    scheme: "upto",
    validAfter: NOW,
    validBefore: NOW + 900,
    requestDigest: id,
    mandate: {
      digest: id,
      grantedAt: NOW,
      validAfter: NOW,
      validBefore: NOW + 3600,
      total: "50000",
      period: { seconds: 3600, amount: "20000", count: 3 },
    },
  },
  fields: [
    { path: "payer", bad: BAD_ACCOUNTS },
    { path: "nonce", bad: badHex(32) },
    { path: "authorizationDigest", bad: badHex(32) },
    { path: "payee", bad: BAD_ACCOUNTS },
    { path: "value", bad: BAD_AMOUNTS },
    { path: "scheme", bad: ["exact", "", "Upto"], optional: true },
    { path: "validAfter", bad: BAD_SECONDS, type: "number" },
    { path: "validBefore", bad: BAD_SECONDS, type: "number" },
    { path: "requestDigest", bad: badHex(32), optional: true },
    { path: "mandate", bad: [], type: "object", optional: true },
    { path: "mandate.digest", bad: badHex(32) },
    { path: "mandate.grantedAt", bad: BAD_SECONDS, type: "number" },
    { path: "mandate.validAfter", bad: BAD_SECONDS, type: "number" },
    { path: "mandate.validBefore", bad: BAD_SECONDS, type: "number" },
    { path: "mandate.total", bad: BAD_AMOUNTS },
    { path: "mandate.period", bad: [], type: "object", optional: true },
    { path: "mandate.period.seconds", bad: [0, ...BAD_SECONDS], type: "number" },
    { path: "mandate.period.amount", bad: BAD_AMOUNTS },
    { path: "mandate.period.count", bad: BAD_SECONDS, type: "number", optional: true },
  ],
  strict: ["", "mandate", "mandate.period"],
});
