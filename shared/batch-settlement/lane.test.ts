/** Which vouchers one lane takes, row by row of spec/sessions.md. */

import { describe, expect, test } from "vitest";
import { VOUCHER_WINDOW } from "../limits.ts";
import { Lane, type LaneVoucher } from "./lane.ts";

const PRICE = 10n;
const LIMIT = 80n;
const voucher = (serial: number, maxClaimable: bigint): LaneVoucher => ({ serial, maxClaimable });

/** @returns what the lane says of the last voucher, after those that were served for the whole price */
function accept(lane: Lane, serial: number, maxClaimable: bigint) {
  const accepted = lane.accept(voucher(serial, maxClaimable), PRICE, LIMIT);
  return accepted.ok ? "runs" : accepted.code;
}

function run(lane: Lane, serial: number, maxClaimable: bigint) {
  const accepted = lane.accept(voucher(serial, maxClaimable), PRICE, LIMIT);
  if (!accepted.ok) throw new Error(accepted.code);
  return accepted.call;
}

const stateOf = ({ accepted, spent, pending }: Lane) => ({ accepted, spent, pending });

describe("a voucher", () => {
  test("that fits runs: accepted goes up, its amount is pending, its serial runs", () => {
    const lane = new Lane();
    expect(accept(lane, 1, 10n)).toBe("runs");
    expect(stateOf(lane)).toEqual({ accepted: 10n, spent: 0n, pending: 10n });
    expect(accept(lane, 1, 10n)).toBe("payment_in_progress");
  });

  test("that was answered 2xx is spent, and its serial used, with what it was charged", () => {
    const lane = new Lane();
    const call = run(lane, 1, 10n);
    expect(lane.complete(call, 7n)).toBe(7n);
    expect(stateOf(lane)).toEqual({ accepted: 10n, spent: 7n, pending: 0n });
    expect(lane.complete(run(lane, 2, 17n), 10n)).toBe(17n);
    expect(lane.accept(voucher(1, 10n), PRICE, LIMIT)).toEqual({ ok: false, code: "voucher_used", charged: 7n, spent: 7n });
  });

  test("of a call that was charged nothing is used, too", () => {
    const lane = new Lane();
    lane.complete(run(lane, 1, 10n), 0n);
    expect(accept(lane, 1, 10n)).toBe("voucher_used");
    expect(accept(lane, 2, 10n)).toBe("runs");
  });

  test("of a call that failed can come again", () => {
    const lane = new Lane();
    lane.fail(run(lane, 1, 10n));
    expect(stateOf(lane)).toEqual({ accepted: 10n, spent: 0n, pending: 0n });
    expect(accept(lane, 1, 10n)).toBe("runs");
  });

  test("of a call that charged more than its amount counts as failed", () => {
    const lane = new Lane();
    expect(lane.complete(run(lane, 1, 10n), 11n)).toBeUndefined();
    expect(stateOf(lane)).toEqual({ accepted: 10n, spent: 0n, pending: 0n });
    expect(accept(lane, 1, 10n)).toBe("runs");
  });

  test.each<[maxClaimable: bigint, answer: string]>([
    [80n, "runs"],
    [81n, "session_exhausted"],
  ])("of %s is above the lane's limit of 80, or is not", (maxClaimable, answer) => {
    expect(accept(new Lane(), 1, maxClaimable)).toBe(answer);
  });

  test.each<[maxClaimable: bigint, answer: string]>([
    [29n, "voucher_out_of_step"],
    [30n, "runs"],
  ])("of %s does not cover one spent, one pending and itself, or does", (maxClaimable, answer) => {
    const lane = new Lane();
    lane.complete(run(lane, 1, 10n), 10n);
    run(lane, 2, 20n);
    expect(accept(lane, 3, maxClaimable)).toBe(answer);
  });

  test("that arrives after a higher one is covered by it: the order of arrival does not matter", () => {
    const lane = new Lane();
    for (const serial of [3, 1, 2]) expect(accept(lane, serial, BigInt(serial) * PRICE)).toBe("runs");
    expect(lane.best).toEqual(voucher(3, 30n));
  });

  test("that is lower than the last one lowers nothing", () => {
    const lane = new Lane();
    lane.complete(run(lane, 1, 40n), 10n);
    expect(accept(lane, 2, 1n)).toBe("runs");
    expect(lane.accepted).toBe(40n);
  });

  test("below the window of serials is out of step, whether it was used or not", () => {
    const lane = new Lane();
    run(lane, VOUCHER_WINDOW + 1, 10n);
    expect(accept(lane, 1, 80n)).toBe("voucher_out_of_step");
    expect(accept(lane, 2, 80n)).toBe("runs");
  });

  test("whose serial the window left while its handler ran still ends, and changes no other serial", () => {
    const lane = new Lane();
    const late = run(lane, 1, 10n);
    const later = run(lane, VOUCHER_WINDOW + 1, 20n);
    lane.complete(late, 10n);
    expect(stateOf(lane)).toEqual({ accepted: 20n, spent: 10n, pending: 10n });
    expect(accept(lane, VOUCHER_WINDOW + 1, 20n)).toBe("payment_in_progress");
    lane.complete(later, 10n);
    expect(accept(lane, VOUCHER_WINDOW + 1, 20n)).toBe("voucher_used");
  });
});

