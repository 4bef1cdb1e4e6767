/** The owner's yes to a session: a PaymentRequest that asks for one becomes a Session. spec/protocol.md §16. */

import { MAX_VALIDITY_SECONDS } from "../limits.ts";
import type { AccountId } from "./account.ts";
import { approvalNonce } from "./authorization.ts";
import { type Mandate, mandateDigest } from "./mandate.ts";
import type { PaymentRequest, SessionRequestCheck } from "./payment-request.ts";
import type { Session } from "./session.ts";

type Checked = Extract<SessionRequestCheck, { ok: true }>;

/**
 * The Session that will be signed: a pure function of the request shown, the account and the clock. The key that signed the request
 * signs the vouchers.
 * @param now unix seconds
 * @param until the last second of the session, if it must end sooner than the request asks
 */
export function sessionFor(request: PaymentRequest, checked: Checked, from: AccountId, now: number, until: number = Infinity): Session {
  const { network, asset, payTo, maxTimeoutSeconds } = request.payment;
  const { terms, deposit, seconds } = checked.session;
  const expiresAt = Math.min(now + seconds, until);
  return {
    version: "1",
    network,
    asset,
    ledger: terms.ledger,
    from,
    to: payTo,
    signer: request.agent.publicKey,
    receiver: terms.receiver,
    deposit,
    validAfter: String(now),
    validBefore: String(Math.min(now + Math.min(Number(maxTimeoutSeconds), MAX_VALIDITY_SECONDS), expiresAt)),
    expiresAt: String(expiresAt),
    withdrawDelay: String(terms.withdrawDelay),
    origin: new URL(request.http.url).origin,
    nonce: approvalNonce(from, checked.digest),
    requestDigest: checked.digest,
  };
}

/**
 * The Session that an agent will sign within its mandate: the owner's approval of the same request, which therefore has its nonce. It
 * ends with the mandate at the latest.
 * @param now unix seconds
 */
export function sessionWithin(mandate: Mandate, request: PaymentRequest, checked: Checked, now: number): Session {
  const until = Math.max(Number(mandate.validBefore), now);
  return { ...sessionFor(request, checked, mandate.from, now, until), mandate: mandateDigest(mandate) };
}
