/** What the object of a session gives away, takes back, keeps and claims. */

import { describe, expect, test } from "vitest";
import type { LaneVoucher } from "../../../../shared/batch-settlement/lane.ts";
import { LANE_SECONDS, OWN_SERIALS_AHEAD } from "../../../../shared/limits.ts";
import { type BookStore, type LaneRow, type OwnRow, SessionBook } from "./book.ts";

const NOW = 1_800_000_000_000;
const LEASE = LANE_SECONDS * 1000;
const HANDLER = 50_000;
const voucher = (serial: number, maxClaimable: bigint): LaneVoucher => ({ serial, maxClaimable });

class Rows implements BookStore<LaneVoucher> {
  ownRow: OwnRow<LaneVoucher> | undefined;
  readonly laneRows = new Map<string, LaneRow<LaneVoucher>>();
  own = () => this.ownRow;
  lanes = () => this.laneRows.values();
  putOwn = (row: OwnRow<LaneVoucher>) => void (this.ownRow = row);
  putLane = (row: LaneRow<LaneVoucher>) => void this.laneRows.set(row.id, row);
  deleteLane = (id: string) => void this.laneRows.delete(id);
}

function openBook(deposit: bigint) {
  const rows = new Rows();
  return { rows, book: new SessionBook(deposit, rows), restart: () => new SessionBook(deposit, rows) };
}

const take = (book: SessionBook<LaneVoucher>, serial: number, maxClaimable: bigint, now = NOW) => {
  const taken = book.take(voucher(serial, maxClaimable), 10n, now, now + HANDLER);
  return taken.ok ? "runs" : taken.code;
};

describe("a lane", () => {
  test.each<[what: string, deposit: bigint, limit: bigint | undefined]>([
    ["8 calls", 1000n, 80n],
    ["a sixteenth of a large deposit", 16_000n, 1000n],
    ["what is left", 30n, 30n],
    ["nothing, if not one call is left", 9n, undefined],
  ])("gets %s", (_what, deposit, limit) => {
    expect(openBook(deposit).book.grant("a", 10n, NOW)?.limit).toBe(limit);
  });

  test("is taken out of the deposit: lanes and lane 0 never come to more", () => {
    const { book } = openBook(200n);
    expect(book.grant("a", 10n, NOW)?.limit).toBe(80n);
    expect(take(book, 1, 50n)).toBe("runs");
    expect(book.grant("b", 10n, NOW)?.limit).toBe(70n);
    expect(book.grant("c", 10n, NOW)).toBeUndefined();
    expect(take(book, 2, 51n)).toBe("session_exhausted");
  });

  test("is never given twice", () => {
    const { book } = openBook(1000n);
    book.grant("a", 10n, NOW);
    expect(book.grant("a", 10n, NOW)).toBeUndefined();
  });

  test("is raised to what is needed or more, and not at all if there is not enough", () => {
    const { book } = openBook(300n);
    book.grant("a", 10n, NOW);
    const renew = (needed: bigint) => book.renew({ id: "a", spent: 0n, best: undefined }, 10n, needed, NOW)?.limit;
    expect(renew(80n)).toBe(80n);
    expect(renew(81n)).toBe(160n);
    expect(renew(290n)).toBe(290n);
    expect(renew(301n)).toBe(290n);
  });

  test("keeps its lease up to the last millisecond, and is folded after it: what it did not report goes back", () => {
    const { book, rows } = openBook(80n);
    book.grant("a", 10n, NOW);
    book.report({ id: "a", spent: 30n, best: voucher(3, 30n) }, NOW);
    expect(book.grant("b", 10n, NOW + LEASE)).toBeUndefined();
    expect(book.grant("b", 10n, NOW + LEASE + 1)?.limit).toBe(50n);
    expect(rows.laneRows.get("a")).toMatchObject({ limit: 30n, spent: 30n, folded: true });
  });

  test("whose lease is over can be renewed as long as it was not folded", () => {
    const { book } = openBook(1000n);
    book.grant("a", 10n, NOW);
    const late = NOW + 10 * LEASE;
    expect(book.renew({ id: "a", spent: 0n, best: undefined }, 10n, 0n, late)?.leaseUntil).toBe(late + LEASE);
    book.fold(late + LEASE + 1);
    expect(book.renew({ id: "a", spent: 0n, best: undefined }, 10n, 0n, late + LEASE + 1)).toBeUndefined();
  });

  test("in which a handler runs keeps its lease until the handler is over", () => {
    const { book } = openBook(80n);
    book.grant("a", 10n, NOW);
    book.report({ id: "a", spent: 0n, best: undefined, runsFor: HANDLER }, NOW);
    expect(book.grant("b", 10n, NOW + HANDLER)).toBeUndefined();
    expect(book.grant("b", 10n, NOW + HANDLER + 1)?.limit).toBe(80n);
  });
});

describe("a report", () => {
  test("of a folded lane counts as far as the deposit has room", () => {
    const { book } = openBook(100n);
    book.grant("a", 10n, NOW);
    book.grant("b", 10n, NOW + LEASE + 1);
    expect(book.report({ id: "a", spent: 50n, best: voucher(5, 50n) }, NOW + LEASE + 2).spent).toBe(20n);
    book.fold(NOW + 2 * LEASE + 2);
    expect(book.report({ id: "a", spent: 50n, best: voucher(5, 50n) }, NOW + 2 * LEASE + 3).spent).toBe(50n);
  });

  test("that comes twice, or after a later one, changes nothing", () => {
    const { book } = openBook(100n);
    book.grant("a", 10n, NOW);
    for (const spent of [30n, 30n, 20n]) book.report({ id: "a", spent, best: voucher(Number(spent / 10n), spent) }, NOW);
    expect(book.claimable()).toEqual([{ lane: "a", amount: 30n, voucher: voucher(3, 30n) }]);
  });
});

