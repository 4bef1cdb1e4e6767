/** What the approval screen says of an open mandate, beside a request that its agent asks for. The price is 10000. */

import { expect, test } from "vitest";
import { LEDGER, owner, paymentRequest, stranger } from "../../test/fixtures.ts";
import { newMandate } from "../../test/signed.ts";
import type { Amount } from "../protocol/amount.ts";
import type { Mandate } from "../protocol/mandate.ts";
import { standingText } from "./mandate-standing.ts";
import type { MandateStanding } from "./view.ts";

const request = await paymentRequest();
const ENDS = "2026-01-01T00:00:00Z";

async function said(changes: Partial<Mandate>, usage: MandateStanding["usage"]): Promise<string> {
  const { mandate } = await newMandate(owner, stranger, LEDGER, changes);
  return standingText({ shortCode: "7F3K-9QPD", mandate, usage }, request);
}

const left = (units: bigint, more: Partial<Extract<MandateStanding["usage"], { kind: "known" }>> = {}) =>
  ({ kind: "known", left: units, ...more }) as const;

test.each<[string, Partial<Mandate>, MandateStanding["usage"], string]>([
  [
    "no reason where it would pay: it may be younger than the request",
    {},
    left(10_000n),
    "██████████░░░░░░░░░░ used, 0.00001 LGO of 0.00002 LGO left",
  ],
  ["that too little is left", {}, left(9_999n), "███████████░░░░░░░░░ used, 0.000009999 LGO of 0.00002 LGO left, not enough for this"],
  [
    "that one payment may be no such sum",
    { perPayment: "9999" as Amount },
    left(20_000n),
    "░░░░░░░░░░░░░░░░░░░░ used, 0.00002 LGO of 0.00002 LGO left, for payments of at most 0.000009999 LGO",
  ],
  [
    "that it is for other accounts",
    { payees: [stranger.account] },
    left(20_000n),
    "░░░░░░░░░░░░░░░░░░░░ used, 0.00002 LGO of 0.00002 LGO left, not for this merchant",
  ],
  [
    "that it is for other origins",
    { origins: ["https://shop.example"] },
    left(20_000n),
    "░░░░░░░░░░░░░░░░░░░░ used, 0.00002 LGO of 0.00002 LGO left, not for this merchant",
  ],
  [
    "that the period's sum is used up",
    {},
    left(20_000n, { period: { left: 9_999n, endsAt: ENDS } }),
    `░░░░░░░░░░░░░░░░░░░░ used, 0.00002 LGO of 0.00002 LGO left, not enough for this before ${ENDS}`,
  ],
  [
    "that the period's payments are used up",
    {},
    left(20_000n, { period: { left: 20_000n, paymentsLeft: 0, endsAt: ENDS } }),
    `░░░░░░░░░░░░░░░░░░░░ used, 0.00002 LGO of 0.00002 LGO left, not enough for this before ${ENDS}`,
  ],
  [
    "why it is not known, as text",
    {},
    { kind: "unknown", why: "no\u001b[2J answer" },
    "0.00002 LGO in all; how much of it is left is not known: no⟦U+001B⟧[2J answer",
  ],
])("says %s", async (_, changes, usage, expected) => {
  expect(await said(changes, usage)).toBe(`7F3K-9QPD: ${expected}`);
});
