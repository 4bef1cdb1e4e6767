import { describe, expect, test } from "vitest";
import { LEDGER } from "../../test/fixtures.ts";
import { newMandate, newPayer, signedPayment, signedUnder } from "../../test/signed.ts";
import { BAD_AMOUNTS } from "../../test/spellings.ts";
import { verifyExact } from "../exact/verify.ts";
import type { Amount } from "../protocol/amount.ts";
import { unixNow } from "../time.ts";
import { isUpto, splitCharge, verifyUpto } from "./verify.ts";

const [payer, agent] = await Promise.all([newPayer(), newPayer()]);
const contextNow = () => ({ now: unixNow(), ledger: LEDGER });

test("a payment of upto verifies over its maximum, and says so to the ledger", async () => {
  const { payload, requirements, payment, transaction } = await signedPayment(payer, { scheme: "upto" });
  expect(payment).toMatchObject({ scheme: "upto", value: "10000" });
  expect(await verifyUpto(payload, requirements, contextNow())).toEqual({ ok: true, payment, transaction });
  expect(await verifyUpto(payload, { ...requirements, amount: "9999" }, contextNow())).toMatchObject({ code: "amount_mismatch" });
  expect(await verifyExact(payload, requirements, contextNow())).toMatchObject({ code: "unsupported_scheme" });
});

test("a payment of exact is none, whatever the offer says", async () => {
  const { payload, requirements } = await signedPayment(payer);
  const upto = { ...requirements, scheme: "upto" };
  expect(await verifyUpto({ ...payload, accepted: upto }, upto, contextNow())).toMatchObject({ code: "unsupported_scheme" });
});

test("a mandate must name the scheme, and bounds the maximum", async () => {
  const under = async (schemes: ("exact" | "upto")[], value = "10000" as Amount) => {
    const mandate = await newMandate(payer, agent, LEDGER, { schemes });
    const { payload, requirements } = await signedUnder(mandate, agent, { scheme: "upto", value });
    return verifyUpto(payload, requirements, contextNow());
  };
  expect(await under(["exact", "upto"])).toMatchObject({ ok: true, payment: { scheme: "upto" } });
  expect(await under(["exact"])).toMatchObject({ code: "mandate_mismatch" });
  expect(await under(["upto"], "10001" as Amount)).toMatchObject({ code: "mandate_exceeded", limit: "per_payment" });
});

describe("at /settle the amount", () => {
  const offer = { scheme: "upto", amount: "10000", payTo: "x" };
  const payload = { accepted: offer };

  test.each(["0", "1", "10000", "10001"])("%s is the charge, and everything else the offer", (amount) => {
    expect(splitCharge(payload, { ...offer, amount })).toEqual({ ok: true, value: { value: amount, offer } });
  });

  test.each([...BAD_AMOUNTS.filter((amount) => amount !== "0"), 5, null, undefined])("%j is no charge", (amount) => {
    expect(splitCharge(payload, { ...offer, amount })).toMatchObject({
      ok: false,
      problem: expect.stringContaining("paymentRequirements.amount"),
    });
  });

  test.each([undefined, null, {}, { accepted: null }, { accepted: { amount: 7 } }])("of a payload %j is left to verification", (broken) => {
    expect(splitCharge(broken, { ...offer, amount: "5" })).toMatchObject({ ok: true, value: { value: "5", offer: { amount: undefined } } });
  });
});

test("only the scheme's name makes an offer upto", () => {
  expect([{ scheme: "upto" }, { scheme: "upto", amount: 7 }].filter(isUpto)).toHaveLength(2);
  expect([undefined, null, "upto", [], {}, { scheme: "exact" }, { scheme: ["upto"] }].filter(isUpto)).toEqual([]);
});
