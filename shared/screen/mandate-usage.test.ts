/** What a mandate has used, from what the ledger says of it. */

import { expect, test } from "vitest";
import { LEDGER, owner, stranger } from "../../test/fixtures.ts";
import { newMandate } from "../../test/signed.ts";
import type { Amount } from "../protocol/amount.ts";
import { mandateUsage, type MandateUse } from "./mandate-usage.ts";

const period = { seconds: "86400", amount: "400" as Amount, count: "5" };
const { mandate } = await newMandate(owner, stranger, LEDGER, { perPayment: "100" as Amount, total: "1000" as Amount, period });
const granted = Number(mandate.grantedAt);
const ended = Number(mandate.validBefore) + 1;

const amounts = (use: MandateUse, now = granted) => {
  const { status, used, held, left, period } = mandateUsage(mandate, use, now);
  return { status, used: used.amount, held: held.amount, left: left.amount, ...(period && { ofPeriod: period.left.amount }) };
};

test.each<[string, MandateUse, ReturnType<typeof amounts>]>([
  ["nothing was used", { status: "unused" }, { status: "open", used: "0", held: "0", left: "1000" }],
  ["what is held is used", { status: "open", settled: "300", claimed: "200" }, { status: "open", used: "500", held: "200", left: "500" }],
  ["no less than nothing is left", { status: "open", settled: "1200" }, { status: "open", used: "1200", held: "0", left: "0" }],
  [
    "the period has its own limit",
    { status: "open", settled: "600", period: { used: "150", payments: 2, endsAt: granted + 86_400 } },
    { status: "open", used: "600", held: "0", left: "400", ofPeriod: "250" },
  ],
])("%s", (_, use, expected) => expect(amounts(use)).toEqual(expected));

test.each<[string, MandateUse, number, string]>([
  ["it is revoked by name", { status: "revoked", revokedAt: granted + 5 }, granted, "revoked"],
  ["it was granted by the moment before which all were revoked", { status: "unused", revokedBefore: granted }, granted, "revoked"],
  ["it was granted after that moment", { status: "unused", revokedBefore: granted - 1 }, granted, "open"],
  ["its time is over", { status: "open" }, ended, "expired"],
  ["what is revoked stays revoked when its time is over", { status: "revoked", revokedAt: granted }, ended, "revoked"],
])("%s", (_, use, now, status) => expect(mandateUsage(mandate, use, now).status).toBe(status));

test("payments left are counted from the period's number, and never below 0", () => {
  const left = (payments: number) =>
    mandateUsage(mandate, { status: "open", period: { used: "0", payments, endsAt: ended } }, granted).period?.paymentsLeft;
  expect([left(0), left(5), left(9)]).toEqual([5, 0, 0]);
});
