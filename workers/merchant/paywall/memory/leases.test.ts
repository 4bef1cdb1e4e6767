/** The rule of the merchant's memory, as a table: what each call says in each state of a payment, and what it leaves. */

import { describe, expect, test } from "vitest";
import type { Digest } from "../../../../shared/crypto/digest.ts";
import { MAX_VALIDITY_SECONDS, SWEEP_INTERVAL_SECONDS, UNDELIVERED_SECONDS, UNSETTLED_RUN_SECONDS } from "../../../../shared/limits.ts";
import type { Conclusion, DeliveryState, Lease } from "../types.ts";
import { type LeaseEntry, Leases, type RunStore } from "./leases.ts";

const NOW = 1_800_000_000;
const LATER = NOW + 10 * 24 * 3600;
const [KEY, A, B] = ["key", "a", "b"] as unknown as [Digest, Digest, Digest];
const receipt = { success: true, transaction: "t", network: "n" };
const PAID: DeliveryState = { state: "paid", receipt };
const OTHER: DeliveryState = { state: "paid", receipt: { ...receipt, transaction: "other" } };
const PENDING: DeliveryState = { state: "pending", reservation: { payer: "p" as never, nonce: A, reservationId: A } };
const DELIVERED: DeliveryState = { state: "delivered" };
const REFUND: DeliveryState = { state: "refund", transaction: B };

/** What A has left. */
const held = (remembered?: DeliveryState): LeaseEntry => ({ lease: A, leaseUntil: NOW, remembered, forgetAfter: LATER });
const lapsed = (remembered?: DeliveryState): LeaseEntry => ({ ...held(remembered), leaseUntil: NOW - 1 });
const left = (remembered: DeliveryState): LeaseEntry => ({ ...held(remembered), leaseUntil: 0 });

const yes = (remembered?: DeliveryState): Lease => ({ granted: true, ...(remembered && { remembered }) });
const no: Lease = { granted: false };

/** A's or B's call on what is there, and what is there then. */
function call<Result>(entry: LeaseEntry | undefined, body: (leases: Leases) => Result): [Result, LeaseEntry | undefined] {
  const shelf = new Map(entry && [[KEY, entry]]);
  const store = {
    get: (key: Digest) => shelf.get(key),
    set: (key: Digest, entry: LeaseEntry) => shelf.set(key, entry),
    delete: (key: Digest) => shelf.delete(key),
  };
  return [body(new Leases(store, runStore(), () => NOW)), shelf.get(KEY)];
}

function runStore(runs: Map<Digest, number> = new Map()): RunStore {
  return {
    countOthers: (key, since, until) => [...runs].filter(([other, at]) => other !== key && at > since && at <= until).length,
    start: (key, at) => runs.set(key, at),
    end: (key) => runs.delete(key),
  };
}

describe("startRun", () => {
  const start = (entry: LeaseEntry | undefined, runs: Map<Digest, number>, by = A, max = 2) => {
    const shelf = new Map(entry && [[KEY, entry]]);
    const store = {
      get: (key: Digest) => shelf.get(key),
      set: (key: Digest, each: LeaseEntry) => shelf.set(key, each),
      delete: (key: Digest) => shelf.delete(key),
    };
    return new Leases(store, runStore(runs), () => NOW).startRun(KEY, by, 60, max);
  };
  const day = UNSETTLED_RUN_SECONDS;

  test.each<[what: string, runs: [string, number][], result: string]>([
    ["the first run starts", [], "started"],
    ["a run starts below the maximum", [["b", NOW]], "started"],
    ["none starts at the maximum", [["b", NOW], ["c", NOW - day + 1]], "too_many"], // prettier-ignore
    [
      "runs of a day ago count no longer",
      [
        ["b", NOW],
        ["c", NOW - day],
      ],
      "started",
    ],
    [
      "the payment's own earlier run does not count",
      [
        ["key", NOW],
        ["b", NOW],
      ],
      "started",
    ],
  ])("%s", (_what, runs, result) => {
    expect(start(held(), new Map(runs as [Digest, number][]))).toBe(result);
  });

  test("another holder's lease is not renewed, and no run is counted", () => {
    const runs = new Map<Digest, number>();
    expect(start(held(), runs, B)).toBe("taken");
    expect(runs.size).toBe(0);
  });

  test("a started run counts until it ends", () => {
    const runs = new Map<Digest, number>();
    const leases = new Leases({ get: () => undefined, set: () => undefined, delete: () => undefined }, runStore(runs), () => NOW);
    leases.startRun(KEY, A, 60, 1);
    expect(leases.startRun(B, B, 60, 1)).toBe("too_many");
    leases.endRun(KEY);
    expect(leases.startRun(B, B, 60, 1)).toBe("started");
  });
});

