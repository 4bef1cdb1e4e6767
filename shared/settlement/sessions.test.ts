/** The facilitator's part in sessions: what reaches the ledger, and what is said of its answers. The stack's tests have the ledger itself. */

import { describe, expect, test } from "vitest";
import { change } from "../../test/fields.ts";
import {
  agent,
  CLAIM,
  LEDGER,
  merchant,
  NOW,
  owner,
  receiver,
  SESSION,
  SESSION_MANDATE,
  sessionOffer,
  stranger,
  VOUCHER,
  WITHDRAWAL,
} from "../../test/fixtures.ts";
import { canonicalJson, type Digest } from "../crypto/digest.ts";
import { NETWORK } from "../lez.ts";
import type { Amount } from "../protocol/amount.ts";
import { approvalNonce } from "../protocol/authorization.ts";
import { claimTransaction, signClaim } from "../protocol/claim.ts";
import { mandateDigest, signMandate } from "../protocol/mandate.ts";
import { type Session, sessionId, signSession } from "../protocol/session.ts";
import { signVoucher } from "../protocol/voucher.ts";
import { signWithdrawal } from "../protocol/withdrawal.ts";
import type { PaymentBackend, SessionLedger, SessionStanding } from "./backend.ts";
import { BackendUnavailable, Facilitator } from "./facilitator.ts";
import type { SessionFacilitator } from "./sessions.ts";

const ID = sessionId(SESSION);
const STANDING: SessionStanding = {
  id: ID,
  payer: owner.account,
  status: "open",
  deposit: SESSION.deposit,
  claimed: "0",
  expiresAt: NOW + 86_400,
  closesAt: NOW + 87_300,
  at: NOW,
};
const PAID = { ...STANDING, claimed: "7500" };
const CLOSING = { ...STANDING, status: "closing" as const, closesAt: NOW + 900, withdrawRequestedAt: NOW };
const TRANSACTION = claimTransaction(NETWORK, CLAIM);

type Call = [method: string, ...args: unknown[]];

/** A facilitator in front of a ledger that answers as it should, and what was asked of that ledger. */
function setUp(answers: Partial<SessionLedger> = {}, { mandates = true, admits = true } = {}) {
  const calls: Call[] = [];
  const ledger: SessionLedger = {
    open: async () => ({ ok: true, session: STANDING }),
    check: async () => ({ ok: true }),
    claim: async () => ({ ok: true, payee: merchant.account, value: "7500" as Amount, transaction: TRANSACTION, session: PAID }),
    withdraw: async () => ({ ok: true, session: CLOSING }),
    status: async () => ({ ...STANDING, config: canonicalJson(SESSION), lanes: [], laneCount: 0, claims: [], claimCount: 0 }),
    paymentOf: async () => ({ claimed: "0" }),
    ...answers,
  };
  const recorded = Object.fromEntries(
    Object.entries(ledger).map(([method, answer]) => [
      method,
      (...args: unknown[]) => {
        calls.push([method, ...args]);
        return (answer as (...args: unknown[]) => unknown)(...args);
      },
    ]),
  );
  const backend = { sessions: recorded, ...(mandates && { mandates: {} }) } as unknown as PaymentBackend;
  const facilitator = new Facilitator(
    backend,
    LEDGER,
    new Map(),
    () => NOW,
    async () => admits,
  );
  return { facilitator, sessions: facilitator.sessions as SessionFacilitator, calls };
}

const REQUEST_DIGEST = "7e".repeat(32) as Digest;
const MANDATED: Session = {
  ...SESSION,
  requestDigest: REQUEST_DIGEST,
  nonce: approvalNonce(owner.account, REQUEST_DIGEST),
  mandate: mandateDigest(SESSION_MANDATE),
};

const paying = (payload: object) => ({
  paymentPayload: { x402Version: 2, accepted: sessionOffer(), payload },
  paymentRequirements: sessionOffer(),
});
const DEPOSIT = paying({
  type: "deposit",
  channelConfig: SESSION,
  ...(await signSession(SESSION, owner)),
  ...(await signVoucher(VOUCHER, agent)),
});
const UNDER_A_MANDATE = paying({
  type: "deposit",
  channelConfig: MANDATED,
  ...(await signSession(MANDATED, agent)),
  mandate: await signMandate(SESSION_MANDATE, owner),
  ...(await signVoucher({ ...VOUCHER, session: sessionId(MANDATED) }, agent)),
});
const FORGED = change(DEPOSIT, "paymentPayload.payload.signature", "00".repeat(64));
const CLAIMING = {
  type: "claim",
  claim: CLAIM,
  signature: await signClaim(CLAIM, receiver),
  channelConfig: SESSION,
  vouchers: [await signVoucher(VOUCHER, agent)],
};

const settle = (facilitator: Facilitator, payment: object) =>
  facilitator.settle({ payment: payment as typeof DEPOSIT, settlementId: "00".repeat(32) as Digest });
