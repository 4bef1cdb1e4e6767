import { describe, expect, test } from "vitest";
import {
  agent,
  LEDGER,
  MANDATE,
  merchant,
  NOW,
  offerOf,
  owner,
  paymentRequest,
  receiver,
  sessionOffer,
  sessionRequest,
  stranger,
} from "../../test/fixtures.ts";
import { checkShape } from "../text/json.ts";
import type { Amount } from "./amount.ts";
import { approvalNonce } from "./authorization.ts";
import { mandateDigest } from "./mandate.ts";
import {
  checkPaymentRequest,
  checkSessionRequest,
  newPaymentRequest,
  type PaymentRequest,
  requestDigest,
  signPaymentRequest,
} from "./payment-request.ts";
import { sessionFor, sessionWithin } from "./session-approval.ts";
import { sessionSchema } from "./session.ts";

const request = await sessionRequest();

async function checkedOf(asked: PaymentRequest) {
  const checked = await checkSessionRequest(asked, NOW);
  if (!checked.ok) throw new Error(`${checked.code}: ${checked.problem}`);
  return checked;
}

describe("a request for a session", () => {
  test("says what it sets aside, for how long, and under which terms", async () => {
    expect(await checkSessionRequest(request, NOW)).toMatchObject({
      ok: true,
      digest: requestDigest(request),
      session: { deposit: "1000000", seconds: 86_400, terms: { ledger: LEDGER, receiver: receiver.publicKey, withdrawDelay: 900 } },
    });
  });

  test("is no request for a payment, and a request for a payment none for a session [session-request-apart]", async () => {
    const wanted = { code: "unsupported_scheme" };
    expect(await checkPaymentRequest(request, NOW)).toMatchObject(wanted);
    expect(await checkSessionRequest(await paymentRequest(), NOW)).toMatchObject(wanted);
    expect(await checkPaymentRequest(await paymentRequest(sessionOffer()), NOW)).toMatchObject(wanted);
    expect(await checkSessionRequest(await sessionRequest(undefined, offerOf()), NOW)).toMatchObject(wanted);
    expect(await checkPaymentRequest(await sessionRequest(undefined, offerOf()), NOW)).toMatchObject(wanted);
  });

  test("covers the first request, and lasts no longer than the offer allows, to the unit and second", async () => {
    const codeOf = async (deposit: string, seconds: string) => {
      const checked = await checkSessionRequest(await sessionRequest({ deposit, seconds }), NOW);
      return checked.ok ? "ok" : checked.code;
    };
    expect(await codeOf("10000", "86400")).toBe("ok");
    expect(await codeOf("9999", "86400")).toBe("offer_mismatch");
    expect(await codeOf("10000", "86401")).toBe("offer_mismatch");
  });

  test.each([
    ["receiverAuthorizer", undefined],
    ["receiverAuthorizer", "ab"],
    ["ledger", undefined],
    ["withdrawDelay", 899],
    ["withdrawDelay", 2_592_001],
    ["withdrawDelay", "900"],
    ["minDeposit", 1000],
    ["maxSessionSeconds", 0],
    ["maxSessionSeconds", 604_801],
    ["paymentFlow", "upfront"],
  ])("needs an offer with a right %s: not %j", async (member, value) => {
    const { extra } = sessionOffer();
    const asked = await sessionRequest(undefined, sessionOffer({ extra: { ...extra, [member]: value } }));
    expect(await checkSessionRequest(asked, NOW)).toMatchObject({ code: "unsupported_extra" });
  });

  test("is covered by the agent's signature", async () => {
    const payment = { ...request.payment, session: { deposit: "2000000" as Amount, seconds: "86400" } };
    expect(await checkSessionRequest({ ...request, payment }, NOW)).toMatchObject({ code: "invalid_signature" });
  });

  test("is made with the session that the agent wants", async () => {
    const made = newPaymentRequest(
      {
        agent,
        http: request.http,
        offer: sessionOffer(),
        reason: request.reason,
        expiresIn: 3600,
        session: { deposit: "50000" as Amount, seconds: 60 },
      },
      NOW,
    );
    expect(await checkSessionRequest(await signPaymentRequest(made, agent), NOW)).toMatchObject({
      session: { deposit: "50000", seconds: 60 },
    });
  });
});

describe("the session that an owner signs", () => {
  test("is the request shown, word for word", async () => {
    const session = sessionFor(request, await checkedOf(request), owner.account, NOW);
    expect(session).toEqual({
      version: "1",
      network: "logos:lez-testnet",
      asset: "native",
      ledger: LEDGER,
      from: owner.account,
      to: merchant.account,
      signer: agent.publicKey,
      receiver: receiver.publicKey,
      deposit: "1000000",
      validAfter: String(NOW),
      validBefore: String(NOW + 900),
      expiresAt: String(NOW + 86_400),
      withdrawDelay: "900",
      origin: "https://merchant.example.com",
      nonce: approvalNonce(owner.account, requestDigest(request)),
      requestDigest: requestDigest(request),
    });
    expect(checkShape(session, sessionSchema)).toMatchObject({ ok: true });
  });

  test("is a pure function of the request, the account and the clock", async () => {
    const checked = await checkedOf(request);
    const again = sessionFor(Object.freeze(structuredClone(request)), structuredClone(checked), owner.account, NOW);
    expect(again).toEqual(sessionFor(request, checked, owner.account, NOW));
    expect(sessionFor(request, checked, stranger.account, NOW).nonce).not.toBe(again.nonce);
  });

  test("can be opened no longer than it lasts", async () => {
    const short = await sessionRequest({ deposit: "1000000", seconds: "60" });
    expect(sessionFor(short, await checkedOf(short), owner.account, NOW)).toMatchObject({
      validBefore: String(NOW + 60),
      expiresAt: String(NOW + 60),
    });
  });
});

describe("the session that an agent signs within its mandate", () => {
  test("is the owner's approval of the same request, and names the mandate", async () => {
    const checked = await checkedOf(request);
    expect(sessionWithin(MANDATE, request, checked, NOW)).toEqual({
      ...sessionFor(request, checked, owner.account, NOW),
      mandate: mandateDigest(MANDATE),
    });
  });

  test("ends with the mandate", async () => {
    const ending = { ...MANDATE, validBefore: String(NOW + 600) };
    expect(sessionWithin(ending, request, await checkedOf(request), NOW)).toMatchObject({
      validBefore: String(NOW + 600),
      expiresAt: String(NOW + 600),
    });
  });
});
