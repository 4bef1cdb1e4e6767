import * as fc from "fast-check";
import { expect, test } from "vitest";
import { charge, EXEC_MARKET, maxFeeFor, nextBaseFee, reserve, STOR_MARKET } from "./fees.ts";
import { TRANSFER_BYTES } from "./transfer.ts";

const FLOOR = { exec: 8n, stor: 8n };

test("a transfer at the lowest price costs 2968 lepta, and less gas is charged than declared", () => {
  expect(charge({ gasLimit: 2_000_000n, tip: 3n }, TRANSFER_BYTES, 0n, FLOOR)).toBe(2971n);
  expect(charge({ gasLimit: 10n, tip: 0n }, TRANSFER_BYTES, 1000n, FLOOR)).toBe(3048n);
  expect(reserve({ gasLimit: 10n, tip: 1n }, 1, { exec: 2n, stor: 5n })).toBe(26n);
});

test("21 full blocks after the next take a price from 9 to 72: such a fee is 26712 lepta", () => {
  expect(maxFeeFor({ exec: 9n, stor: 9n }, 21)).toBe(26_712n);
  expect(maxFeeFor({ exec: 9n, stor: 9n }, 0)).toBe(3339n);
  expect(maxFeeFor({ exec: 9n, stor: 9n }, 0, { gasLimit: 50_000n, tip: 7n })).toBe(453_346n);
});

test("a price moves by an eighth at most, upwards by 1 at least, and never leaves its bounds", () => {
  for (const market of [EXEC_MARKET, STOR_MARKET]) {
    fc.assert(
      fc.property(fc.bigInt({ min: market.min, max: market.max }), fc.bigInt({ min: 0n, max: 2n * market.target }), (base, used) => {
        const next = nextBaseFee(base, used, market);
        const isInside = next >= market.min && next <= market.max;
        const eighth = base / 8n > 1n ? base / 8n : 1n;
        const moved = next > base ? next - base : base - next;
        const isRightWay = used > market.target ? next > base || base === market.max : next <= base;
        return isInside && moved <= eighth && isRightWay && (used !== market.target || next === base);
      }),
    );
  }
});