const unavailable = () => Promise.reject(new BackendUnavailable("gone", { overloaded: false }));
const FACTS = {
  id: ID,
  config: canonicalJson(SESSION),
  payer: owner.account,
  payee: merchant.account,
  deposit: "1000000",
  expiresAt: NOW + 86_400,
};

describe("a deposit", () => {
  test("is checked by /verify, and nothing is set aside", async () => {
    const { facilitator, calls } = setUp();
    expect(await facilitator.verify(DEPOSIT)).toEqual({ isValid: true, payer: owner.account });
    expect(calls).toEqual([["check", expect.objectContaining(FACTS)]]);
  });

  test("is refused by /verify with the ledger's reason", async () => {
    const { facilitator } = setUp({ check: async () => ({ ok: false, code: "insufficient_funds" }) });
    expect(await facilitator.verify(DEPOSIT)).toEqual({ isValid: false, invalidReason: "insufficient_funds", payer: owner.account });
  });

  test("is set aside by open, as facts", async () => {
    const { sessions, calls } = setUp();
    expect(await sessions.open(DEPOSIT)).toEqual({ ok: true, session: STANDING });
    expect(calls).toEqual([["open", expect.objectContaining(FACTS)]]);
  });

  test("is set aside by /settle, which says that nothing moved and where the session stands", async () => {
    const { facilitator, calls } = setUp();
    expect(await settle(facilitator, DEPOSIT)).toEqual({
      success: true,
      payer: owner.account,
      transaction: "",
      network: NETWORK,
      amount: "",
      extra: { channelState: { channelId: ID, balance: "1000000", totalClaimed: "0", withdrawRequestedAt: 0 } },
    });
    expect(calls).toEqual([["open", expect.objectContaining(FACTS)]]);
  });

  test("whose nonce is used up is refused with what used it", async () => {
    const other = "11".repeat(32) as Digest;
    const { facilitator } = setUp({ open: async () => ({ ok: false, code: "nonce_replayed", session: other }) });
    expect(await settle(facilitator, DEPOSIT)).toEqual({
      success: false,
      errorReason: "nonce_replayed",
      payer: owner.account,
      transaction: "",
      network: NETWORK,
      extra: { session: other },
    });
  });

  test("whose answer got lost is pending, and the same again", async () => {
    let lost = true;
    const { facilitator } = setUp({
      open: async () => {
        if (lost) return unavailable();
        return { ok: true, session: STANDING };
      },
    });
    expect(await settle(facilitator, DEPOSIT)).toMatchObject({ success: false, errorReason: "settlement_pending" });
    lost = false;
    expect(await settle(facilitator, DEPOSIT)).toMatchObject({ success: true });
  });

  test("that does not verify never reaches the ledger", async () => {
    const { facilitator, sessions, calls } = setUp();
    expect(await facilitator.verify(FORGED)).toEqual({ isValid: false, invalidReason: "invalid_signature", payer: owner.account });
    expect(await sessions.open(FORGED)).toMatchObject({ ok: false, code: "invalid_signature" });
    expect(await settle(facilitator, FORGED)).toMatchObject({ success: false, errorReason: "invalid_signature" });
    expect(calls).toEqual([]);
  });

  test("of a payer who calls too often is refused before the ledger is asked", async () => {
    const { sessions, calls } = setUp({}, { admits: false });
    expect(await sessions.open(DEPOSIT)).toEqual({ ok: false, code: "rate_limited", payer: owner.account });
    expect(calls).toEqual([]);
  });

  test("under a mandate brings what the ledger counts", async () => {
    const { sessions, calls } = setUp();
    expect(await sessions.open(UNDER_A_MANDATE)).toMatchObject({ ok: true });
    expect(calls).toEqual([
      ["open", expect.objectContaining({ mandate: expect.objectContaining({ session: { deposit: "1000000", open: 1 } }) })],
    ]);
  });

  test("under a mandate is refused where the ledger counts none", async () => {
    const { sessions, calls } = setUp({}, { mandates: false });
    expect(await sessions.open(UNDER_A_MANDATE)).toMatchObject({ ok: false, code: "mandate_mismatch" });
    expect(calls).toEqual([]);
  });

  test("pays nothing as another scheme, and a payment opens no session", async () => {
    const { facilitator, calls } = setUp();
    const exact = { ...DEPOSIT, paymentRequirements: { ...DEPOSIT.paymentRequirements, scheme: "exact" } };
    expect(await facilitator.verify(exact)).toMatchObject({ isValid: false, invalidReason: "invalid_payload" });
    const voucher = paying({ type: "voucher", from: owner.account, ...(await signVoucher(VOUCHER, agent)) });
    expect(await settle(facilitator, voucher)).toMatchObject({ success: false, errorReason: "invalid_payload" });
    expect(calls).toEqual([]);
  });
});