test("a lane from disk takes no serial that it may have taken before", () => {
  const lane = new Lane({ spent: 30n, best: voucher(3, 30n), floor: 64 });
  expect(accept(lane, 64, 80n)).toBe("voucher_out_of_step");
  expect(accept(lane, 65, 40n)).toBe("runs");
  expect(stateOf(lane)).toEqual({ accepted: 40n, spent: 30n, pending: 10n });
});

describe("a call that is charged while its answer flows", () => {
  test("moves each part from pending to spent, and never more than its amount [lane-charge]", () => {
    const lane = new Lane();
    const call = run(lane, 1, 10n);
    expect([lane.charge(call, 4n), stateOf(lane)]).toEqual([true, { accepted: 10n, spent: 4n, pending: 6n }]);
    expect([lane.charge(call, 7n), lane.charge(call, -1n), stateOf(lane)]).toEqual([
      false,
      false,
      { accepted: 10n, spent: 4n, pending: 6n },
    ]);
    expect([lane.charge(call, 6n), stateOf(lane)]).toEqual([true, { accepted: 10n, spent: 10n, pending: 0n }]);
  });

  test("leaves what it was not charged, and its serial used, for what it came to", () => {
    const lane = new Lane();
    const call = run(lane, 1, 10n);
    lane.charge(call, 4n);
    expect(accept(lane, 1, 10n)).toBe("payment_in_progress");
    expect(lane.end(call)).toBe(4n);
    expect(stateOf(lane)).toEqual({ accepted: 10n, spent: 4n, pending: 0n });
    expect(lane.accept(voucher(1, 10n), PRICE, LIMIT)).toEqual({ ok: false, code: "voucher_used", charged: 4n, spent: 4n });
    expect(accept(lane, 2, 14n)).toBe("runs");
  });

  test("lets others be served meanwhile, for what is not pending", () => {
    const lane = new Lane();
    const call = run(lane, 1, 10n);
    lane.charge(call, 4n);
    expect(accept(lane, 2, 19n)).toBe("voucher_out_of_step");
    lane.complete(run(lane, 3, 20n), 10n);
    lane.charge(call, 1n);
    expect([lane.end(call), stateOf(lane)]).toEqual([15n, { accepted: 20n, spent: 15n, pending: 0n }]);
  });
});

describe("a lane that is kept whole", () => {
  test("judges as before when it is opened again, also of a serial whose place a failed call has taken", () => {
    const lane = new Lane();
    lane.complete(run(lane, 1, 10n), 7n);
    const running = run(lane, 2, 20n);
    lane.fail(run(lane, 1 + VOUCHER_WINDOW, 30n));
    const again = new Lane(lane.kept);
    expect([again.spent, again.pending, again.accepted, again.highest]).toEqual([7n, 10n, 30n, 1 + VOUCHER_WINDOW]);
    for (const each of [lane, again]) {
      expect(accept(each, 1, 10n)).toBe("voucher_out_of_step");
      expect(accept(each, 2, 20n)).toBe("payment_in_progress");
    }
    again.complete(running, 10n);
    expect([again.spent, lane.spent]).toEqual([17n, 7n]);
    expect(accept(again, 2, 20n)).toBe("voucher_used");
  });
});