describe("begin", () => {
  test.each<[what: string, entry: LeaseEntry | undefined, by: Digest, says: Lease]>([
    ["an unknown payment is granted", undefined, B, yes()],
    ["what another holds is not", held(), B, no],
    ["nor is what another holds and has paid for", held(PAID), B, no],
    ["who holds it has it again", held(PAID), A, yes(PAID)],
    ["what another held is granted", lapsed(), B, yes()],
    ["and says what is to be known of it", lapsed(PAID), B, yes(PAID)],
    ["what is owed is granted, and says so", left(PENDING), B, yes(PENDING)],
    ["so is what was delivered", left(DELIVERED), B, yes(DELIVERED)],
    ["so is what goes back", left(REFUND), B, yes(REFUND)],
  ])("%s", (_what, entry, by, says) => {
    const [said, then] = call(entry, (leases) => leases.begin(KEY, by, 60));
    expect(said).toEqual(says);
    const forgetAfter = Math.max(NOW + 60 + SWEEP_INTERVAL_SECONDS, entry?.forgetAfter ?? 0);
    expect(then).toEqual(says.granted ? { lease: by, leaseUntil: NOW + 60, remembered: entry?.remembered, forgetAfter } : entry);
  });

  test("what is to be known should the holder never come back outlives every payment, and replaces nothing that is known", () => {
    const [, unknown] = call(undefined, (leases) => leases.begin(KEY, A, 60, PAID));
    expect(unknown).toMatchObject({ remembered: PAID, forgetAfter: NOW + 60 + UNDELIVERED_SECONDS + MAX_VALIDITY_SECONDS });
    const [said, known] = call(lapsed(PAID), (leases) => leases.begin(KEY, B, 60, OTHER));
    expect([said, known?.remembered]).toEqual([yes(PAID), PAID]);
  });
});

describe("resume", () => {
  test.each<[what: string, entry: LeaseEntry | undefined, by: Digest, says: Lease, takes: boolean]>([
    ["who only looks takes no lease", undefined, B, yes(), false],
    ["nor where another's has lapsed and nothing is owed", lapsed(), B, yes(), false],
    ["nor where it was delivered", left(DELIVERED), B, yes(DELIVERED), false],
    ["nor where its money goes back", left(REFUND), B, yes(REFUND), false],
    ["what is owed is taken up", left(PAID), B, yes(PAID), true],
    ["so is one with an unknown outcome", left(PENDING), B, yes(PENDING), true],
    ["so is what another did not come back to", lapsed(PAID), B, yes(PAID), true],
    ["what another holds is not", held(), B, no, false],
    ["by one at a time", held(PAID), B, no, false],
    ["not even where it was delivered before", held(DELIVERED), B, no, false],
  ])("%s", (_what, entry, by, says, takes) => {
    const [said, then] = call(entry, (leases) => leases.resume(KEY, by, 60));
    expect(said).toEqual(says);
    if (takes) expect(then).toMatchObject({ lease: by, leaseUntil: NOW + 60, remembered: entry?.remembered });
    else expect(then).toEqual(entry);
  });
});

