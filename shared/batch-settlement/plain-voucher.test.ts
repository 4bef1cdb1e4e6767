import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkShape } from "../text/json.ts";
import { voucherPayloadSchema } from "./payload.ts";
import { readPlainVoucher } from "./plain-voucher.ts";

const VOUCHER = {
  session: "5e".repeat(32),
  lane: "1a".repeat(16),
  serial: "7",
  maxClaimableAmount: "70",
  binding: "b1".repeat(32),
};
const PAYLOAD = {
  type: "voucher",
  from: "4uQeVj5tqViQh7yWWGStvkEG1Zmhx6uasJtWCJziofM",
  voucher: VOUCHER,
  voucherSignature: "0f".repeat(64),
};
const { binding: _, ...UNBOUND } = VOUCHER;

describe("a plain voucher", () => {
  test.each([
    ["with a binding", PAYLOAD],
    ["without one", { ...PAYLOAD, voucher: UNBOUND }],
    ["of lane 0", { ...PAYLOAD, voucher: { ...VOUCHER, lane: "0" } }],
    ["of the highest serial", { ...PAYLOAD, voucher: { ...VOUCHER, serial: String(Number.MAX_SAFE_INTEGER) } }],
  ])("%s is read as its schema reads it", (_what, payload) => {
    expect(checkShape(payload, voucherPayloadSchema)).toEqual({ ok: true, value: payload });
    expect(readPlainVoucher(payload)).toEqual(payload);
  });

  test("loses members of other readers, which the schema keeps", () => {
    expect(readPlainVoucher({ ...PAYLOAD, memo: "1" })).toEqual(PAYLOAD);
  });
});

/** Values that are nearly right for one member, or for all. */
const wrong = fc.oneof(
  fc.constantFrom(undefined, null, "", "0", "00", "-1", "1.0", "1e3", " 1", "1\n", "9007199254740992", "9007199254740991", 7, true),
  fc.constantFrom(
    "voucher",
    "deposit",
    [],
    {},
    ["7"],
    VOUCHER,
    PAYLOAD.from,
    `${PAYLOAD.from}1`,
    "340282366920938463463374607431768211456",
  ),
  fc.constantFrom("5E".repeat(32), "5e".repeat(31), "5e".repeat(33), "5e".repeat(16), "5e".repeat(64), `${"5e".repeat(32)}\n`),
);

test("what is read without the schema the schema reads, too, and alike [plain-voucher]", () => {
  const member = fc.constantFrom("type", "from", "voucherSignature", "session", "lane", "serial", "maxClaimableAmount", "binding", "extra");
  const change = fc.tuple(member, wrong, fc.boolean());
  let read = 0;
  fc.assert(
    fc.property(fc.array(change, { maxLength: 2 }), (changes) => {
      const payload: Record<string, unknown> = structuredClone(PAYLOAD);
      for (const [name, value, isRemoved] of changes) {
        const at = name in VOUCHER || name === "extra" ? (payload["voucher"] as Record<string, unknown>) : payload;
        if (isRemoved) delete at[name];
        else at[name] = value;
      }
      // As it arrives: JSON has no undefined.
      const sent = JSON.parse(JSON.stringify(payload)) as Record<string, unknown>;
      const plain = readPlainVoucher(sent);
      if (!plain) return;
      read++;
      expect(checkShape(sent, voucherPayloadSchema)).toEqual({ ok: true, value: plain });
    }),
    { numRuns: 2000 },
  );
  expect(read).toBeGreaterThan(100);
});

test("what the schema takes of one changed member is read without it, but for members of other readers", () => {
  for (const name of Object.keys(VOUCHER)) {
    for (const value of fc.sample(wrong, 200)) {
      const sent = JSON.parse(JSON.stringify({ ...PAYLOAD, voucher: { ...VOUCHER, [name]: value } })) as Record<string, unknown>;
      expect(readPlainVoucher(sent) !== undefined, `${name}: ${JSON.stringify(value)}`).toBe(checkShape(sent, voucherPayloadSchema).ok);
    }
  }
});

test.each([null, "x", 7, []])("a voucher that is %j is the schema's to judge", (voucher) => {
  expect(readPlainVoucher({ ...PAYLOAD, voucher })).toBeUndefined();
});
