/** What a desk, or an agent behind a desk that lies, takes for the owner's yes: the yes to this request, and nothing else. */

import { describe, expect, test } from "vitest";
import { merchant, NOW, offerOf, owner, paymentRequest, REQUEST, sessionRequest, stranger } from "../../test/fixtures.ts";
import { accountOfTestPolicy, policyOf, policyProof, TestPasskey } from "../../test/passkey.ts";
import { MAX_APPROVAL_AGE_SECONDS } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import { authorizationFor, signPayload } from "../protocol/approval.ts";
import { type Authorization, authorizationDigest } from "../protocol/authorization.ts";
import { checkPaymentRequest } from "../protocol/payment-request.ts";
import { prove, type ProofSigner } from "../protocol/proof.ts";
import { checkForApproval, signed, toSign } from "../protocol/what-is-signed.ts";
import type { PaymentPayload } from "../x402/x402.ts";
import { checkAge, checkApproval } from "./approval-check.ts";

const request = await paymentRequest();
const checked = await checkPaymentRequest(request, NOW);
if (!checked.ok) throw new Error(checked.problem);
const passkey = new TestPasskey("desk.example", "11".repeat(32));
const HOLDERS: [string, ProofSigner][] = [
  ["a key", owner],
  ["a passkey", { account: passkey.account, prove: (digest) => passkey.prove(digest) }],
];

const approvedBy = (signer: ProofSigner, expiresIn?: number) =>
  signPayload(request, checked, authorizationFor(request, checked, signer.account, NOW, expiresIn), signer);
const judge = (payment: PaymentPayload, account = owner.account) => checkApproval(request, payment, account, {});
const approval = await approvedBy(owner);

test.each(HOLDERS)("the yes of %s counts, and a shorter one too [approval-counts]", async (_, signer) => {
  const facts = { ok: true, from: signer.account, validAfter: NOW };
  expect(await judge(await approvedBy(signer), signer.account)).toEqual({ ...facts, validBefore: NOW + 900 });
  expect(await judge(await approvedBy(signer, 60), signer.account)).toEqual({ ...facts, validBefore: NOW + 60 });
});

test("the yes of a policy counts with as many keys as it asks for, and not with fewer", async () => {
  const policy = policyOf(2, owner, passkey, stranger);
  const account = accountOfTestPolicy(policy);
  const authorization = authorizationFor(request, checked, account, NOW);
  const digest = authorizationDigest(authorization);
  const members = policy.keys.map(async (key) => {
    if (key === passkey.account) return passkey.assert(digest);
    const signer = key === owner.account ? owner : stranger;
    return { kind: "ed25519" as const, publicKey: signer.publicKey, signature: await signer.sign(digest) };
  });
  const [first, second] = await Promise.all(members);
  if (!first || !second) throw new Error("a policy of three keys");
  const withProofs = (...proofs: (typeof first)[]) => ({ ...approval, payload: { authorization, proof: policyProof(policy, ...proofs) } });
  expect(await judge(withProofs(first, second), account)).toMatchObject({ ok: true });
  expect(await judge(withProofs(first), account)).toMatchObject({ ok: false, code: "invalid_signature" });
});

test("no key, passkey or policy says yes to a request on the chain itself, and is told who does [approval-native]", async () => {
  const native = await paymentRequest(offerOf({ network: "lez:devnet" }));
  const authorize = (account: AccountId): Authorization => ({ ...authorizationFor(request, checked, account, NOW), network: "lez:devnet" });
  const accepted = JSON.parse(native.payment.offer) as PaymentPayload["accepted"];
  const policy = policyOf(1, owner, passkey);
  const ofPolicy = authorize(accountOfTestPolicy(policy));
  const proof = policyProof(policy, await passkey.assert(authorizationDigest(ofPolicy)));
  const signed: [AccountId, object][] = [[ofPolicy.from, { authorization: ofPolicy, proof }]];
  for (const [, holder] of HOLDERS) {
    const authorization = authorize(holder.account);
    signed.push([holder.account, { authorization, ...(await prove(authorizationDigest(authorization), holder)) }]);
  }
  const problem = "it is paid on lez:devnet, the chain itself, which no desk signs for";
  for (const [account, payload] of signed) {
    const payment = { ...approval, accepted, payload } as PaymentPayload;
    expect(await checkApproval(native, payment, account, {})).toEqual({ ok: false, code: "request_differs", problem });
  }
});

