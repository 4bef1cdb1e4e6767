import { testFields } from "../../test/fields.ts";
import { owner } from "../../test/fixtures.ts";
import { BAD_ACCOUNTS, BAD_AMOUNTS, badHex } from "../../test/spellings.ts";
import { captureCommandSchema, reservationSchema, reserveCommandSchema, settleCommandSchema, unverifiedPaymentSchema } from "./commands.ts";

const id = "ab".repeat(32);
const payment = { paymentPayload: {}, paymentRequirements: {} };

testFields({
  name: "a command to reserve",
  schema: reserveCommandSchema(unverifiedPaymentSchema),
  valid: { payment, reservationId: id, holdSeconds: 60 },
  fields: [
    { path: "payment", bad: [], type: "object" },
    { path: "reservationId", bad: badHex(32) },
    { path: "holdSeconds", bad: [-1, 0.5, 2 ** 53], type: "number" },
  ],
  strict: ["", "payment"],
});

testFields({
  name: "a command to settle",
  schema: settleCommandSchema(unverifiedPaymentSchema),
  valid: { payment, settlementId: id },
  fields: [
    { path: "payment", bad: [], type: "object" },
    { path: "settlementId", bad: badHex(32) },
  ],
  strict: ["", "payment"],
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

testFields({
  name: "a command to capture",
  schema: captureCommandSchema,
  valid: { payer: owner.account, nonce: id, reservationId: id, value: "0" },
  fields: [
    { path: "payer", bad: BAD_ACCOUNTS },
    { path: "nonce", bad: badHex(32) },
    { path: "reservationId", bad: badHex(32) },
    { path: "value", bad: BAD_AMOUNTS.filter((amount) => amount !== "0"), optional: true },
  ],
  strict: [""],
});