describe("finish", () => {
  const said = (by: Digest, remembered: DeliveryState) => ({ lease: by, leaseUntil: 0, remembered, forgetAfter: LATER });
  test.each<[what: string, entry: LeaseEntry | undefined, by: Digest, remembered: DeliveryState | undefined, then: LeaseEntry | undefined]>(
    [
      ["the holder leaves a debt", held(), A, PAID, said(A, PAID)],
      ["or ends it", held(PAID), A, DELIVERED, said(A, DELIVERED)],
      ["or nothing", held(), A, undefined, undefined],
      ["and may take back its own", left(PAID), A, undefined, undefined],
      ["who never held it may say what is owed", undefined, A, PAID, said(A, PAID)],
      ["nothing is recorded while another holds it", held(PAID), B, DELIVERED, held(PAID)],
      ["who lost it may still say what is owed", lapsed(), B, PAID, said(B, PAID)],
      ["or that it was delivered", left(PAID), B, DELIVERED, said(B, DELIVERED)],
      ["but not that nothing is", left(PAID), B, undefined, left(PAID)],
      ["delivered stays delivered, also for a late run", left(DELIVERED), B, PAID, left(DELIVERED)],
      ["nor is that forgotten", left(DELIVERED), B, undefined, left(DELIVERED)],
      ["what goes back is not owed, whatever its last holder says", left(REFUND), A, PAID, left(REFUND)],
      ["nor by another", left(REFUND), B, PAID, left(REFUND)],
      ["nor is it delivered", left(REFUND), A, DELIVERED, left(REFUND)],
      ["nor forgotten", left(REFUND), A, undefined, left(REFUND)],
      ["and its lease ends", held(REFUND), A, PAID, left(REFUND)],
      ["unless it is another's", held(REFUND), B, PAID, held(REFUND)],
    ],
  )("%s", (_what, entry, by, remembered, expected) => {
    const [, then] = call(entry, (leases) => leases.finish(KEY, by, remembered, LATER));
    expect(then).toEqual(expected);
  });
});

describe("deliver", () => {
  const delivered = (by: Digest) => ({ lease: by, leaseUntil: 0, remembered: DELIVERED, forgetAfter: LATER });
  test.each<[what: string, entry: LeaseEntry | undefined, by: Digest, says: Conclusion, then: LeaseEntry | undefined]>([
    ["the holder delivers what it owes", held(PAID), A, "delivered", delivered(A)],
    ["also after its lease", lapsed(PAID), A, "delivered", delivered(A)],
    ["and what another did not come back to", lapsed(PAID), B, "delivered", delivered(B)],
    ["and what is not remembered", undefined, A, "delivered", delivered(A)],
    ["nothing leaves while another holds it", held(PAID), B, "taken", held(PAID)],
    ["nor when its money goes back", left(REFUND), A, "refund", left(REFUND)],
    ["nor when it goes back beside a lease", held(REFUND), B, "refund", held(REFUND)],
  ])("%s", (_what, entry, by, says, then) => {
    expect(call(entry, (leases) => leases.deliver(KEY, by, LATER))).toEqual([says, then]);
  });
});

describe("reopen", () => {
  test.each<[what: string, entry: LeaseEntry | undefined, says: boolean]>([
    ["an unknown payment is owed again", undefined, true],
    ["so is what was delivered", left(DELIVERED), true],
    ["what is being served is not", held(PAID), false],
    ["nor is what goes back", left(REFUND), false],
  ])("%s", (_what, entry, says) => {
    const [said, then] = call(entry, (leases) => leases.reopen(KEY, PAID, LATER));
    expect(said).toBe(says);
    if (says) expect(then).toMatchObject({ leaseUntil: 0, remembered: PAID, forgetAfter: LATER });
    else expect(then).toEqual(entry);
  });
});
