/** Signed payments by the thousand, as whole requests. node:crypto signs them: it is fast, and signing is not measured. */

import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { bytesToHex, hexToBytes } from "../shared/crypto/bytes.ts";
import type { Digest } from "../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../shared/demo.ts";
import { ASSET, NETWORK, SCHEME } from "../shared/lez.ts";
import { MAX_VALIDITY_SECONDS } from "../shared/limits.ts";
import { type AccountId, accountOfKey } from "../shared/protocol/account.ts";
import { type Authorization, authorizationDigest } from "../shared/protocol/authorization.ts";
import { unixNow } from "../shared/time.ts";
import { decodeHeader, encodeHeader, PAYMENT_REQUIRED, PAYMENT_SIGNATURE } from "../shared/x402/headers.ts";
import { type PaymentRequirements, paymentRequiredSchema } from "../shared/x402/x402.ts";

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

/** A new payment for `offer`. */
function signedPayment(payer: Payer, offer: PaymentRequirements) {
  const now = unixNow();
  const { binding, ledger } = (offer.extra ?? {}) as { binding?: Digest; ledger?: Digest };
  const authorization = {
    network: offer.network,
    asset: offer.asset,
    from: payer.account,
    to: offer.payTo,
    value: offer.amount,
    validAfter: String(now - 5),
    validBefore: String(now + offer.maxTimeoutSeconds - 5),
    nonce: bytesToHex(randomBytes(32)),
    ...(binding && { binding }),
    ...(ledger && { ledger }),
  } as Authorization;
  const signature = sign(null, hexToBytes(authorizationDigest(authorization)), payer.key).toString("hex");
  return { x402Version: 2, accepted: offer, payload: { authorization, publicKey: payer.publicKey, signature } };
}

/** A merchant's request, paid. */
export function paidGet(url: string, payer: Payer, offer: PaymentRequirements): string {
  return get(url, `${PAYMENT_SIGNATURE}: ${encodeHeader(signedPayment(payer, offer))}\r\n`);
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

/** The offer of a priced URL, as it is now. */
export async function offerOf(url: string): Promise<PaymentRequirements> {
  const answer = await fetch(url);
  const required = decodeHeader(answer.headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema);
  const [offer] = required.ok ? required.value.accepts : [];
  if (!offer) throw new Error(`${url} makes no offer: ${answer.status} ${await answer.text()}`);
  return offer;
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
