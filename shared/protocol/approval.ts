/** The owner's yes: a PaymentRequest becomes an Authorization and a signed x402 payload. spec/protocol.md §7. */

import type { Digest } from "../crypto/digest.ts";
import { UPTO, X402_VERSION } from "../lez.ts";
import { MAX_VALIDITY_SECONDS } from "../limits.ts";
import type { PaymentPayload } from "../x402/x402.ts";
import type { AccountId } from "./account.ts";
import { approvalNonce, type Authorization, authorizationDigest } from "./authorization.ts";
import type { ExactPayload } from "./exact-payload.ts";
import { type Mandate, mandateDigest, type SignedMandate } from "./mandate.ts";
import type { PaymentRequest, RequestCheck } from "./payment-request.ts";
import { prove, type ProofSigner } from "./proof.ts";
import type { WalletSigner } from "./signer.ts";

type Checked = Extract<RequestCheck, { ok: true }>;

/**
 * The Authorization that will be signed: a pure function of the request shown, the account and the clock.
 * @param now unix seconds
 * @param expiresIn the owner's only edit: seconds of validity, shorter than the offer allows
 */
export function authorizationFor(
  request: PaymentRequest,
  checked: Checked,
  from: AccountId,
  now: number,
  expiresIn?: number,
): Authorization {
  const offered = Math.min(Number(request.payment.maxTimeoutSeconds), MAX_VALIDITY_SECONDS);
  const { binding, ledger } = (checked.offer.extra ?? {}) as { binding?: Digest; ledger?: Digest };
  return {
    network: request.payment.network,
    asset: request.payment.asset,
    from,
    to: request.payment.payTo,
    value: request.payment.amount,
    validAfter: String(now),
    validBefore: String(now + Math.min(expiresIn ?? offered, offered)),
    nonce: approvalNonce(from, checked.digest),
    ...(binding && { binding }),
    ...(ledger && { ledger }),
    requestDigest: checked.digest,
    ...(request.payment.scheme === UPTO && { scheme: UPTO }),
  };
}

/**
 * The Authorization that an agent will sign within its mandate: the owner's approval of the same request, which therefore has its
 * nonce, for the origin of the request's URL. It ends with the mandate at the latest.
 * @param now unix seconds
 */
export function authorizationWithin(mandate: Mandate, request: PaymentRequest, checked: Checked, now: number): Authorization {
  const left = Math.max(Number(mandate.validBefore) - now, 0);
  return {
    ...authorizationFor(request, checked, mandate.from, now, left),
    mandate: mandateDigest(mandate),
    origin: new URL(request.http.url).origin,
  };
}

/** The signed payment, ready for PAYMENT-SIGNATURE. The offer is echoed as it was received. */
export async function signPayload(
  request: PaymentRequest,
  checked: Checked,
  authorization: Authorization,
  owner: ProofSigner,
): Promise<PaymentPayload> {
  const exact: ExactPayload = { authorization, ...(await prove(authorizationDigest(authorization), owner)) };
  return { x402Version: X402_VERSION, resource: { url: request.http.url }, accepted: checked.offer, payload: exact };
}

/** The payment that an agent signs itself, within a mandate for its key. @param now unix seconds */
export async function signWithin(
  signed: SignedMandate,
  request: PaymentRequest,
  checked: Checked,
  agent: WalletSigner,
  now: number,
): Promise<PaymentPayload> {
  const authorization = authorizationWithin(signed.mandate, request, checked, now);
  const payload = { authorization, ...(await prove(authorizationDigest(authorization), agent)) };
  return {
    x402Version: X402_VERSION,
    resource: { url: request.http.url },
    accepted: checked.offer,
    payload: { ...payload, mandate: signed },
  };
}
