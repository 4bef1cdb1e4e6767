import { describe, expect, test } from "vitest";
import { testFields } from "../../test/fields.ts";
import { owner, paymentRequest, stranger } from "../../test/fixtures.ts";
import { BAD_TIMESTAMPS, badHex, badText } from "../../test/spellings.ts";
import { MAX_NOTE_LENGTH } from "../limits.ts";
import { decisionRecordSchema } from "./decision-record.ts";
import { DECLINE_CODES, type Decision, type DecisionRecord, decisionSchema, isGenuineDecision, recordDecision } from "./decision.ts";
import { requestDigest } from "./payment-request.ts";

const decision: Decision = {
  requestDigest: requestDigest(await paymentRequest()),
  decision: "declined",
  code: "too_expensive",
  note: "Ask again when it costs less.",
  decidedAt: "2025-10-09T08:54:00Z",
};

const FIELDS = [
  { path: "requestDigest", bad: badHex(32) },
  { path: "decision", bad: ["", "approved", "Declined"], good: ["declined", "revoked"] },
  { path: "code", bad: ["", "because", "Other"], good: DECLINE_CODES },
  { path: "note", bad: badText(MAX_NOTE_LENGTH), good: ["😀".repeat(MAX_NOTE_LENGTH)], optional: true },
  { path: "decidedAt", bad: BAD_TIMESTAMPS },
] as const;

testFields({ name: "a Decision", schema: decisionSchema, valid: decision, fields: FIELDS, strict: [""] });

const signed = await recordDecision(decision, owner);

testFields({
  name: "a signed decision record",
  schema: decisionRecordSchema,
  valid: signed,
  fields: [
    { path: "decision", bad: [], type: "object" },
    ...FIELDS.map((field) => ({ ...field, path: `decision.${field.path}` })),
    { path: "publicKey", bad: badHex(32) },
    { path: "signature", bad: badHex(64) },
    { path: "signed", bad: [], type: "boolean" },
  ],
  strict: ["", "decision"],
});

describe("whose decision it is", () => {
  test("an owner's signature is genuine", async () => expect(await isGenuineDecision(signed)).toBe(true));

  test("no field of a signed decision can be changed", async () => {
    if (!signed.signed) throw new Error("expected a signature");
    const changes: Partial<Decision>[] = [
      { requestDigest: requestDigest(await paymentRequest(undefined, { id: "pr_ffffffffffffffff" })) },
      { decision: "revoked" },
      { code: "other" },
      { note: "Never ask again." },
      { decidedAt: "2025-10-09T08:54:01Z" },
    ];
    for (const change of changes) expect(await isGenuineDecision({ ...signed, decision: { ...decision, ...change } })).toBe(false);
    expect(await isGenuineDecision({ ...signed, publicKey: stranger.publicKey } as DecisionRecord)).toBe(false);
  });

  test("a decision without a key says that it is unsigned, and claims nothing", async () => {
    const unsigned = await recordDecision(decision);
    expect(unsigned).toEqual({ decision, signed: false });
    expect(await isGenuineDecision(unsigned)).toBe(true);
  });

  test("an unsigned record with a signature is no record", () => {
    expect(decisionRecordSchema.safeParse({ ...signed, signed: false }).success).toBe(false);
    expect(decisionRecordSchema.safeParse({ decision, signed: true }).success).toBe(false);
    expect(decisionRecordSchema.safeParse({ decision }).success).toBe(false);
  });
});
