/** A payment is changed between owner and ledger: each change has its own refusal, over real HTTP, and costs nothing. */

import { beforeAll, expect, test } from "vitest";
import { hexToBytes } from "../../shared/crypto/bytes.ts";
import { MAX_VALIDITY_SECONDS } from "../../shared/limits.ts";
import { accountOfKey } from "../../shared/protocol/account.ts";
import { authorizationFor, signPayload } from "../../shared/protocol/approval.ts";
import { authorizationDigest, type Authorization } from "../../shared/protocol/authorization.ts";
import type { ExactPayload } from "../../shared/protocol/exact-payload.ts";
import { checkPaymentRequest } from "../../shared/protocol/payment-request.ts";
import { generateSecretKey, keySigner, type WalletSigner } from "../../shared/protocol/signer.ts";
import { unixNow } from "../../shared/time.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import { useStack, verdict } from "./stack.ts";

const world = useStack();
let buyer: Awaited<ReturnType<typeof world.buyer>>;
let payment: PaymentPayload;
const premium = () => ({ url: `${world.stack.merchant}/premium` });
beforeAll(async () => {
  buyer = await world.buyer();
  payment = await buyer.approved(premium());
});

type Change = Partial<Record<keyof Authorization, string | undefined>>;
const exact = () => payment.payload as unknown as ExactPayload;
const withPayload = (change: Partial<ExactPayload>) => ({ ...payment, payload: { ...payment.payload, ...change } });
const withAuthorization = (change: Change) => withPayload({ authorization: { ...exact().authorization, ...change } as Authorization });

/** The owner's key itself signs something else. */
async function resigned(change: Change, signer: WalletSigner = buyer.people.owner): Promise<PaymentPayload> {
  const authorization = { ...exact().authorization, ...change } as Authorization;
  return withPayload({ authorization, publicKey: signer.publicKey, signature: await signer.sign(authorizationDigest(authorization)) });
}

async function strangersKey() {
  const stranger = await keySigner(generateSecretKey());
  return resigned({}, stranger);
}

/** The identity point as a key: under lax verification its all-zero signature fits every message. */
function lowOrderKey() {
  const publicKey = `01${"00".repeat(31)}`;
  const from = accountOfKey(hexToBytes(publicKey));
  return withPayload({ authorization: { ...exact().authorization, from }, publicKey, signature: `01${"00".repeat(63)}` });
}

const now = unixNow();
const zeros = "0".repeat(64);
const tamperings: [string, string, () => PaymentPayload | Promise<PaymentPayload>][] = [
  ["the signature", "402 invalid_signature", () => withPayload({ signature: "ab".repeat(64) })],
  ["the amount", "402 amount_mismatch", () => withAuthorization({ value: "9999" })],
  ["the amount, signed again", "402 amount_mismatch", () => resigned({ value: "10001" })],
  ["the recipient", "402 recipient_mismatch", () => withAuthorization({ to: buyer.people.agent.account })],
  ["the network", "402 invalid_network", () => withAuthorization({ network: "logos:lez-mainnet" })],
  ["the asset", "402 asset_mismatch", () => withAuthorization({ asset: "gold" })],
  ["the ledger", "402 ledger_mismatch", () => withAuthorization({ ledger: zeros })],
  ["the ledger, left out", "402 ledger_mismatch", () => withAuthorization({ ledger: undefined })],
  ["the nonce", "402 invalid_signature", () => withAuthorization({ nonce: zeros })],
  ["the binding", "402 binding_mismatch", () => withAuthorization({ binding: zeros })],
  ["the binding, left out", "402 binding_mismatch", () => withAuthorization({ binding: undefined })],
  ["the approval it came from", "402 invalid_signature", () => withAuthorization({ requestDigest: zeros })],
  ["the end of its window", "402 invalid_signature", () => withAuthorization({ validBefore: String(now + 800) })],
  [
    "a window that has not begun",
    "402 payment_not_yet_valid",
    () => resigned({ validAfter: String(now + 500), validBefore: String(now + 800) }),
  ],
  ["a window that is over", "402 payment_expired", () => resigned({ validAfter: String(now - 800), validBefore: String(now - 1) })],
  ["a window too long", "402 validity_too_long", () => resigned({ validBefore: String(now + MAX_VALIDITY_SECONDS) })],
  ["the payer", "402 invalid_signature", () => withAuthorization({ from: buyer.people.agent.account })],
  ["the key", "402 invalid_signature", strangersKey],
  ["the key, for one of low order", "402 invalid_signature", lowOrderKey],
  ["the spelling of the amount", "400 invalid_payload", () => withAuthorization({ value: "010000" })],
  ["the spelling of the nonce", "400 invalid_payload", () => withAuthorization({ nonce: "AB".repeat(32) })],
  ["an unknown member of the authorization", "400 invalid_payload", () => withAuthorization({ memo: "x" } as Change)],
];

test.each(tamperings)("%s: %s", async (_what, expected, tamper) => {
  const before = await buyer.balances();
  expect(verdict(await buyer.send(premium(), await tamper()))).toBe(expected);
  expect(await buyer.balances()).toEqual(before);
});

test("after all of that the payment itself is still good", async () => {
  expect(verdict(await buyer.send(premium(), payment))).toBe("200");
});

test.each([
  ["URL", () => ({ url: `${world.stack.merchant}/weather?city=Zurich` }), "402 amount_mismatch"],
  ["query", () => ({ url: `${world.stack.merchant}/premium?extended=1` }), "402 binding_mismatch"],
])("a payment for one request does not buy another %s", async (_what, other, expected) => {
  expect(verdict(await buyer.send(other(), await buyer.approved(premium())))).toBe(expected);
});

test("a payment for one text does not summarize another", async () => {
  const summarize = { url: `${world.stack.merchant}/summarize`, body: "A short text. With two sentences." };
  const forThis = await buyer.approved(summarize);
  expect(verdict(await buyer.send({ ...summarize, body: "Another text." }, forThis))).toBe("402 binding_mismatch");
  expect(verdict(await buyer.send({ ...summarize, method: "PUT" }, forThis))).toBe("404");
  const paid = await buyer.send(summarize, forThis);
  expect(verdict(paid)).toBe("200");
  expect(await paid.json()).toEqual({ summary: "A short text.", characters: 33, words: 6 });
});

test("approving one request twice pays once", async () => {
  const request = await buyer.request(premium());
  const approve = async (at: number) => {
    const checked = await checkPaymentRequest(request, at);
    if (!checked.ok) throw new Error(checked.code);
    return signPayload(request, checked, authorizationFor(request, checked, buyer.people.owner.account, at), buyer.people.owner);
  };
  const before = await buyer.balances();
  expect(verdict(await buyer.send(premium(), await approve(unixNow())))).toBe("200");
  expect(verdict(await buyer.send(premium(), await approve(unixNow() + 1)))).toBe("402 nonce_replayed");
  expect((await buyer.balances()).owner.balance).toBe(before.owner.balance - 10_000n);
});

test("an account without money is refused, and the same payment is good once it has some", async () => {
  const { Buyer } = await import("../../agent-cli/demo/buyer.ts");
  const poor = await Buyer.create(world.stack);
  const unfunded = await poor.approved(premium());
  expect(verdict(await poor.send(premium(), unfunded))).toBe("402 insufficient_funds");
  await poor.fund("10000");
  expect(verdict(await poor.send(premium(), unfunded))).toBe("200");
  expect((await poor.balances()).owner.balance).toBe(0n);
});
