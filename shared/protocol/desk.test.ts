import { expect, test } from "vitest";
import { agent, owner } from "../../test/fixtures.ts";
import { policyOf, TestPasskey } from "../../test/passkey.ts";
import { type Digest, randomDigest } from "../crypto/digest.ts";
import { checkShape } from "../text/json.ts";
import {
  deskCallDigest,
  deskSettingDigest,
  loginDigest,
  pairingDigest,
  type SignedDeskCall,
  signedDeskCallSchema,
  type SignedDeskSetting,
  signedDeskSettingSchema,
  type SignedLogin,
  signedLoginSchema,
  type SignedPairing,
  signedPairingSchema,
} from "./desk.ts";
import { policySigner } from "./policy-signer.ts";
import { isSignedByKey, prove, verifyProof } from "./proof.ts";

const phone = new TestPasskey("desk.example", "0a".repeat(32));
const laptop = new TestPasskey("desk.example", "0b".repeat(32));
const one = policySigner(policyOf(2, phone, laptop), [phone]);
const DESK = "https://desk.example";
const nonce = randomDigest();
const login = { version: "1", origin: DESK, account: one.account, nonce, issuedAt: "1760000000" } as const;
const pairing = { desk: DESK, account: one.account, agent: agent.publicKey, secret: "5c".repeat(16) };
const deskSetting = {
  version: "1",
  desk: DESK,
  account: one.account,
  setting: "webhook.add",
  value: "https://ntfy.example/t",
  issuedAt: "1760000000",
  nonce,
} as const;
const call = { desk: DESK, method: "GET", path: "/inbox", bodySha256: nonce, at: "1760000000", nonce };

test("one key of a policy signs in, pairs an agent and changes a setting", async () => {
  const signed: [SignedLogin, SignedPairing, SignedDeskSetting] = [
    { login, ...(await prove(loginDigest(login), one)) },
    { pairing, ...(await prove(pairingDigest(pairing), one)) },
    { deskSetting, ...(await prove(deskSettingDigest(deskSetting), one)) },
  ];
  const [first, second, third] = signed;
  expect(checkShape(first, signedLoginSchema)).toMatchObject({ ok: true });
  expect(checkShape(second, signedPairingSchema)).toMatchObject({ ok: true });
  expect(checkShape(third, signedDeskSettingSchema)).toMatchObject({ ok: true });
  const account = one.account;
  expect(await verifyProof(first, { type: "Login", digest: loginDigest(login), account })).toEqual({ ok: true });
  expect(await verifyProof(second, { type: "Pairing", digest: pairingDigest(pairing), account })).toEqual({ ok: true });
  expect(await verifyProof(third, { type: "DeskSetting", digest: deskSettingDigest(deskSetting), account })).toEqual({ ok: true });
  // A login is no payment: each type has digests of its own, and a payment asks for the threshold.
  expect(await verifyProof(first, { type: "Authorization", digest: loginDigest(login), account })).toMatchObject({ ok: false });
  const other: Digest = loginDigest({ ...login, origin: "https://desk.evil.example" });
  expect(await verifyProof(first, { type: "Login", digest: other, account })).toMatchObject({ ok: false });
});

test("a call of an agent has its key's signature, and no proof", async () => {
  const { publicKey, signature } = await prove(deskCallDigest(call), agent);
  const signed: SignedDeskCall = { call, publicKey, signature };
  expect(checkShape(signed, signedDeskCallSchema)).toMatchObject({ ok: true });
  expect(await isSignedByKey(signed, deskCallDigest(call))).toBe(true);
  expect(await isSignedByKey({ ...signed, publicKey: owner.publicKey }, deskCallDigest(call))).toBe(false);
  expect(checkShape({ call, proof: phone.assert(deskCallDigest(call)) }, signedDeskCallSchema)).toMatchObject({ ok: false });
});

test.each([
  ["a method in small letters", { ...call, method: "get" }],
  ["a time that is a number", { ...call, at: 1 }],
  ["a member too much", { ...call, host: "desk.example" }],
])("a call is refused: %s", (_, changed) => {
  const signed = { call: changed, publicKey: agent.publicKey, signature: "00".repeat(64) };
  expect(checkShape(signed, signedDeskCallSchema)).toMatchObject({ ok: false, code: "invalid_payload" });
});
