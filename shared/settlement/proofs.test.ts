/** Accounts of passkeys and policies at a facilitator: everything that an owner signs, and who else signed it. */

import { describe, expect, test } from "vitest";
import { inProcessBackend } from "../../agent-cli/demo/in-process.ts";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { merchant, REFUND } from "../../test/fixtures.ts";
import { policyOf, TestPasskey } from "../../test/passkey.ts";
import { newSession } from "../../test/signed-session.ts";
import { newPayer, randomId, settleCommand } from "../../test/signed.ts";
import { verifyWithdrawal } from "../batch-settlement/withdrawal.ts";
import { canonicalJson } from "../crypto/digest.ts";
import { verifyRefund } from "../exact/refund.ts";
import { LedgerRules } from "../ledger/rules.ts";
import { ASSET, NETWORK, SCHEME, X402_VERSION } from "../lez.ts";
import { MAX_HEADER_BYTES } from "../limits.ts";
import type { Amount } from "../protocol/amount.ts";
import { approvalNonce, type Authorization, authorizationDigest } from "../protocol/authorization.ts";
import { authorizeRead, grantAccess, revocationProblem, revokeAccesses, verifyRead } from "../protocol/books-access.ts";
import { type Decision, decisionDigest, recordDecision, signedDecisionSchema } from "../protocol/decision.ts";
import { type Mandate, mandateDigest, signedMandateSchema, signMandate } from "../protocol/mandate.ts";
import { policySigner } from "../protocol/policy-signer.ts";
import { prove, type ProofSigner } from "../protocol/proof.ts";
import { signRefund } from "../protocol/refund.ts";
import { type Revocation, signRevocation } from "../protocol/revocation.ts";
import { sessionId } from "../protocol/session.ts";
import { signTransfer } from "../protocol/transfer.ts";
import { signWithdrawal } from "../protocol/withdrawal.ts";
import { checkShape } from "../text/json.ts";
import { unixNow } from "../time.ts";
import { encodeHeader } from "../x402/headers.ts";
import { Facilitator } from "./facilitator.ts";

const LEDGER = randomId();
const agent = await newPayer();
const phone = new TestPasskey("desk.example", "0a".repeat(32));
const laptop = new TestPasskey("desk.example", "0b".repeat(32));
const recovery = await newPayer();
const POLICY = policyOf(2, phone, laptop, recovery);
const two = policySigner(POLICY, [phone, recovery]);
const one = policySigner(POLICY, [laptop]);
const here = new TestPasskey("localhost", "0c".repeat(32), "http://localhost:8787");

async function setUp(localhost = false) {
  const ledger = inProcessBackend(new LedgerRules(memoryStore(), { ledger: LEDGER, supply: 10n ** 9n, at: unixNow() }));
  for (const { account } of [phone, two, here]) await ledger.fund(account, "25000" as Amount, randomId());
  const facilitator = new Facilitator(ledger, LEDGER, new Map(), unixNow, async () => true, { localhost });
  return {
    ledger,
    facilitator,
    balanceOf: async ({ account }: { account: ProofSigner["account"] }) => (await ledger.account(account)).balance,
  };
}

const authorizationOf = (payer: ProofSigner, changes: Partial<Authorization> = {}): Authorization => ({
  network: NETWORK,
  asset: ASSET,
  from: payer.account,
  to: merchant.account,
  value: "10000" as Amount,
  validAfter: String(unixNow()),
  validBefore: String(unixNow() + 900),
  nonce: randomId(),
  ...changes,
});

async function payment(payer: ProofSigner, more: { authorization?: Partial<Authorization>; mandate?: object; signer?: ProofSigner } = {}) {
  const authorization = authorizationOf(payer, more.authorization);
  const requirements = { scheme: SCHEME, network: NETWORK, asset: ASSET, amount: "10000", payTo: merchant.account, maxTimeoutSeconds: 900 };
  const exact = {
    authorization,
    ...(await prove(authorizationDigest(authorization), more.signer ?? payer)),
    ...(more.mandate && { mandate: more.mandate }),
  };
  return { payload: { x402Version: X402_VERSION, accepted: requirements, payload: exact }, requirements };
}