describe("what differs is refused and named [approval-differs]", () => {
  const { authorization } = approval.payload as { authorization: Authorization };
  const inAuthorization = (changes: Partial<Authorization>) => ({
    ...approval,
    payload: { ...approval.payload, authorization: { ...authorization, ...changes } },
  });
  const cases: [string, PaymentPayload, string][] = [
    ["amount", inAuthorization({ value: "10001" as Authorization["value"] }), "payload.authorization.value"],
    ["payee", inAuthorization({ to: stranger.account }), "payload.authorization.to"],
    ["payer", inAuthorization({ from: stranger.account }), "payload.authorization.from"],
    ["nonce", inAuthorization({ nonce: "00".repeat(32) as Authorization["nonce"] }), "payload.authorization.nonce"],
    ["ledger", inAuthorization({ ledger: "00".repeat(32) as Authorization["nonce"] }), "payload.authorization.ledger"],
    ["binding", inAuthorization({ binding: "00".repeat(32) as Authorization["nonce"] }), "payload.authorization.binding"],
    ["request", inAuthorization({ requestDigest: "00".repeat(32) as Authorization["nonce"] }), "payload.authorization.requestDigest"],
    ["a longer life", inAuthorization({ validBefore: String(NOW + 901) }), "payload.authorization.validBefore"],
    ["a mandate", inAuthorization({ mandate: "00".repeat(32) as Authorization["nonce"] }), "payload.authorization.mandate"],
    ["another scheme", inAuthorization({ scheme: "upto" }), "payload.authorization.scheme"],
    ["a transfer", inAuthorization({ purpose: "transfer" }), "payload.authorization.purpose"],
    ["accepted price", { ...approval, accepted: offerOf({ amount: "1" }) }, "accepted"],
    ["accepted payee", { ...approval, accepted: offerOf({ payTo: stranger.account }) }, "accepted"],
    ["URL", { ...approval, resource: { url: `${REQUEST.url}2` } }, "resource"],
    ["no URL", { x402Version: 2, accepted: approval.accepted, payload: approval.payload }, "resource"],
    ["an extension", { ...approval, extensions: { more: {} } }, "extensions"],
    ["a member of the payload", { ...approval, payload: { ...approval.payload, more: "1" } }, "payload.more"],
    ["no payload", { ...approval, payload: {} }, "payload.authorization"],
  ];
  test.each(cases)("%s", async (_, payment, named) => {
    const result = await judge(payment);
    expect(result).toMatchObject({ ok: false, code: "request_differs", problem: expect.stringContaining(named) });
  });

  test("and a proof of another key, of another account, or of other bytes does not count", async () => {
    const other = { ...approval, payload: { authorization, ...(await prove(authorizationDigest(authorization), stranger)) } };
    const flipped = { ...approval, payload: { ...approval.payload, signature: "00".repeat(64) } };
    for (const payment of [other, flipped]) expect(await judge(payment)).toMatchObject({ ok: false, code: "invalid_signature" });
    expect(await judge(approval, stranger.account)).toMatchObject({ ok: false, code: "request_differs" });
  });
});

describe("a session", () => {
  test("is approved as it was asked for, and not with another deposit or payee", async () => {
    const asked = await sessionRequest();
    const read = await checkForApproval(asked, NOW);
    if (!read.ok) throw new Error(read.problem);
    const made = await signed(asked, read, toSign(asked, read, owner.account, NOW), owner);
    expect(await checkApproval(asked, made, owner.account, {})).toMatchObject({ ok: true, from: owner.account });
    const config = made.payload["channelConfig"] as object;
    for (const changes of [{ deposit: "1000001" }, { to: stranger.account }, { signer: merchant.publicKey }]) {
      const payment = { ...made, payload: { ...made.payload, channelConfig: { ...config, ...changes } } };
      const [name = ""] = Object.keys(changes);
      expect(await checkApproval(asked, payment, owner.account, {})).toMatchObject({
        ok: false,
        problem: expect.stringContaining(`channelConfig.${name}`),
      });
    }
    expect(await checkApproval(request, made, owner.account, {})).toMatchObject({ ok: false });
    expect(await checkApproval(asked, approval, owner.account, {})).toMatchObject({ ok: false });
  });
});

test("an approval is kept while it is new and lasts", () => {
  const made = { validAfter: NOW, validBefore: NOW + 7200 };
  expect([checkAge(made, NOW), checkAge(made, NOW + MAX_APPROVAL_AGE_SECONDS), checkAge(made, NOW - 30)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(checkAge(made, NOW + MAX_APPROVAL_AGE_SECONDS + 1)).toMatchObject({ code: "proof_expired" });
  expect(checkAge(made, NOW - 31)).toMatchObject({ code: "proof_expired" });
  expect(checkAge({ ...made, validBefore: NOW - 1 }, NOW)).toMatchObject({ code: "payment_expired" });
});
