import { expect, test } from "vitest";
import { approvedToday } from "./approvals.ts";
import type { PastDecision } from "./view.ts";

const NOON = Date.UTC(2026, 2, 1, 12) / 1000;
const decision = (requestDigest: string, amount: string, at: string, kind: PastDecision["decision"] = "approved"): PastDecision => ({
  requestDigest,
  decision: kind,
  at,
  agentKey: "",
  url: "",
  payTo: "",
  amount,
});

test("what was approved today counts, unless it was revoked", () => {
  const history = [
    decision("a", "5", "2026-03-01T00:00:00Z"),
    decision("b", "7", "2026-03-01T11:00:00Z"),
    decision("c", "11", "2026-03-01T11:30:00Z"),
    decision("c", "11", "2026-03-01T11:40:00Z", "revoked"),
    decision("d", "13", "2026-03-01T11:50:00Z", "declined"),
    decision("e", "17", "2026-02-28T23:59:59Z"),
  ];
  expect(approvedToday(history, NOON)).toEqual({ sum: 12n, requests: 2 });
  expect(approvedToday([], NOON)).toEqual({ sum: 0n, requests: 0 });
});
