/** Signed payments by the thousand, as whole requests. node:crypto signs them: it is fast, and signing is not measured. */

import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { bytesToHex, hexToBytes } from "../shared/crypto/bytes.ts";
import type { Digest } from "../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../shared/demo.ts";
import { ASSET, NETWORK, SCHEME } from "../shared/lez.ts";
import { MAX_VALIDITY_SECONDS } from "../shared/limits.ts";
import { type AccountId, accountOfKey } from "../shared/protocol/account.ts";
import { approvalNonce, type Authorization, authorizationDigest } from "../shared/protocol/authorization.ts";
import { type Mandate, mandateDigest, type SignedMandate } from "../shared/protocol/mandate.ts";
import { unixNow } from "../shared/time.ts";
import { decodeHeader, encodeHeader, PAYMENT_REQUIRED, PAYMENT_SIGNATURE } from "../shared/x402/headers.ts";
import { type PaymentRequirements, paymentRequiredSchema } from "../shared/x402/x402.ts";

/** Payments begin this long ago, so that no clock is behind them. */
const CLOCK_SLACK_SECONDS = 5;
const DAY_SECONDS = 24 * 3600;
const AMPLE = "1000000000";

export interface Payer {
  account: AccountId;
  publicKey: string;
  key: KeyObject;
}

export function newPayer(): Payer {
  const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), randomBytes(32)]);
  const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
  return { account: accountOfKey(publicKey), publicKey: bytesToHex(publicKey), key };
}

/** A key of an agent's own, and the mandate under which it pays. */
export interface Delegate {
  agent: Payer;
  mandate: SignedMandate;
}

/** Grants a mandate for payments of `offer`. None of its limits is reached, and each is counted. */
export function newDelegate(payer: Payer, offer: PaymentRequirements, origin: string): Delegate {
  const agent = newPayer();
  const grantedAt = unixNow() - CLOCK_SLACK_SECONDS;
  const mandate = {
    version: "1",
    network: offer.network,
    asset: offer.asset,
    ledger: offer.extra?.["ledger"],
    from: payer.account,
    agent: agent.publicKey,
    grantedAt: String(grantedAt),
    validAfter: String(grantedAt),
    validBefore: String(grantedAt + DAY_SECONDS),
    perPayment: offer.amount,
    total: AMPLE,
    period: { seconds: String(DAY_SECONDS), amount: AMPLE, count: AMPLE },
    payees: [offer.payTo],
    origins: [origin],
    schemes: [SCHEME],
    salt: randomId(),
  } as Mandate;
  return { agent, mandate: { mandate, publicKey: payer.publicKey, signature: signatureOf(payer, mandateDigest(mandate)) } };
}

/** A new payment for `offer`. */
function signedPayment(payer: Payer, offer: PaymentRequirements) {
  return signedBy(payer, offer, { ...termsOf(payer.account, offer), nonce: randomId() });
}

/** A new payment for `offer`, as the agent signs it. */
function delegatedPayment({ agent, mandate: signed }: Delegate, offer: PaymentRequirements) {
  const { mandate } = signed;
  const requestDigest = randomId() as Digest;
  const delegated = {
    nonce: approvalNonce(mandate.from, requestDigest),
    requestDigest,
    mandate: mandateDigest(mandate),
    origin: mandate.origins[0],
  };
  return signedBy(agent, offer, { ...termsOf(mandate.from, offer), ...delegated }, { mandate: signed });
}

function termsOf(from: AccountId, offer: PaymentRequirements) {
  const now = unixNow();
  const { binding, ledger } = (offer.extra ?? {}) as { binding?: Digest; ledger?: Digest };
  return {
    network: offer.network,
    asset: offer.asset,
    from,
    to: offer.payTo,
    value: offer.amount,
    validAfter: String(now - CLOCK_SLACK_SECONDS),
    validBefore: String(now + offer.maxTimeoutSeconds - CLOCK_SLACK_SECONDS),
    ...(binding && { binding }),
    ...(ledger && { ledger }),
  };
}

function signedBy(signer: Payer, offer: PaymentRequirements, terms: Record<string, unknown>, beside: { mandate?: SignedMandate } = {}) {
  const authorization = terms as Authorization;
  const signature = signatureOf(signer, authorizationDigest(authorization));
  return { x402Version: 2, accepted: offer, payload: { authorization, publicKey: signer.publicKey, signature, ...beside } };
}

export function signatureOf({ key }: Payer, digest: Digest): string {
  return sign(null, hexToBytes(digest), key).toString("hex");
}

/** A merchant's request, paid. */
export function paidGet(url: string, payer: Payer, offer: PaymentRequirements): string {
  return get(url, `${PAYMENT_SIGNATURE}: ${encodeHeader(signedPayment(payer, offer))}\r\n`);
}

/** A merchant's request, paid under a mandate. */
export function delegatedGet(url: string, delegate: Delegate, offer: PaymentRequirements): string {
  return get(url, `${PAYMENT_SIGNATURE}: ${encodeHeader(delegatedPayment(delegate, offer))}\r\n`);
}

/** A merchant's request to its facilitator. */
export function facilitatorPost(url: string, payer: Payer, offer: PaymentRequirements): string {
  return post(url, { x402Version: 2, paymentPayload: signedPayment(payer, offer), paymentRequirements: offer });
}

/** A facilitator's request to the ledger: the facts of a payment, no signature. */
export function ledgerPost(url: string, { account }: Payer): string {
  const now = unixNow();
  const times = { validAfter: now - 5, validBefore: now + MAX_VALIDITY_SECONDS - 60 };
  const facts = { payer: account, payee: DEMO_MERCHANT_ACCOUNT, value: "1", nonce: randomId(), authorizationDigest: randomId(), ...times };
  return post(url, { payment: facts, settlementId: randomId() });
}

export function get(url: string, headers = ""): string {
  const { host, pathname } = new URL(url);
  return `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`;
}

function post(url: string, body: unknown): string {
  const { host, pathname } = new URL(url);
  const json = JSON.stringify(body); // ASCII throughout
  return `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n${json}`;
}

export function randomId(): string {
  return randomBytes(32).toString("hex");
}

/** The first offer of a priced URL, as it is now. */
export async function offerOf(url: string): Promise<PaymentRequirements> {
  const [offer] = await offersOf(url);
  if (!offer) throw new Error(`${url} makes no offer`);
  return offer;
}

/** All offers of a priced URL, as they are now. */
export async function offersOf(url: string): Promise<readonly PaymentRequirements[]> {
  const answer = await fetch(url);
  const required = decodeHeader(answer.headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema);
  if (!required.ok) throw new Error(`${url} makes no offer: ${answer.status} ${await answer.text()}`);
  return required.value.accepts;
}

/** An offer that no merchant made, for asking a facilitator directly. */
export function offerOn(ledger: string): PaymentRequirements {
  return {
    scheme: SCHEME,
    network: NETWORK,
    asset: ASSET,
    amount: "1",
    payTo: DEMO_MERCHANT_ACCOUNT,
    maxTimeoutSeconds: 900,
    extra: { ledger },
  };
}
