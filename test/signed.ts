/** A payment of exact terms, signed by its payer, with nothing around it: what a facilitator gets. Payers are new each time. */

import { bytesToHex, randomBytes } from "../shared/crypto/bytes.ts";
import type { Digest } from "../shared/crypto/digest.ts";
import { ASSET, NETWORK, SCHEME, X402_VERSION } from "../shared/lez.ts";
import { HOLD_SECONDS } from "../shared/limits.ts";
import type { Amount } from "../shared/protocol/amount.ts";
import { approvalNonce, type Authorization, authorizationDigest, transactionOf } from "../shared/protocol/authorization.ts";
import type { LedgerPayment } from "../shared/protocol/ledger-payment.ts";
import { type Mandate, mandateDigest, type SignedMandate, signMandate } from "../shared/protocol/mandate.ts";
import { generateSecretKey, keySigner, type WalletSigner } from "../shared/protocol/signer.ts";
import type { ReserveCommand, SettleCommand, UnverifiedPayment } from "../shared/settlement/commands.ts";
import { unixNow } from "../shared/time.ts";
import type { PaymentPayload, PaymentRequirements } from "../shared/x402/x402.ts";
import { merchant } from "./fixtures.ts";

export interface SignedPayment {
  payload: PaymentPayload;
  requirements: PaymentRequirements;
  /** What a facilitator passes on to its ledger. */
  payment: LedgerPayment;
  transaction: Digest;
}

/** The two parts of it that a merchant presents, of any shape. */
interface Presented {
  payload: unknown;
  requirements: unknown;
}

/** The commands with which a merchant presents it. */
export function reserveCommand(signed: Presented, reservationId: Digest = randomId()): ReserveCommand<UnverifiedPayment> {
  return { payment: unverified(signed), reservationId, holdSeconds: HOLD_SECONDS };
}

export function settleCommand(signed: Presented, settlementId: Digest = randomId()): SettleCommand<UnverifiedPayment> {
  return { payment: unverified(signed), settlementId };
}

export function unverified({ payload, requirements }: Presented): UnverifiedPayment {
  return { paymentPayload: payload, paymentRequirements: requirements };
}

export function randomId(): Digest {
  return bytesToHex(randomBytes(32)) as Digest;
}

export function newPayer(): Promise<WalletSigner> {
  return keySigner(generateSecretKey());
}

/** 10000 to the merchant, valid for 900 seconds from now. */
export async function signedPayment(payer: WalletSigner, changes: Partial<Authorization> = {}): Promise<SignedPayment> {
  const authorization: Authorization = {
    network: NETWORK,
    asset: ASSET,
    from: payer.account,
    to: merchant.account,
    value: "10000" as Amount,
    validAfter: String(unixNow()),
    validBefore: String(unixNow() + 900),
    nonce: randomId(),
    ...changes,
  };
  const { to: payTo, value: amount, nonce, validAfter, validBefore } = authorization;
  const requirements = { scheme: authorization.scheme ?? SCHEME, network: NETWORK, asset: ASSET, amount, payTo, maxTimeoutSeconds: 900 };
  const digest = authorizationDigest(authorization);
  const exact = { authorization, publicKey: payer.publicKey, signature: await payer.sign(digest) };
  return {
    payload: { x402Version: X402_VERSION, accepted: requirements, payload: exact },
    requirements,
    payment: {
      payer: payer.account,
      nonce,
      authorizationDigest: digest,
      payee: payTo,
      value: amount,
      ...(authorization.scheme && { scheme: authorization.scheme }),
      validAfter: Number(validAfter),
      validBefore: Number(validBefore),
    },
    transaction: transactionOf(NETWORK, digest),
  };
}

/** A mandate from `payer` to `agent`, granted now: 10000 for one payment, 20000 in all. */
export function newMandate(
  payer: WalletSigner,
  agent: WalletSigner,
  ledger: Digest,
  changes: Partial<Mandate> = {},
): Promise<SignedMandate> {
  const now = unixNow();
  const mandate: Mandate = {
    version: "1",
    network: NETWORK,
    asset: ASSET,
    ledger,
    from: payer.account,
    agent: agent.publicKey,
    grantedAt: String(now),
    validAfter: String(now),
    validBefore: String(now + 86_400),
    perPayment: "10000" as Amount,
    total: "20000" as Amount,
    payees: [merchant.account],
    origins: ["https://merchant.example.com"],
    schemes: ["exact"],
    salt: randomId(),
    ...changes,
  };
  return signMandate(mandate, payer);
}

/** 10000 to the merchant under the mandate, for a request of its own. */
export async function signedUnder(
  mandate: SignedMandate,
  agent: WalletSigner,
  changes: Partial<Authorization> = {},
): Promise<Omit<SignedPayment, "payment">> {
  const { from, ledger } = mandate.mandate;
  const requestDigest = changes.requestDigest ?? randomId();
  const authorization: Authorization = {
    network: NETWORK,
    asset: ASSET,
    from,
    to: merchant.account,
    value: "10000" as Amount,
    validAfter: String(unixNow()),
    validBefore: String(unixNow() + 900),
    nonce: approvalNonce(from, requestDigest),
    ledger,
    requestDigest,
    mandate: mandateDigest(mandate.mandate),
    origin: "https://merchant.example.com",
    ...changes,
  };
  const { to: payTo, value: amount } = authorization;
  const requirements = {
    scheme: authorization.scheme ?? SCHEME,
    network: NETWORK,
    asset: ASSET,
    amount,
    payTo,
    maxTimeoutSeconds: 900,
    extra: { ledger },
  };
  const digest = authorizationDigest(authorization);
  const exact = { authorization, publicKey: agent.publicKey, signature: await agent.sign(digest), mandate };
  return {
    payload: { x402Version: X402_VERSION, accepted: requirements, payload: exact },
    requirements,
    transaction: transactionOf(NETWORK, digest),
  };
}

/** The payment of an approved request, as the agent signs it under the mandate. */
export async function underMandate(
  approval: PaymentPayload,
  mandate: SignedMandate,
  agent: WalletSigner,
  origin: string,
): Promise<PaymentPayload> {
  const approved = approval.payload["authorization"] as Authorization;
  const authorization = { ...approved, origin, mandate: mandateDigest(mandate.mandate) };
  const signature = await agent.sign(authorizationDigest(authorization));
  return { ...approval, payload: { authorization, publicKey: agent.publicKey, signature, mandate } };
}
