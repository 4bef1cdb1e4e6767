import { describe, expect, test } from "vitest";
import { MANDATE, merchant, NOW } from "../../test/fixtures.ts";
import type { Amount } from "../protocol/amount.ts";
import type { Mandate } from "../protocol/mandate.ts";
import { limitsText, mandateFacts, type MandateView, worstCase } from "./mandate-facts.ts";

const DAY = 86_400;

const mandate: Mandate = {
  ...MANDATE,
  grantedAt: String(NOW),
  validAfter: String(NOW),
  validBefore: String(NOW + 35 * DAY - 1),
  perPayment: "1000000" as Amount,
  total: "300000000" as Amount,
  period: { seconds: String(DAY), amount: "10000000" as Amount, count: "1000" },
  origins: ["https://shop.example"],
};

function viewOf(changes: Partial<Mandate> = {}, more: Partial<MandateView> = {}): MandateView {
  return {
    mandate: { ...mandate, ...changes },
    balance: { kind: "known", spendable: 800_000_000n },
    pins: [{ origin: "https://shop.example", payTo: merchant.account, firstSeenAt: "2025-10-01T00:00:00Z" }],
    others: { count: 0, sum: 0n },
    threshold: 1_000_000_000n,
    ...more,
  };
}

describe("the worst case", () => {
  const periods = (amount: string, seconds: number) => ({ period: { seconds: String(seconds), amount: amount as Amount } });

  test.each<[string, Partial<Mandate>, bigint]>([
    ["is the total without a period", { period: undefined }, 300_000_000n],
    ["is the total where the periods allow more", {}, 300_000_000n],
    ["is what all periods together allow, if that is less", periods("1000", DAY), 35_000n],
    ["counts a period that has only begun as a whole one", { ...periods("1000", DAY), validBefore: String(NOW + 35 * DAY) }, 36_000n],
    ["counts the last second: one second is one period", { ...periods("1000", DAY), validBefore: String(NOW) }, 1000n],
    ["does not take the amount of a payment for a limit in all", { perPayment: "1" as Amount, period: undefined }, 300_000_000n],
  ])("%s", (_, changes, sum) => expect(worstCase({ ...mandate, ...changes })).toBe(sum));
});

test("the sum comes first, then the limits within it, then the payees", () => {
  const { facts } = mandateFacts(viewOf());
  expect(facts.slice(0, 4).map(({ label, value }) => `${label}: ${value}`)).toEqual([
    "Can cost: at most 0.3 LGO in all, until 2025-11-13T08:53:19Z (35 days)",
    "Within that: 0.001 LGO per payment · 0.01 LGO in 24 h (across a boundary 0.02 LGO) · 1000 payments in 24 h · 0.3 LGO in all",
    `To: ${merchant.account} (https://shop.example, seen since 2025-10-01T00:00:00Z)`,
    "Origins: https://shop.example",
  ]);
});

test("other mandates and the balance stand beside the sum", () => {
  const withOthers = mandateFacts(viewOf({}, { others: { count: 2, sum: 1_000_000_000n } }));
  expect(withOthers.facts.find(({ label }) => label === "With others")?.value).toBe(
    "2 other mandates are open here; together at most 1.3 LGO; the account holds 0.8 LGO",
  );
  const unknown = mandateFacts(viewOf({}, { balance: { kind: "unknown", why: "no answer\u202E" } }));
  expect(unknown.facts.find(({ label }) => label === "With others")?.value).toContain("balance not known: no answer⟦U+202E⟧");
});

describe("warnings, which are typed over", () => {
  test("there are none for a pinned payee, a period and a sum that the account holds", () => {
    expect(mandateFacts(viewOf()).warnings).toEqual([]);
  });

  test.each<[string, MandateView]>([
    ["It pays ANY account", viewOf({ payees: ["*"] })],
    ["It names no origin", viewOf({ origins: ["*"] })],
    ["no limit per period", viewOf({ period: undefined })],
    ["does not know every payee", viewOf({}, { pins: [] })],
    ["more than the account holds", viewOf({}, { balance: { kind: "known", spendable: 299_999_999n } })],
    ["A large amount", viewOf({}, { threshold: 299_999_999n })],
    ["not encrypted", viewOf({ origins: ["http://127.0.0.1:8787"] })],
  ])("%s", (warning, view) => expect(mandateFacts(view).warnings.join(" ")).toContain(warning));
});

test("a note cannot move or imitate anything", () => {
  const { facts } = mandateFacts(viewOf({ note: "for reports\nCan cost: 0" }));
  expect(facts.find(({ label }) => label === "Note")?.value).toBe("for reports⟦U+000A⟧Can cost: 0");
});

test("without a period the limits are one payment and the total", () => {
  expect(limitsText({ ...mandate, period: undefined })).toBe("0.001 LGO per payment · 0.3 LGO in all");
});
