import { describe, expect, test } from "vitest";
import { change, testFields } from "../../test/fields.ts";
import { MANDATE, merchant, NOW, owner, stranger } from "../../test/fixtures.ts";
import { ACCOUNT, BAD_ACCOUNTS, BAD_AMOUNTS, BAD_UNIX_SECONDS, badHex, badText, GOOD_AMOUNTS } from "../../test/spellings.ts";
import { MAX_MANDATE_NOTE_LENGTH, MAX_MANDATE_SECONDS, MAX_SIGNED_MANDATE_BYTES } from "../limits.ts";
import { parseJson } from "../text/json.ts";
import type { Amount } from "./amount.ts";
import { allows, isGenuineMandate, type Mandate, mandateSchema, type SignedMandate, signedMandateSchema, signMandate } from "./mandate.ts";

/** With every member. */
const mandate: Mandate = {
  ...MANDATE,
  grantedAt: String(NOW),
  validAfter: String(NOW),
  total: "300000000" as Amount,
  origins: ["https://merchant.example.com", "https://shop.example:8443"],
  schemes: ["batch-settlement", "exact", "upto"],
  session: { deposit: "5000000" as Amount, seconds: "86400", withdrawDelay: "900", open: "1" },
  note: "For the weekly review of prices.",
};

const NOT_A_COUNT = ["", "0", "-1", "01", "1.0", "1e3", " 1", "1\n", "9".repeat(17)];

/** Without optional and dependent members, for tests of one rule each. */
const { session: _session, note: _note, period: _period, ...rest } = mandate;
const least: Mandate = { ...rest, schemes: ["exact"] };

testFields({
  name: "a Mandate",
  schema: mandateSchema,
  valid: mandate,
  fields: [
    { path: "version", bad: ["", "0", "2", "01"] },
    { path: "network", bad: ["n".repeat(65)] },
    { path: "asset", bad: ["n".repeat(65)] },
    { path: "ledger", bad: badHex(32) },
    { path: "from", bad: BAD_ACCOUNTS, good: [ACCOUNT] },
    { path: "agent", bad: badHex(32) },
    { path: "grantedAt", bad: BAD_UNIX_SECONDS },
    { path: "validAfter", bad: BAD_UNIX_SECONDS },
    { path: "validBefore", bad: BAD_UNIX_SECONDS },
    { path: "perPayment", bad: BAD_AMOUNTS, good: GOOD_AMOUNTS },
    { path: "total", bad: BAD_AMOUNTS, good: GOOD_AMOUNTS },
    { path: "period", bad: [], type: "object", optional: true },
    { path: "period.seconds", bad: [...NOT_A_COUNT, "3599", "2678401"], good: ["3600", "2678400"] },
    { path: "period.amount", bad: BAD_AMOUNTS, good: GOOD_AMOUNTS },
    { path: "period.count", bad: NOT_A_COUNT, good: ["1", "9007199254740991"], optional: true },
    {
      path: "payees",
      type: "array",
      bad: [
        [],
        ["*", merchant.account],
        [merchant.account, "*"],
        ["*", "*"],
        [merchant.account, merchant.account],
        [owner.account, merchant.account].sort().toReversed(),
        [`${merchant.account} `],
        Array.from({ length: 33 }, () => ACCOUNT),
      ],
      good: [["*"], [owner.account, merchant.account].sort()],
    },
    {
      path: "origins",
      type: "array",
      bad: [
        [],
        ["*", "https://shop.example"],
        ["https://shop.example/"],
        ["https://SHOP.example"],
        ["https://shop.example:443"],
        ["shop.example"],
        ["https://*.shop.example"],
        ["ftp://shop.example"],
        ["https://shop.example", "https://shop.example"],
        ["https://shop.example", "https://merchant.example.com"],
        ["https://user@shop.example"],
      ],
      good: [["*"], ["http://127.0.0.1:8787"], ["http://[::1]:8787", "https://shop.example"]],
    },
    {
      path: "schemes",
      type: "array",
      bad: [[], ["exact", "batch-settlement"], ["batch-settlement", "batch-settlement"], ["batch-settlement", "cash"], ["*"]],
      good: [["batch-settlement"], ["batch-settlement", "upto"]],
    },
    { path: "session.deposit", bad: BAD_AMOUNTS, good: GOOD_AMOUNTS },
    { path: "session.seconds", bad: [...NOT_A_COUNT, "604801"], good: ["1", "604800"] },
    { path: "session.withdrawDelay", bad: [...NOT_A_COUNT, "899", "2592001"], good: ["900", "2592000"] },
    { path: "session.open", bad: [...NOT_A_COUNT, "1001"], good: ["1000"] },
    { path: "note", bad: badText(MAX_MANDATE_NOTE_LENGTH), good: ["😀".repeat(MAX_MANDATE_NOTE_LENGTH)], optional: true },
    { path: "salt", bad: badHex(32) },
  ],
  strict: ["", "period", "session"],
});