describe("lane 0", () => {
  test("keeps, before it takes a serial, that it may have taken some above it; after a restart it takes none of them", () => {
    const { book, rows, restart } = openBook(1000n);
    take(book, 1, 10n);
    expect(rows.ownRow?.serialCeiling).toBe(1 + OWN_SERIALS_AHEAD);
    book.finish(1, 10n);
    const anew = restart();
    expect(take(anew, 1 + OWN_SERIALS_AHEAD, 500n)).toBe("voucher_out_of_step");
    expect(take(anew, 2 + OWN_SERIALS_AHEAD, 500n)).toBe("runs");
  });

  test("tells what is not kept yet, and keeps it when told to", () => {
    const { book, restart } = openBook(1000n);
    for (const serial of [1, 2]) take(book, serial, 10n * BigInt(serial));
    expect(book.finish(1, 10n)).toBe(10n);
    expect(book.finish(2, 7n)).toBe(17n);
    book.flush();
    expect(restart().own.spent).toBe(17n);
    expect(book.finish(2, 7n)).toBeUndefined();
  });

  test("charges nothing for a call whose end it is never told, and does not run it again", () => {
    const { book } = openBook(1000n);
    take(book, 1, 10n);
    expect(take(book, 2, 10n)).toBe("voucher_out_of_step");
    expect(take(book, 2, 10n, NOW + HANDLER + 1)).toBe("runs");
    expect(take(book, 1, 10n, NOW + HANDLER + 1)).toBe("voucher_used");
  });

  test("has what no lane has: a restart forgets no lane", () => {
    const { book, restart } = openBook(200n);
    book.grant("a", 10n, NOW);
    expect(restart().ownLimit).toBe(120n);
  });
});

describe("an answer of lane 0 that flows", () => {
  test("is told as a sum, and counts once; its end is the last word [book-charge]", () => {
    const { book, restart } = openBook(1000n);
    take(book, 1, 10n);
    expect(book.charge(1, 4n, NOW + HANDLER)).toBe(4n);
    expect(book.charge(1, 4n, NOW + HANDLER)).toBe(4n);
    expect(book.charge(1, 3n, NOW + HANDLER)).toBe(4n);
    expect([book.own.spent, book.own.pending]).toEqual([4n, 6n]);
    book.flush();
    expect(restart().claimable()).toEqual([{ lane: "0", amount: 4n, voucher: voucher(1, 10n) }]);
    expect(book.finish(1, 7n)).toBe(3n);
    expect([book.own.spent, book.own.pending]).toEqual([7n, 0n]);
    expect(book.charge(1, 9n, NOW + HANDLER)).toBeUndefined();
  });

  test("keeps the session from ending until it is over, or its isolate is not heard of", () => {
    const { book } = openBook(1000n);
    take(book, 1, 10n);
    expect(book.hasLeases(NOW)).toBe(false);
    book.charge(1, 0n, NOW + HANDLER);
    expect([book.hasLeases(NOW + HANDLER), book.lastLease(), book.hasLeases(NOW + HANDLER + 1)]).toEqual([true, NOW + HANDLER, false]);
    book.finish(1, 2n);
    expect(book.hasLeases(NOW)).toBe(false);
  });

  test("of an isolate that died costs what it told of", () => {
    const { book } = openBook(1000n);
    take(book, 1, 10n);
    book.charge(1, 4n, NOW + HANDLER);
    expect(take(book, 2, 14n, NOW + HANDLER + 1)).toBe("runs");
    expect([book.own.spent, book.own.pending]).toEqual([4n, 10n]);
  });
});

describe("claims", () => {
  test("are what was spent and not claimed, sorted by lane, each with the voucher that covers it", () => {
    const { book, restart } = openBook(1000n);
    take(book, 1, 10n);
    book.finish(1, 10n);
    for (const id of ["b", "a", "c"]) book.grant(id, 10n, NOW);
    book.report({ id: "b", spent: 20n, best: voucher(2, 20n) }, NOW);
    book.report({ id: "a", spent: 5n, best: voucher(1, 10n) }, NOW);
    const claims = [
      { lane: "0", amount: 10n, voucher: voucher(1, 10n) },
      { lane: "a", amount: 5n, voucher: voucher(1, 10n) },
      { lane: "b", amount: 20n, voucher: voucher(2, 20n) },
    ];
    expect(book.claimable()).toEqual(claims);
    book.markClaimed(claims);
    expect(book.claimable()).toEqual([]);
    expect(restart().claimable()).toEqual([]);
    book.report({ id: "b", spent: 30n, best: voucher(3, 30n) }, NOW);
    expect(restart().claimable()).toEqual([{ lane: "b", amount: 30n, voucher: voucher(3, 30n) }]);
  });

  test("leave a lane that came to nothing to be forgotten, once no report of it can come", () => {
    const { book, rows } = openBook(1000n);
    book.grant("a", 10n, NOW);
    book.grant("b", 10n, NOW);
    book.report({ id: "b", spent: 10n, best: voucher(1, 10n) }, NOW);
    book.fold(NOW + LEASE + 1);
    book.forgetEmpty(NOW + LEASE);
    expect([...rows.laneRows.keys()]).toEqual(["a", "b"]);
    book.forgetEmpty(NOW + LEASE + 1);
    expect([...rows.laneRows.keys()]).toEqual(["b"]);
  });
});
