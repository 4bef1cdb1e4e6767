import { expect, test } from "vitest";
import { LEDGER, MANDATE, NOW, owner, paymentRequest, sessionRequest } from "../../test/fixtures.ts";
import type { PaymentRequest } from "../protocol/payment-request.ts";
import { checkForApproval, toSign } from "../protocol/what-is-signed.ts";
import { approvalFacts } from "../screen/facts.ts";
import { sentRequest } from "../screen/sent-request.ts";
import type { ApprovalView } from "../screen/view.ts";
import { approvalWarnings } from "../screen/warnings.ts";
import { approvalWire, type ApprovalWire, readApproval } from "./approval-wire.ts";

async function viewOf(request: PaymentRequest, expiresIn?: number): Promise<ApprovalView> {
  const checked = await checkForApproval(request, NOW);
  if (!checked.ok) throw new Error(checked.problem);
  return {
    request,
    checked,
    ...toSign(request, checked, owner.account, NOW, expiresIn),
    now: NOW,
    history: [],
    open: [],
    threshold: 10n ** 30n,
    ledger: LEDGER,
    host: { kind: "unconfirmed", why: "it did not answer", signature: { kind: "unchecked" } },
    sent: sentRequest(request.http, undefined),
    balance: { kind: "known", spendable: 10n ** 30n },
    outstanding: { sum: 5n, requests: 1 },
    mandates: [
      {
        shortCode: "7F3K-9QPD",
        mandate: MANDATE,
        usage: { kind: "known", left: 7n, period: { left: 3n, paymentsLeft: 1, endsAt: "2025-10-09T09:53:20Z" } },
      },
      { shortCode: "2MBX-40TC", mandate: MANDATE, usage: { kind: "unknown", why: "it did not answer" } },
    ],
    pinnedBefore: false,
  };
}

const sent = (wire: ApprovalWire) => JSON.parse(JSON.stringify(wire)) as ApprovalWire;

test.each<[string, () => Promise<PaymentRequest>, number | undefined]>([
  ["a payment", () => paymentRequest(), undefined],
  ["a payment that ends sooner", () => paymentRequest(), 60],
  ["a session", () => sessionRequest(), undefined],
])("%s is read at the page as it stood at the desk: what is signed, facts and warnings [wire-round-trip]", async (_, made, expiresIn) => {
  const view = await viewOf(await made(), expiresIn);
  const read = await readApproval(sent(approvalWire(view, expiresIn)));
  if (!read.ok) throw new Error(read.problem);
  const { checked, authorization, session } = view;
  expect(read.view).toMatchObject({ checked, authorization, ...(session && { session }) });
  expect(approvalFacts(read.view)).toEqual(approvalFacts(view));
  expect(approvalWarnings(read.view)).toEqual(approvalWarnings(view));
});

test("a request whose text was changed is not read, whatever was changed [wire-changed]", async () => {
  const wire = sent(approvalWire(await viewOf(await paymentRequest()), undefined));
  const changes: [string, string][] = [
    ['"amount":"10000"', '"amount":"10001"'],
    ["/premium", "/premium2"],
    ["Research agent", "Another agent"],
    ["The premium report", "The premium cheese"],
    ["{", '{"more":1,'],
  ];
  for (const [from, to] of changes) {
    const changed = { ...wire, request: wire.request.replace(from, to) };
    expect(changed.request, from).not.toBe(wire.request);
    expect(await readApproval(changed), from).toMatchObject({ ok: false });
  }
  expect(await readApproval({ ...wire, request: "{" })).toMatchObject({ ok: false });
});
