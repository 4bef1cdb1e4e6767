import { expect, test } from "vitest";
import { testFields } from "../../test/fields.ts";
import { CLAIM, merchant, receiver } from "../../test/fixtures.ts";
import { badHex } from "../../test/spellings.ts";
import { NETWORK } from "../lez.ts";
import { MAX_CLAIMED_LANES } from "../limits.ts";
import { checkShape } from "../text/json.ts";
import { transactionOf } from "./authorization.ts";
import { type Claim, claimDigest, claimSchema, claimTransaction, isGenuineClaim, signClaim } from "./claim.ts";

const [entry = { lane: "", amount: "" }] = CLAIM.lanes;
const lane = (i: number) => ({ ...entry, lane: i.toString(16).padStart(32, "0") });
const lanes = (count: number) => Array.from({ length: count }, (_, i) => lane(i));

testFields({
  name: "a Claim",
  schema: claimSchema,
  valid: CLAIM,
  fields: [
    { path: "version", bad: ["", "0", "2"] },
    { path: "ledger", bad: badHex(32) },
    { path: "session", bad: badHex(32) },
    {
      path: "lanes",
      type: "array",
      bad: [
        [entry, entry],
        [lane(2), lane(1)],
        [lane(1), entry],
        lanes(MAX_CLAIMED_LANES + 1),
        [{ ...entry, amount: "0" }],
        [{ ...entry, amount: "01" }],
        [{ ...entry, lane: "1" }],
        [{ ...entry, voucher: "" }],
        [{ lane: "0", amount: "1" }],
        [{ ...entry, surprise: "x" }],
      ],
      good: [[entry, lane(1)], lanes(MAX_CLAIMED_LANES)],
    },
    { path: "final", bad: ["", "true", "Yes", "final"] },
  ],
  strict: ["", "lanes.0"],
});

test("a final claim stands alone, and no other claim is empty", () => {
  const claims = [
    { ...CLAIM, lanes: [], final: "yes" },
    { ...CLAIM, final: "yes" },
    { ...CLAIM, lanes: [] },
  ];
  expect(claims.map((claim) => checkShape(claim, claimSchema).ok)).toEqual([true, false, false]);
});

test("a claim is genuine as its receiver signed it, and by no other key of the merchant", async () => {
  const signature = await signClaim(CLAIM, receiver);
  const final: Claim = { ...CLAIM, lanes: [], final: "yes" };
  expect(await isGenuineClaim(CLAIM, signature, receiver.publicKey)).toBe(true);
  expect(await isGenuineClaim(final, signature, receiver.publicKey)).toBe(false);
  expect(await isGenuineClaim(CLAIM, await signClaim(CLAIM, merchant), receiver.publicKey)).toBe(false);
});

test("a claim has the settlement of its own digest", () => {
  expect(claimTransaction(NETWORK, CLAIM)).toBe(transactionOf(NETWORK, claimDigest(CLAIM)));
});