const mandateOf = (owner: ProofSigner, changes: Partial<Mandate> = {}): Mandate => ({
  version: "1",
  network: NETWORK,
  asset: ASSET,
  ledger: LEDGER,
  from: owner.account,
  agent: agent.publicKey,
  grantedAt: String(unixNow() - 60),
  validAfter: String(unixNow() - 60),
  validBefore: String(unixNow() + 86_400),
  perPayment: "10000" as Amount,
  total: "20000" as Amount,
  payees: [merchant.account],
  origins: ["https://merchant.example.com"],
  schemes: ["exact"],
  salt: randomId(),
  ...changes,
});

async function underMandate(owner: ProofSigner) {
  const signed = await signMandate(mandateOf(owner), owner);
  const requestDigest = randomId();
  const authorization = {
    mandate: mandateDigest(signed.mandate),
    origin: "https://merchant.example.com",
    ledger: LEDGER,
    requestDigest,
    nonce: approvalNonce(owner.account, requestDigest),
  };
  const made = await payment(owner, { authorization, mandate: signed, signer: agent });
  const extra = { ledger: LEDGER };
  return {
    signed,
    payload: { ...made.payload, accepted: { ...made.requirements, extra } },
    requirements: { ...made.requirements, extra },
  };
}

describe("a payment", () => {
  test.each<[string, ProofSigner]>([
    ["a passkey", phone],
    ["two of three keys", two],
  ])("of %s moves money once [proof-pays]", async (_, payer) => {
    const { facilitator, balanceOf } = await setUp();
    const signed = await payment(payer);
    expect(await facilitator.verify(settleCommand(signed).payment)).toEqual({ isValid: true, payer: payer.account });
    expect(await facilitator.settle(settleCommand(signed))).toMatchObject({ success: true, payer: payer.account });
    expect(await facilitator.settle(settleCommand(signed))).toMatchObject({ success: false, errorReason: "nonce_replayed" });
    expect(await balanceOf(payer)).toBe("15000");
  });

  test("of one of three keys moves nothing [policy-threshold]", async () => {
    const { facilitator, balanceOf } = await setUp();
    const refused = await facilitator.settle(settleCommand(await payment(one)));
    expect(refused).toMatchObject({ success: false, errorReason: "invalid_signature", payer: one.account });
    expect(await balanceOf(one)).toBe("25000");
  });

  test("by a passkey of localhost moves test money, and no other [localhost-faucet]", async () => {
    const signed = await payment(here);
    expect(await (await setUp()).facilitator.settle(settleCommand(signed))).toMatchObject({ errorReason: "invalid_signature" });
    expect(await (await setUp(true)).facilitator.settle(settleCommand(signed))).toMatchObject({ success: true });
  });

  test("with the assertion of another payment is refused", async () => {
    const { facilitator } = await setUp();
    const [a, b] = [await payment(phone), await payment(phone)];
    const mixed = {
      ...a,
      payload: { ...a.payload, payload: { ...a.payload.payload, proof: (b.payload.payload as { proof?: unknown }).proof } },
    };
    expect(await facilitator.settle(settleCommand(mixed))).toMatchObject({ errorReason: "invalid_signature" });
  });
});

