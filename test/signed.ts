/** A payment of exact terms, signed by its payer, with nothing around it: what a facilitator gets. Payers are new each time. */

import { bytesToHex, randomBytes } from "../shared/crypto/bytes.ts";
import type { Digest } from "../shared/crypto/digest.ts";
import { ASSET, NETWORK, SCHEME, X402_VERSION } from "../shared/lez.ts";
import { HOLD_SECONDS } from "../shared/limits.ts";
import type { Amount } from "../shared/protocol/amount.ts";
import { type Authorization, authorizationDigest, transactionOf } from "../shared/protocol/authorization.ts";
import type { LedgerPayment } from "../shared/protocol/ledger-payment.ts";
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
  const requirements = { scheme: SCHEME, network: NETWORK, asset: ASSET, amount, payTo, maxTimeoutSeconds: 900 };
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
      validAfter: Number(validAfter),
      validBefore: Number(validBefore),
    },
    transaction: transactionOf(NETWORK, digest),
  };
}