describe("what members of a Mandate say together", () => {
  const problemOf = (value: object) => {
    const parsed = parseJson(JSON.stringify(value), 10_000, mandateSchema);
    return parsed.ok ? undefined : parsed.problem;
  };

  test.each([
    ["its least form", {}],
    ["a period without a count", { period: { seconds: "3600", amount: "1" } }],
    ["one second", { validBefore: String(NOW) }],
    ["granted for later", { validAfter: String(NOW + 1000) }],
    ["90 days", { validBefore: String(NOW + MAX_MANDATE_SECONDS) }],
    ["refunds alone", { schemes: ["refund"], origins: ["*"] }],
  ])("%s is taken", (_, changes) => expect(problemOf({ ...least, ...changes })).toBeUndefined());

  test.each([
    ["begins before it was granted", { validAfter: String(NOW - 1) }],
    ["ends before it begins", { validAfter: String(NOW + 1), validBefore: String(NOW) }],
    ["ends more than", { validBefore: String(NOW + MAX_MANDATE_SECONDS + 1) }],
    ["ends more than", { grantedAt: String(NOW - 86_400), validBefore: String(NOW + MAX_MANDATE_SECONDS) }],
    ["the agent's key is the key of the account", { agent: owner.publicKey }],
    ["session goes with", { session: mandate.session }],
    ["session goes with", { schemes: ["batch-settlement"] }],
    ["stands alone", { schemes: ["exact", "refund"], origins: ["*"] }],
    ["stands alone", { schemes: ["refund"] }],
  ])("%s: %o", (problem, changes) => expect(problemOf({ ...least, ...changes })).toContain(problem));
});

describe("a signed mandate", () => {
  test("is genuine if the key of its account signed all of it", async () => {
    const signed = await signMandate(mandate, owner);
    expect(await isGenuineMandate(signed)).toBe(true);
    for (const [path, value] of [
      ["total", "300000001"],
      ["period.count", "1001"],
      ["payees", ["*"]],
      ["note", undefined],
      ["salt", "5b".repeat(32)],
    ] as const) {
      expect(await isGenuineMandate({ ...signed, mandate: change(mandate, path, value) }), path).toBe(false);
    }
  });

  test("is not genuine if another key signed it, or its key is named beside another's signature", async () => {
    const forged = await signMandate(mandate, stranger);
    expect(await isGenuineMandate(forged)).toBe(false);
    expect(await isGenuineMandate({ ...forged, publicKey: owner.publicKey } as SignedMandate)).toBe(false);
  });

  test("is refused with a proof that this version does not know, beside its own or alone", async () => {
    const signed = await signMandate(mandate, owner);
    const isTaken = (value: object) => signedMandateSchema.safeParse(value).success;
    expect(isTaken(signed)).toBe(true);
    expect(isTaken({ mandate, proof: { kind: "webauthn" } })).toBe(false);
    expect(isTaken({ ...signed, proof: { kind: "webauthn" } })).toBe(false);
    expect(isTaken({ ...signed, signature: signed.signature?.toUpperCase() })).toBe(false);
  });

  test("is refused if its payments would not fit a header", async () => {
    const many = Array.from({ length: 32 }, (_, i) => `https://shop-${String(i).padStart(2, "0")}.example`);
    const sizeOf = (value: object) => JSON.stringify(value).length;
    const fits = await signMandate({ ...least, origins: many }, owner);
    expect(sizeOf(fits)).toBeLessThanOrEqual(MAX_SIGNED_MANDATE_BYTES);
    expect(signedMandateSchema.safeParse(fits).success).toBe(true);
    const long = await signMandate(
      { ...least, origins: many.map((origin) => `${origin.slice(0, -8)}.a-long-name-of-a-shop-somewhere.example`) },
      owner,
    );
    expect(sizeOf(long)).toBeGreaterThan(MAX_SIGNED_MANDATE_BYTES);
    expect(signedMandateSchema.safeParse(long).error?.issues[0]?.message).toContain("name fewer payees and origins");
  });
});

test("a list names one, or any by * alone", () => {
  expect(allows(["*"], "https://shop.example")).toBe(true);
  expect(allows(["https://shop.example"], "https://shop.example")).toBe(true);
  expect(allows(["https://shop.example"], "https://other.example")).toBe(false);
});