describe("a mandate", () => {
  test.each<[string, ProofSigner]>([
    ["a passkey", phone],
    ["two of three keys", two],
  ])("of %s carries its agent's payments, again and again [proof-grants]", async (_, owner) => {
    const { facilitator, balanceOf } = await setUp();
    const { signed, ...made } = await underMandate(owner);
    expect(await facilitator.settle(settleCommand(made))).toMatchObject({ success: true, payer: owner.account });
    expect(await facilitator.settle(settleCommand(made))).toMatchObject({ errorReason: "nonce_replayed" });
    expect(await balanceOf(owner)).toBe("15000");
    expect(signed.mandate.from).toBe(owner.account);
  });

  test("of one of three keys carries nothing", async () => {
    const { facilitator } = await setUp();
    expect(await facilitator.settle(settleCommand(await underMandate(one)))).toMatchObject({ errorReason: "invalid_signature" });
  });

  test("of localhost that a ledger of test money took is refused by another in the same isolate", async () => {
    const signed = await underMandate(here);
    expect(await (await setUp(true)).facilitator.settle(settleCommand(signed))).toMatchObject({ success: true });
    expect(await (await setUp()).facilitator.settle(settleCommand(signed))).toMatchObject({ errorReason: "invalid_signature" });
  });

  test("for a key of its own policy is refused: that key would need no mandate [agent-no-member]", async () => {
    const signed = await signMandate(mandateOf(two, { agent: recovery.publicKey }), two);
    expect(checkShape(signed, signedMandateSchema)).toMatchObject({ ok: false, problem: "value: the agent's key is a key of the account" });
  });

  test("is not what an agent signs with a proof", async () => {
    const { facilitator } = await setUp();
    const { payload, requirements } = await underMandate(phone);
    const { authorization, mandate } = payload.payload;
    const proof = phone.assert(authorizationDigest(authorization));
    const made = { requirements, payload: { ...payload, payload: { authorization, proof, mandate } } };
    expect(await facilitator.settle(settleCommand(made))).toMatchObject({ errorReason: "invalid_payload" });
  });

  test("is revoked by any one key of the policy, and by no stranger [policy-revokes]", async () => {
    const { facilitator } = await setUp();
    const { signed, ...made } = await underMandate(two);
    const revocation: Revocation = {
      version: "1",
      network: NETWORK,
      ledger: LEDGER,
      from: two.account,
      mandate: mandateDigest(signed.mandate),
      revokedAt: String(unixNow()),
    };
    const stranger = { account: two.account, prove: phone.prove.bind(new TestPasskey("desk.example", "0f".repeat(32))) };
    expect(await facilitator.revoke(await signRevocation(revocation, stranger))).toMatchObject({ ok: false, code: "invalid_signature" });
    expect(await facilitator.revoke(await signRevocation(revocation, one))).toMatchObject({ ok: true, payer: two.account });
    expect(await facilitator.settle(settleCommand(made))).toMatchObject({ errorReason: "mandate_revoked" });
  });
});

describe("a decision", () => {
  const decided: Decision = { requestDigest: randomId(), decision: "revoked", code: "not_needed", decidedAt: "2026-11-29T12:00:00Z" };

  test("with a proof names its account and its ledger, and cancels the payment there [decision-names]", async () => {
    const { facilitator } = await setUp();
    const record = await recordDecision(decided, one, LEDGER);
    expect(record.decision).toMatchObject({ version: "1", from: one.account, ledger: LEDGER });
    expect(checkShape(record, signedDecisionSchema)).toMatchObject({ ok: true });
    expect(await facilitator.cancel(record)).toEqual({
      ok: true,
      payer: one.account,
      nonce: approvalNonce(one.account, decided.requestDigest),
    });
    const elsewhere = await recordDecision(decided, one, randomId());
    expect(await facilitator.cancel(elsewhere)).toMatchObject({ ok: false, code: "ledger_mismatch" });
    const ofOther = { ...record, decision: { ...record.decision, from: phone.account } };
    expect(await facilitator.cancel(ofOther)).toMatchObject({ ok: false, code: "invalid_signature" });
  });

  test("for another account than the proof's is refused", async () => {
    const { facilitator } = await setUp();
    const decision = { ...decided, version: "1", from: one.account, ledger: LEDGER } as const;
    const record = { decision, signed: true, proof: phone.assert(decisionDigest(decision)) } as const;
    expect(await facilitator.cancel(record)).toMatchObject({
      ok: false,
      code: "invalid_signature",
      detail: "proof: is of another account",
    });
  });

  test("names them with a proof, and only then", async () => {
    const byKey = await recordDecision(decided, recovery);
    const byPasskey = await recordDecision(decided, phone, LEDGER);
    const { version: _, ...partly } = byPasskey.decision;
    for (const record of [
      { ...byKey, decision: byPasskey.decision },
      { ...byPasskey, decision: decided },
      { ...byPasskey, decision: partly },
    ])
      expect(checkShape(record, signedDecisionSchema)).toMatchObject({ ok: false, code: "invalid_payload" });
    await expect(recordDecision(decided, phone)).rejects.toThrow("names its ledger");
  });
});

