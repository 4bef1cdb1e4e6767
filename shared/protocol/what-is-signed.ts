/** What an owner's yes to a request signs: an Authorization, or a Session. */

import { X402_VERSION } from "../lez.ts";
import type { PaymentPayload } from "../x402/x402.ts";
import type { AccountId } from "./account.ts";
import { authorizationFor } from "./approval.ts";
import { type Authorization, authorizationDigest } from "./authorization.ts";
import {
  checkPaymentRequest,
  checkSessionRequest,
  type PaymentRequest,
  type RequestCheck,
  type SessionRequestCheck,
} from "./payment-request.ts";
import { prove, type Proof, type ProofSigner } from "./proof.ts";
import { sessionFor } from "./session-approval.ts";
import { type Session, sessionId } from "./session.ts";

/** A request that an owner may be shown. It has `session` if the request asks for one. */
export type Checked = Extract<RequestCheck | SessionRequestCheck, { ok: true }>;

/** Checks a request of either kind, offline: what an owner's tool shows has passed. @param now unix seconds */
export function checkForApproval(request: PaymentRequest, now: number): Promise<RequestCheck | SessionRequestCheck> {
  return (request.payment.session ? checkSessionRequest : checkPaymentRequest)(request, now);
}

export interface ToSign {
  /** Of a session: the same in the words of a payment. */
  authorization: Authorization;
  session?: Session;
}

/**
 * A pure function of the request shown, the account and the clock.
 * @param now unix seconds
 * @param expiresIn seconds of validity of a payment, if shorter than offered
 */
export function toSign(request: PaymentRequest, checked: Checked, from: AccountId, now: number, expiresIn?: number): ToSign {
  if (!("session" in checked)) return { authorization: authorizationFor(request, checked, from, now, expiresIn) };
  const session = sessionFor(request, checked, from, now);
  return { authorization: inWordsOfPayment(session), session };
}

function inWordsOfPayment(session: Session): Authorization {
  const { network, asset, from, to, deposit, validAfter, validBefore, nonce, ledger, requestDigest } = session;
  return {
    network,
    asset,
    from,
    to,
    value: deposit,
    validAfter,
    validBefore,
    nonce,
    ledger,
    ...(requestDigest && { requestDigest }),
  };
}

/** The signed decision, as the agent gets it. The agent adds the first voucher of a session. */
export async function signed(request: PaymentRequest, checked: Checked, made: ToSign, owner: ProofSigner): Promise<PaymentPayload> {
  const digest = made.session ? sessionId(made.session) : authorizationDigest(made.authorization);
  return withPaymentProof(request, checked, made, await prove(digest, owner));
}

/** The same, of a proof over what is to be signed. The offer is echoed as it was received. */
export function withPaymentProof(
  request: PaymentRequest,
  { offer }: Pick<Checked, "offer">,
  {
    session,
    authorization,
  }: ToSign | { session: Session; authorization?: undefined } | { session?: undefined; authorization: Authorization },
  proof: Proof,
): PaymentPayload {
  const payload = session ? { type: "deposit", channelConfig: session, ...proof } : { authorization, ...proof };
  return { x402Version: X402_VERSION, resource: { url: request.http.url }, accepted: offer, payload };
}
