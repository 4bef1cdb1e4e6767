import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BAD_AMOUNTS, GOOD_AMOUNTS } from "../../test/spellings.ts";
import { MAX_AMOUNT } from "../limits.ts";
import { displayAmount, isAmount, parseAmount } from "./amount.ts";

test("an amount is 1 to 2^128-1 in its one decimal spelling", () => {
  expect(GOOD_AMOUNTS.filter(isAmount)).toEqual(GOOD_AMOUNTS);
  expect(BAD_AMOUNTS.filter(isAmount)).toEqual([]);
  fc.assert(fc.property(fc.bigInt({ min: -5n, max: MAX_AMOUNT + 5n }), (n) => isAmount(n.toString()) === (n >= 1n && n <= MAX_AMOUNT)));
});

test("a number is not an amount", () => {
  expect([1, 1n, null, undefined, ["1"], { toString: () => "1" }].filter(isAmount)).toEqual([]);
});

describe("as a person writes it", () => {
  test.each([
    ["1.5LGO", "1500000000"],
    ["1LGO", "1000000000"],
    ["0.000000001LGO", "1"],
    ["340282366920938463463374607431.768211455LGO", MAX_AMOUNT.toString()],
    ["10000", "10000"],
  ])("%s is %s units", (text, atomic) => expect(parseAmount(text)).toBe(atomic));

  test.each([
    "1.5",
    "1,5LGO",
    "1.0000000001LGO",
    "0LGO",
    "0.0LGO",
    "01LGO",
    ".5LGO",
    "1.LGO",
    "1e9",
    "1e3LGO",
    "-1LGO",
    "+1LGO",
    " 1LGO",
    "1LGO\n",
    "1 LGO",
    "1lgo",
    "1USD",
    "LGO",
    "",
    "0x10",
    "1_000",
    "340282366920938463463374607431.768211456LGO",
    `${"9".repeat(60)}LGO`,
  ])("%j is no amount", (text) => expect(parseAmount(text)).toBeUndefined());

  test("reads back what the screen shows", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: MAX_AMOUNT }),
        (atomic) =>
          parseAmount(displayAmount(atomic).replace(" ", "")) === atomic.toString() && parseAmount(atomic.toString()) === atomic.toString(),
      ),
    );
  });
});

describe("on a screen", () => {
  test.each([
    ["0", "0 LGO"],
    ["1", "0.000000001 LGO"],
    ["10000", "0.00001 LGO"],
    ["1000000000", "1 LGO"],
    ["1500000000", "1.5 LGO"],
    ["123456789012345678", "123456789.012345678 LGO"],
    [MAX_AMOUNT, "340282366920938463463374607431.768211455 LGO"],
  ])("%s is %s", (atomic, shown) => expect(displayAmount(atomic)).toBe(shown));

  test("no unit is lost", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: MAX_AMOUNT }), (atomic) => {
        const [whole = "", fraction = ""] = displayAmount(atomic).replace(" LGO", "").split(".");
        return BigInt(whole + fraction.padEnd(9, "0")) === atomic;
      }),
    );
  });
});
