/** Only what the owner approved makes a host, an account or an agent known. */

import { describe, expect, test } from "vitest";
import { approve, NOW, offerOf, owner, paymentRequest, stranger } from "../../test/fixtures.ts";
import { formatTimestamp } from "../time.ts";
import { requiredAnswer } from "./answer.ts";
import type { SentRequest } from "./sent-request.ts";
import type { ApprovalView, MerchantPin, PastDecision } from "./view.ts";
import { approvalWarnings } from "./warnings.ts";

const request = await paymentRequest();
const { checked, authorization } = await approve(request);
const at = (seconds: number) => formatTimestamp(NOW + seconds);
const earlier: PastDecision = {
  requestDigest: "0a".repeat(32),
  decision: "approved",
  at: at(-7200),
  agentKey: request.agent.publicKey,
  url: request.http.url,
  payTo: request.payment.payTo,
  amount: request.payment.amount,
  from: owner.account,
};
const required = { x402Version: 2 as const, resource: { url: request.http.url }, accepts: [offerOf()] };

const sent: SentRequest = { headers: [], body: { kind: "none" } };

function warnings(history: PastDecision[], change: Partial<ApprovalView> = {}): string {
  const view = {
    request,
    checked,
    authorization,
    now: NOW,
    history,
    open: [],
    threshold: 10n ** 9n,
    pinnedBefore: true,
    sent,
    balance: { kind: "known", spendable: 10n ** 6n } as const,
    outstanding: { sum: 0n, requests: 0 },
    mandates: [],
  };
  return approvalWarnings({ ...view, host: { kind: "confirmed", by: "terms", required }, ...change }).join("\n");
}

const HOST = "You never approved a payment to this host.";
const ACCOUNT = "First payment to this account.";
const AGENT = "You never approved a request of this agent's key.";
const ELSEWHERE = "What you approved at this host before went to ANOTHER ACCOUNT.";

describe("known is what was approved [known-is-approved]", () => {
  test("and nothing is at first", () => {
    for (const warning of [HOST, ACCOUNT, AGENT]) expect(warnings([])).toContain(warning);
    expect(warnings([])).not.toContain(ELSEWHERE);
  });

  test("afterwards none of it is said", () => {
    expect(warnings([earlier])).toBe("");
  });

  test.each<[string, PastDecision[]]>([
    ["declined", [{ ...earlier, decision: "declined" }]],
    ["approved and revoked", [earlier, { ...earlier, decision: "revoked", at: at(-3600) }]],
  ])("not what was %s", (_, history) => {
    for (const warning of [HOST, ACCOUNT, AGENT]) expect(warnings(history)).toContain(warning);
  });

  test("a host that was paid at another account is a warning of its own, as is an account that no pin names", () => {
    const history = [{ ...earlier, payTo: stranger.account }];
    expect(warnings(history)).toBe([ELSEWHERE, ACCOUNT].join("\n"));
    expect(warnings([earlier], { pinnedBefore: false })).toMatch(/^No account is pinned for this host: [^\n]*$/);
  });
});

test("a trifle does not make an account good for a large sum [account-not-washed]", () => {
  const more = "You never approved more than 0.000000999 LGO for this account. This is more than 10 times as much.";
  expect(warnings([{ ...earlier, amount: "999" }])).toBe(more);
  expect(warnings([{ ...earlier, amount: "1000" }])).toBe("");
  expect(warnings([{ ...earlier, amount: "999" }, earlier])).toBe("");
});

test("a merchant's key is new until a payment under it was approved", () => {
  const pin: MerchantPin = {
    origin: new URL(request.http.url).origin,
    payTo: request.payment.payTo,
    firstSeenAt: at(-9000),
    key: { publicKey: "cd".repeat(32), since: at(-100) },
  };
  const fresh = "This merchant signs its terms with a NEW KEY.";
  expect(warnings([earlier], { pin })).toBe(fresh);
  expect(warnings([{ ...earlier, merchantKey: "ab".repeat(32) }], { pin })).toBe(fresh);
  expect(warnings([{ ...earlier, merchantKey: "cd".repeat(32) }], { pin })).toBe("");
  expect(warnings([{ ...earlier, at: at(-50) }], { pin })).toMatch(/^You approved another payment|^$/);
  expect(warnings([], { pin })).toContain(fresh);
  expect(warnings([], { pin: { ...pin, key: { publicKey: "cd".repeat(32), since: pin.firstSeenAt } } })).not.toContain(fresh);
});

test("a payment that is valid for a moment only, or that the account cannot pay, is warned of [screen-short-validity]", () => {
  const until = (seconds: number) => ({
    authorization: { ...authorization, validBefore: String(Number(authorization.validAfter) + seconds) },
  });
  expect(warnings([earlier], until(5))).toBe("It would be valid for only 5 s after you sign: it may expire before it is sent.");
  expect(warnings([earlier], until(60))).toBe("");
  expect(warnings([earlier], { balance: { kind: "known", spendable: 9_999n } })).toBe("Your account holds less than this payment.");
  expect(warnings([earlier], { balance: { kind: "known", spendable: 10_000n } })).toBe("");
});

test("another account that decides at a desk is named, and needs the typed code [warns-of-desk]", async () => {
  const alsoAt = { desk: "https://desk.example", account: stranger.account };
  expect(warnings([earlier], { alsoAt })).toBe(`ANOTHER ACCOUNT decides it at https://desk.example: ${stranger.account}. Both could pay.`);
  const host = { kind: "confirmed", by: "terms", required } as const;
  const view = { authorization, host, sent, threshold: 10n ** 9n } as Parameters<typeof requiredAnswer>[0];
  expect([requiredAnswer(view), requiredAnswer({ ...view, alsoAt })]).toEqual(["yes", "code"]);
});
