/** What an isolate does next with a voucher, row by row of spec/sessions.md. */

import { describe, expect, test } from "vitest";
import { Lane, type LaneVoucher } from "../../../../shared/batch-settlement/lane.ts";
import { LANE_MARGIN_SECONDS, LANE_SECONDS, SLOW_HANDLER_MILLIS, UNREPORTED_MILLIS } from "../../../../shared/limits.ts";
import { type Done, type LeasedLane, nextStep, type Standing, usableUntil, type View } from "./voucher-rule.ts";

const NOW = 1_800_000_000;
const MILLIS = NOW * 1000;
const OPEN: Standing = { status: "open", expiresAt: NOW + 3600, withdrawDelay: 900, at: NOW };
const VOUCHER: LaneVoucher = { serial: 1, maxClaimable: 10n };
const ALL_DONE: Done = { asked: true, verified: true, renewed: true };

function leased(usableUntil = MILLIS + 1): LeasedLane<LaneVoucher> {
  return { id: "ours", lane: new Lane(), limit: 80n, usableUntil };
}

function step({
  view,
  lane = "ours",
  voucher = VOUCHER,
  done = {},
}: {
  view: Partial<View<LaneVoucher>>;
  lane?: string;
  voucher?: LaneVoucher;
  done?: Done;
}) {
  const next = nextStep({ standing: OPEN, leased: undefined, now: MILLIS, ...view }, lane, voucher, 10n, done);
  return next.step === "refuse" ? next.refusal.code : next.step;
}

describe("the session", () => {
  test("that is not known here is asked about, once", () => {
    expect(step({ view: { standing: undefined } })).toBe("ask");
    expect(step({ view: { standing: undefined }, done: { asked: true } })).toBe("session_unknown");
  });

  test.each<[what: string, standing: Partial<Standing>, first: string, then: string]>([
    ["was looked at 225 s ago, a quarter of its delay", { at: NOW - 225 }, "verify", "verify"],
    ["was looked at longer ago", { at: NOW - 226 }, "ask", "facilitator_unavailable"],
    ["with a long delay was looked at 240 s ago", { at: NOW - 240, withdrawDelay: 86_400 }, "verify", "verify"],
    ["with a long delay was looked at longer ago", { at: NOW - 241, withdrawDelay: 86_400 }, "ask", "facilitator_unavailable"],
    ["is in its last second", { expiresAt: NOW }, "verify", "verify"],
    ["is late", { expiresAt: NOW - 1, at: NOW - 11 }, "ask", "session_closed"],
    ["is late, as was asked just now", { expiresAt: NOW - 1 }, "session_closed", "session_closed"],
    ["is closing", { status: "closing", at: NOW - 11 }, "ask", "session_closed"],
    ["is closed", { status: "closed", at: NOW - 1000 }, "session_closed", "session_closed"],
  ])("that %s", (_what, standing, first, then) => {
    expect(step({ view: { standing: { ...OPEN, ...standing } } })).toBe(first);
    expect(step({ view: { standing: { ...OPEN, ...standing } }, done: { asked: true } })).toBe(then);
  });

  test("is told about to no caller whose signature was not verified", () => {
    expect(step({ view: { leased: leased() }, lane: "another" })).toBe("verify");
    expect(step({ view: {}, lane: "0" })).toBe("verify");
  });
});

describe("a voucher", () => {
  test.each<[what: string, view: Partial<View<LaneVoucher>>, lane: string, done: Done, then: string]>([
    ["of lane 0 is the object's to decide", { leased: leased() }, "0", {}, "object"],
    ["of another isolate, or of one that is gone, is told ours", { leased: leased() }, "another", {}, "name_lane"],
    ["of another isolate, where there is none of ours", {}, "another", {}, "name_lane"],
    ["of our lane whose lease is over renews it first", { leased: leased(MILLIS) }, "ours", {}, "renew"],
    ["of our lane whose lease was not renewed", { leased: leased(MILLIS) }, "ours", { renewed: true }, "name_lane"],
    ["of our lane runs", { leased: leased() }, "ours", {}, "run"],
  ])("%s", (_what, view, lane, done, then) => {
    expect(step({ view, lane, done: { verified: true, ...done } })).toBe(then);
  });

  test("above the lane's limit asks for more, once", () => {
    const voucher = { serial: 1, maxClaimable: 81n };
    const view = { leased: leased() };
    expect(nextStep({ standing: OPEN, now: MILLIS, ...view }, "ours", voucher, 10n, { verified: true })).toEqual({
      step: "renew",
      needed: 81n,
    });
    expect(step({ view, voucher, done: ALL_DONE })).toBe("session_exhausted");
  });

  test("that does not fit its lane is refused as the lane says", () => {
    expect(step({ view: { leased: leased() }, voucher: { serial: 1, maxClaimable: 9n }, done: ALL_DONE })).toBe("voucher_out_of_step");
  });
});

test("a lane is used up to 5 s before its lease ends, counted from before it was asked for", () => {
  expect(usableUntil(MILLIS)).toBe(MILLIS + (LANE_SECONDS - 5) * 1000);
});

test("the last call of a lane is reported before its lease ends, with seconds to spare [sessions-report-in-lease]", () => {
  expect(SLOW_HANDLER_MILLIS + UNREPORTED_MILLIS).toBeLessThanOrEqual((LANE_MARGIN_SECONDS - 2) * 1000);
});
