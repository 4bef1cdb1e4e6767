import { describe, expect, test } from "vitest";
import { type Field, testFields } from "../../test/fields.ts";
import { approve, offerOf, paymentRequest } from "../../test/fixtures.ts";
import { MAX_ACCEPTS, MAX_URL_LENGTH } from "../limits.ts";
import { decodeHeader, encodeHeader } from "./headers.ts";
import { paymentPayloadSchema, paymentRequiredSchema, paymentRequirementsSchema, settleResponseSchema } from "./x402.ts";

const tooLong = ["x".repeat(MAX_URL_LENGTH + 1)];
const { payload } = await approve(await paymentRequest());
const offer = { ...offerOf(), extra: { binding: "ab", ledger: "cd" } };

const OFFER_FIELDS: Field[] = [
  ...["scheme", "network", "amount", "asset", "payTo"].map((path) => ({ path, bad: tooLong })),
  { path: "maxTimeoutSeconds", bad: [0, -1], good: [0.5, 1, 1e9], type: "number" },
  { path: "extra", bad: [], optional: true, nullable: true, type: "object" },
];
const under = (parent: string, fields: Field[]) => fields.map((field) => ({ ...field, path: `${parent}.${field.path}` }));

testFields({ name: "PaymentRequirements", schema: paymentRequirementsSchema, valid: offer, fields: OFFER_FIELDS, strict: [] });

const required = {
  x402Version: 2,
  error: "payment_required",
  resource: { url: "https://merchant.example.com/premium", description: "A report", mimeType: "application/json" },
  accepts: [offer],
  extensions: { "payment-identifier": { info: {} } },
};

testFields({
  name: "PaymentRequired",
  schema: paymentRequiredSchema,
  valid: required,
  fields: [
    { path: "x402Version", bad: [0, 1, 3, 2.5], type: "number" },
    { path: "error", bad: [], optional: true, nullable: true },
    { path: "resource", bad: [], type: "object" },
    { path: "resource.url", bad: ["", ...tooLong] },
    { path: "resource.description", bad: [], optional: true, nullable: true },
    { path: "resource.mimeType", bad: [], optional: true, nullable: true },
    { path: "accepts", bad: [[], Array.from({ length: MAX_ACCEPTS + 1 }, () => offer)], type: "array" },
    ...under("accepts.0", OFFER_FIELDS),
    { path: "extensions", bad: [], optional: true, nullable: true, type: "object" },
  ],
  strict: [],
});

testFields({
  name: "PaymentPayload",
  schema: paymentPayloadSchema,
  valid: { ...payload, extensions: {} },
  fields: [
    { path: "x402Version", bad: [0, 1, 3, 2.5], type: "number" },
    { path: "resource", bad: [], optional: true, nullable: true, type: "anything" },
    { path: "accepted", bad: [], type: "object" },
    ...under("accepted", OFFER_FIELDS),
    { path: "payload", bad: [], type: "object" },
    { path: "extensions", bad: [], optional: true, nullable: true, type: "object" },
  ],
  strict: [],
});

testFields({
  name: "SettleResponse",
  schema: settleResponseSchema,
  valid: {
    success: false,
    errorReason: "nonce_replayed",
    payer: "p",
    transaction: "",
    network: "n",
    amount: "1",
    extensions: {},
    extra: {},
  },
  fields: [
    { path: "success", bad: [], type: "boolean" },
    { path: "errorReason", bad: [], optional: true, nullable: true },
    { path: "payer", bad: [], optional: true, nullable: true },
    { path: "transaction", bad: [] },
    { path: "network", bad: [] },
    { path: "amount", bad: [], optional: true, nullable: true },
    { path: "extensions", bad: [], optional: true, nullable: true, type: "object" },
    { path: "extra", bad: [], optional: true, nullable: true, type: "object" },
  ],
  strict: [],
});

describe("on the wire", () => {
  test("a real PaymentRequired and a real PaymentPayload fit their headers", () => {
    expect(decodeHeader(encodeHeader(required), paymentRequiredSchema)).toEqual({ ok: true, value: required });
    expect(decodeHeader(encodeHeader(payload), paymentPayloadSchema)).toEqual({ ok: true, value: payload });
    expect(encodeHeader(payload).length).toBeLessThan(3000);
  });
});
