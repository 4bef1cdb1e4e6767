import { expect, test } from "vitest";
import { testFields } from "../../test/fields.ts";
import { agent, stranger, VOUCHER } from "../../test/fixtures.ts";
import { BAD_AMOUNTS, badHex, GOOD_AMOUNTS } from "../../test/spellings.ts";
import type { Amount } from "./amount.ts";
import { isGenuineVoucher, signVoucher, voucherSchema } from "./voucher.ts";

testFields({
  name: "a Voucher",
  schema: voucherSchema,
  valid: VOUCHER,
  fields: [
    { path: "session", bad: badHex(32) },
    { path: "lane", bad: ["1", "00", ...badHex(16)], good: ["0", "00".repeat(16)] },
    { path: "serial", bad: ["", "0", "-1", "01", "1.0", "1e3", " 1", "1\n", "9007199254740992"], good: ["9007199254740991"] },
    { path: "maxClaimableAmount", bad: BAD_AMOUNTS, good: GOOD_AMOUNTS },
    { path: "binding", bad: badHex(32), optional: true },
  ],
  strict: [""],
});

test("a voucher is genuine as its signer signed it, for that signer's sessions only", async () => {
  const signed = await signVoucher(VOUCHER, agent);
  const raised = { ...signed, voucher: { ...VOUCHER, maxClaimableAmount: "10001" as Amount } };
  expect(await Promise.all([signed, raised].map((voucher) => isGenuineVoucher(voucher, agent.publicKey)))).toEqual([true, false]);
  expect(await isGenuineVoucher(signed, stranger.publicKey)).toBe(false);
});
