import { describe, expect, test } from "vitest";
import { testFields } from "../../test/fields.ts";
import { agent, merchant, REFUND, REFUND_MANDATE } from "../../test/fixtures.ts";
import { ACCOUNT, BAD_ACCOUNTS, BAD_AMOUNTS, BAD_UNIX_SECONDS, badHex, GOOD_AMOUNTS } from "../../test/spellings.ts";
import { NETWORK } from "../lez.ts";
import { checkShape } from "../text/json.ts";
import { transactionOf } from "./authorization.ts";
import { mandateDigest, signMandate } from "./mandate.ts";
import { REFUND_REASONS, refundDigest, refundSchema, refundTransaction, signedRefundSchema, signRefund } from "./refund.ts";

testFields({
  name: "a Refund",
  schema: refundSchema,
  valid: { ...REFUND, mandate: mandateDigest(REFUND_MANDATE) },
  fields: [
    { path: "version", bad: ["", "0", "2"] },
    { path: "network", bad: ["n".repeat(65)] },
    { path: "asset", bad: ["n".repeat(65)] },
    { path: "ledger", bad: badHex(32) },
    { path: "transaction", bad: badHex(32) },
    { path: "from", bad: BAD_ACCOUNTS, good: [ACCOUNT] },
    { path: "to", bad: BAD_ACCOUNTS, good: [ACCOUNT] },
    { path: "entry", bad: ["", "0", "-1", "01", "1.0", "1e3", " 1", "1\n", "9".repeat(16)], good: ["1", "9".repeat(15)] },
    { path: "amount", bad: BAD_AMOUNTS, good: GOOD_AMOUNTS },
    { path: "reason", bad: ["", "because", "Other"], good: REFUND_REASONS },
    { path: "id", bad: badHex(32) },
    { path: "issuedAt", bad: BAD_UNIX_SECONDS },
    { path: "mandate", bad: badHex(32), optional: true },
  ],
  strict: [""],
});

describe("a signed refund", () => {
  test("has the mandate that it names beside it, and no other", async () => {
    const mandate = await signMandate(REFUND_MANDATE, merchant);
    const named = { ...REFUND, mandate: mandateDigest(REFUND_MANDATE) };
    const shapes = [
      await signRefund(REFUND, merchant),
      await signRefund(named, agent, mandate),
      await signRefund(named, agent),
      await signRefund(REFUND, merchant, mandate),
    ];
    expect(shapes.map((shape) => checkShape(shape, signedRefundSchema).ok)).toEqual([true, true, false, false]);
  });

  test("has a settlement of its own, which is not that of the payment", () => {
    expect(refundTransaction(REFUND)).toBe(transactionOf(NETWORK, refundDigest(REFUND)));
    expect(refundTransaction(REFUND)).not.toBe(REFUND.transaction);
  });
});