describe("a claim", () => {
  test("is paid as facts, by each of the two ways", async () => {
    const facts = { payer: owner.account, id: ID, lanes: [{ lane: "0", amount: "7500" }], final: false };
    const { facilitator, sessions, calls } = setUp();
    expect(await sessions.claim(CLAIMING)).toMatchObject({ ok: true, value: "7500", transaction: TRANSACTION });
    expect(await settle(facilitator, paying(CLAIMING))).toEqual({
      success: true,
      payer: owner.account,
      transaction: TRANSACTION,
      network: NETWORK,
      amount: "7500",
      extra: { channelState: { channelId: ID, balance: "1000000", totalClaimed: "7500", withdrawRequestedAt: 0 } },
    });
    expect(calls).toEqual([
      ["claim", expect.objectContaining(facts)],
      ["claim", expect.objectContaining(facts)],
    ]);
  });

  test("that moved nothing has no transaction", async () => {
    const { facilitator } = setUp({ claim: async () => ({ ok: true, payee: merchant.account, value: "0", session: PAID }) });
    expect(await settle(facilitator, paying(CLAIMING))).toMatchObject({ success: true, transaction: "", amount: "0" });
  });

  test("whose vouchers do not cover it never reaches the ledger", async () => {
    const { sessions, calls } = setUp();
    const greedy = { ...CLAIM, lanes: CLAIM.lanes.map((lane) => ({ ...lane, amount: "10001" as Amount })) };
    const signed = { ...CLAIMING, claim: greedy, signature: await signClaim(greedy, receiver) };
    expect(await sessions.claim(signed)).toMatchObject({ ok: false, code: "charge_exceeded", payer: owner.account });
    expect(calls).toEqual([]);
  });

  test("is refused with the ledger's reason", async () => {
    const { facilitator, sessions } = setUp({ claim: async () => ({ ok: false, code: "session_closed" }) });
    expect(await sessions.claim(CLAIMING)).toEqual({ ok: false, code: "session_closed", payer: owner.account });
    expect(await settle(facilitator, paying(CLAIMING))).toMatchObject({ success: false, errorReason: "session_closed" });
  });

  test("is never held back, however often its payer called", async () => {
    expect(await setUp({}, { admits: false }).sessions.claim(CLAIMING)).toMatchObject({ ok: true });
  });

  test("whose answer got lost is an error, not a refusal", async () => {
    const { facilitator, sessions } = setUp({ claim: unavailable });
    await expect(sessions.claim(CLAIMING)).rejects.toThrow(BackendUnavailable);
    expect(await settle(facilitator, paying(CLAIMING))).toMatchObject({ success: false, errorReason: "settlement_pending" });
  });
});

describe("a withdrawal", () => {
  const record = (signer = owner, changes = {}) => signWithdrawal({ ...WITHDRAWAL, requestedAt: String(NOW), ...changes }, signer);
  const name = { payer: owner.account, id: ID };

  test.each([
    ["payer", owner],
    ["agent", agent],
  ])("by the %s begins to close the session", async (_, signer) => {
    const { sessions, calls } = setUp();
    expect(await sessions.withdraw(await record(signer))).toEqual({ ok: true, session: CLOSING });
    expect(calls).toEqual([
      ["status", name],
      ["withdraw", name],
    ]);
  });

  test("by another key is refused", async () => {
    const { sessions, calls } = setUp();
    expect(await sessions.withdraw(await record(stranger))).toMatchObject({ ok: false, code: "invalid_signature" });
    expect(calls).toEqual([["status", name]]);
  });

  test("of a session that the ledger does not know is refused", async () => {
    const { sessions } = setUp({ status: async () => ({ status: "unknown", at: NOW }) });
    expect(await sessions.withdraw(await record())).toMatchObject({ ok: false, code: "session_unknown" });
  });

  test("for another ledger is refused without a question", async () => {
    const { sessions, calls } = setUp();
    expect(await sessions.withdraw(await record(owner, { ledger: "22".repeat(32) }))).toMatchObject({ code: "ledger_mismatch" });
    expect(calls).toEqual([]);
  });

  test("of a payer who calls too often is refused", async () => {
    expect(await setUp({}, { admits: false }).sessions.withdraw(await record())).toMatchObject({ code: "rate_limited" });
  });
});

describe("a facilitator whose ledger keeps no sessions", () => {
  const without = new Facilitator({} as PaymentBackend, LEDGER, new Map(), () => NOW);
  const schemes = (facilitator: Facilitator) => facilitator.supported().kinds.map(({ scheme }) => scheme);

  test("does not list the scheme, and refuses it", async () => {
    expect([schemes(setUp().facilitator), schemes(without)]).toEqual([["exact", "batch-settlement"], ["exact"]]);
    expect(await without.verify(DEPOSIT)).toMatchObject({ isValid: false });
    expect(await settle(without, DEPOSIT)).toMatchObject({ success: false });
    expect(without.sessions).toBeUndefined();
  });
});