test("a transfer needs the threshold", async () => {
  const { facilitator, balanceOf } = await setUp();
  const transfer = { ...authorizationOf(two), ledger: LEDGER, purpose: "transfer" as const };
  expect(await facilitator.transfer(await signTransfer(transfer, one))).toMatchObject({ ok: false, code: "invalid_signature" });
  expect(await facilitator.transfer(await signTransfer(transfer, two))).toMatchObject({ ok: true, payer: two.account });
  expect(await balanceOf(two)).toBe("15000");
});

test("a refund needs the threshold", async () => {
  const refund = { ...REFUND, ledger: LEDGER, from: two.account };
  expect(await verifyRefund(await signRefund(refund, two), LEDGER)).toMatchObject({ ok: true, refund: { payee: two.account } });
  expect(await verifyRefund(await signRefund(refund, one), LEDGER)).toMatchObject({
    code: "invalid_signature",
    detail: "proof.proofs: has 1, and needs exactly 2",
  });
});

describe("a session", () => {
  test("is ended by any one key of the policy, and by the agent", async () => {
    const { session } = await newSession(LEDGER, { agent, from: two.account });
    const asked = { version: "1", ledger: LEDGER, session: sessionId(session), from: two.account, requestedAt: String(unixNow()) } as const;
    const verify = async (by: ProofSigner) =>
      verifyWithdrawal(await signWithdrawal(asked, by), session, { now: unixNow(), ledger: LEDGER });
    expect(await verify(one)).toMatchObject({ ok: true });
    expect(await verify(agent)).toMatchObject({ ok: true });
    expect(await verify(phone)).toMatchObject({ ok: false, code: "invalid_signature", detail: "proof: is of another account" });
  });
});

test("one key of a policy lets a key read the account's books, and ends that", async () => {
  const call = { method: "GET", path: "/accounts/x" };
  const access = await grantAccess(one, LEDGER, agent.publicKey);
  const header = await authorizeRead(access, agent, call);
  expect(await verifyRead(header, { ...call, account: one.account, now: unixNow() })).toMatchObject({ ok: true });
  expect(
    await verifyRead(await authorizeRead(await grantAccess(two, LEDGER, agent.publicKey), agent, call), {
      ...call,
      account: one.account,
      now: unixNow(),
    }),
  ).toEqual({
    ok: false,
    detail: "proof.proofs: has 2, and needs exactly 1",
  });
  expect(await revocationProblem(await revokeAccesses(one, LEDGER), unixNow())).toBeUndefined();
});

/** The offer that a shop of this package makes, with a long description: 1 KB. */
const OFFER_EXTRA = { binding: "b1".repeat(32), ledger: LEDGER, description: "d".repeat(600) };

describe("the size of a payment's header", () => {
  const passkeys = Array.from({ length: 5 }, (_, i) => new TestPasskey("approvals.company.example", `0${i + 1}`.repeat(32)));

  test.each([
    [1, 2, 1302, 4144, true],
    [2, 3, 1881, 4916, true],
    [3, 3, 2412, 5624, true],
    [3, 5, 2507, 5752, true],
    [4, 5, 3038, 6460, false],
    [5, 5, 3571, 7172, false],
  ])(
    "under a mandate of %s of %s passkeys, which takes %s bytes, is %s: the mandate is accepted: %s [policy-header]",
    async (threshold, keys, bytes, header, fits) => {
      const policy = policyOf(threshold, ...passkeys.slice(0, keys));
      const owner = policySigner(
        policy,
        passkeys.filter(({ account }) => policy.keys.slice(0, threshold).includes(account)),
      );
      const { signed, payload } = await underMandate(owner);
      const accepted = { ...payload.accepted, extra: OFFER_EXTRA };
      const size = encodeHeader({ ...payload, accepted }).length;
      expect([canonicalJson(signed).length, size, checkShape(signed, signedMandateSchema).ok, size <= MAX_HEADER_BYTES]).toEqual([
        bytes,
        header,
        fits,
        true,
      ]);
    },
  );
});
