import { describe, expect, test } from "vitest";
import { adopted, after as afterSerial, committed, type LaneBook, newLane, nextVoucher, refused, served } from "./lane-book.ts";
import type { VoucherState } from "./state.ts";

/** A book after as many requests of 10 were sent. */
function after(requests: number, book = newLane()): LaneBook {
  return requests === 0 ? book : after(requests - 1, nextVoucher(book, 10n).book);
}

const state = (changes: Partial<VoucherState> = {}) =>
  ({ lane: "0", serial: "3", signedMaxClaimable: "30", signature: "00".repeat(64), charged: "17", ...changes }) as VoucherState;

describe("the next voucher", () => {
  test("covers its own request, in an empty lane", () => {
    expect(nextVoucher(newLane("1a".repeat(16)), 10n).voucher).toEqual({ lane: "1a".repeat(16), serial: "1", maxClaimable: 10n });
  });

  test("covers all that is under way with it, in any order of arrival", () => {
    expect(nextVoucher(after(2), 10n).voucher).toEqual({ lane: "0", serial: "3", maxClaimable: 30n });
  });

  test("covers what was charged, not what it could have cost", () => {
    expect(nextVoucher(served(after(1), 1, 7n), 10n).voucher).toMatchObject({ serial: "2", maxClaimable: 17n });
  });

  test("leaves out what was refused, and never has a serial again", () => {
    expect(nextVoucher(refused(after(2), 1), 10n).voucher).toMatchObject({ serial: "3", maxClaimable: 20n });
  });

  test("still covers a request whose answer got lost: it may have been served", () => {
    expect(committed(served(after(2), 2, 10n))).toBe(20n);
  });
});

describe("what the merchant says", () => {
  test("counts once, however often it is said", () => {
    const book = served(after(1), 1, 7n);
    expect(served(book, 1, 7n)).toEqual(book);
    expect(refused(book, 1)).toEqual(book);
  });

  test("counts up to what the request could cost", () => expect(served(after(1), 1, 11n).charged).toBe(10n));

  test("is adopted by a client that knows nothing, as far as it signed", () => {
    expect(adopted(newLane(), state())).toEqual({ lane: "0", serial: 3, signed: 30n, charged: 17n, underWay: new Map() });
  });

  test("is adopted no lower than is known, and counts what is under way once", () => {
    const known = served(after(3), 1, 10n);
    expect(adopted(known, state({ charged: "4" as never }))).toMatchObject({ charged: 10n });
    const told = adopted(known, state({ charged: "30" as never }));
    expect(told).toMatchObject({ charged: 10n, signed: 30n });
    expect(told && committed(told)).toBe(30n);
  });

  test("moves the serial on, never back", () => {
    expect([afterSerial(after(2), 7).serial, afterSerial(after(2), 1).serial]).toEqual([7, 2]);
  });

  test("is not adopted above the voucher that proves it", () => {
    expect(adopted(newLane(), state({ charged: "30" as never }))).toMatchObject({ charged: 30n });
    expect(adopted(newLane(), state({ charged: "31" as never }))).toBeUndefined();
  });
});
