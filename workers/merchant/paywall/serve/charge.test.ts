/** Which charges are refused, and in whose words. */

import { describe, expect, test } from "vitest";
import type { PaymentRequirements } from "../../../../shared/x402/x402.ts";
import type { PaymentContext } from "../types.ts";
import { meterFor, unmetered } from "./charge.ts";

const offer = (extra: Record<string, unknown> = {}, scheme = "upto") =>
  ({ scheme, network: "n", asset: "a", payTo: "p", amount: "20000", maxTimeoutSeconds: 60, extra }) satisfies PaymentRequirements;
const PER_TOKEN = offer({ unit: "token", unitPrice: "2" });
const TOKEN = { unit: "token", quantity: "929", price: "2" };
const TOKENS = [TOKEN];

type Charge = (charge: PaymentContext["charge"]) => unknown;

describe("a charge", () => {
  test.each<[what: string, charge: Charge, charged: object | undefined]>([
    ["less than all", (charge) => charge("1858"), { amount: "1858" }],
    ["all", (charge) => charge("20000"), { amount: "20000" }],
    ["nothing", (charge) => charge("0"), { amount: "0" }],
    [
      "of several units",
      (charge) =>
        charge("12", [
          { unit: "token", quantity: "5", price: "2" },
          { unit: "call", quantity: "1", price: "2" },
        ]),
      {
        amount: "12",
        usage: [
          { unit: "token", quantity: "5", price: "2" },
          { unit: "call", quantity: "1", price: "2" },
        ],
      },
    ],
    ["that is never made", () => undefined, undefined],
  ])("%s is taken as it is", (_what, charge, charged) => {
    const meter = meterFor(offer());
    charge(meter.charge);
    const metered = meter.close();
    expect(metered.ok && metered.charged).toEqual(charged);
  });

  test("does not change with the list that it was made from", () => {
    const meter = meterFor(PER_TOKEN);
    const line = { ...TOKEN };
    meter.charge("1858", [line]);
    line.quantity = "1";
    expect(meter.close()).toMatchObject({ charged: { usage: TOKENS } });
  });

  test.each<[what: string, code: string, problem: string, charge: Charge]>([
    ["above what was signed", "charge_exceeded", "20001 is more than 20000", (charge) => charge("20001")],
    ["a second time", "internal_error", "charged before", (charge) => (charge("1858", TOKENS), charge("1858", TOKENS))],
    ["of no sum", "internal_error", "the sum must be atomic units", (charge) => charge("1,858", TOKENS)],
    ["of a number", "internal_error", "the sum must be atomic units", (charge) => charge(1858 as never, TOKENS)],
    ["below nothing", "internal_error", "the sum must be atomic units", (charge) => charge("-1", TOKENS)],
    ["whose usage comes to another sum", "internal_error", "comes to 1858, charged is 1857", (charge) => charge("1857", TOKENS)],
    ["at another price", "internal_error", "names 1 per token, the offer 2", (charge) => charge("929", [{ ...TOKEN, price: "1" }])],
    [
      "of another unit",
      "internal_error",
      "names 2 per word, the offer 2 per token",
      (charge) => charge("1858", [{ ...TOKEN, unit: "word" }]),
    ],
    ["without the usage that a unit price promises", "internal_error", "needs its usage", (charge) => charge("1858")],
    ["with a usage of no lines", "internal_error", "usage: ", (charge) => charge("0", [])],
    ["of half a token", "internal_error", "usage: must be a whole number", (charge) => charge("1", [{ ...TOKEN, quantity: "0.5" }])],
    [
      "with a unit that can move text",
      "internal_error",
      "usage: must be ASCII",
      (charge) => charge("1858", [{ ...TOKEN, unit: "\u202enekot" }]),
    ],
    [
      "with more lines than fit",
      "internal_error",
      "usage: ",
      (charge) =>
        charge(
          "34",
          Array.from({ length: 17 }, () => ({ ...TOKEN, quantity: "1" })),
        ),
    ],
  ])("%s is thrown, and remembered", (_what, code, problem, charge) => {
    const meter = meterFor(PER_TOKEN);
    expect(() => charge(meter.charge)).toThrow(`charge: `);
    const metered = meter.close();
    expect(metered).toMatchObject({ ok: false, code });
    expect(!metered.ok && metered.error.message).toContain(problem);
    // A second, good charge does not make up for it.
    expect(() => meter.charge("1858", TOKENS)).toThrow();
    expect(meter.close()).toMatchObject({ ok: false });
  });

  test("after the answer was returned is thrown, and changes nothing", () => {
    const meter = meterFor(offer());
    meter.charge("1");
    expect(meter.close()).toMatchObject({ ok: true, charged: { amount: "1" } });
    expect(() => meter.charge("2")).toThrow("the answer was returned before");
  });

  test("of a payment that was charged earlier counts nothing; one of exact is thrown, unless its route is metered [metered-exact]", () => {
    expect(() => unmetered(offer(), () => false)("20001")).not.toThrow();
    expect(() => unmetered(offer({}, "exact"), () => false)("1")).toThrow('of scheme "exact"');
    expect(() => unmetered(offer({}, "exact"), () => true)("1")).not.toThrow();
  });
});
