/** What an owner's yes to a request signs: an Authorization, or a Session. */

import { X402_VERSION } from "../../shared/lez.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { authorizationFor, signPayload } from "../../shared/protocol/approval.ts";
import type { Authorization } from "../../shared/protocol/authorization.ts";
import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import { sessionFor } from "../../shared/protocol/session-approval.ts";
import { type Session, signSession } from "../../shared/protocol/session.ts";
import type { WalletSigner } from "../../shared/protocol/signer.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import type { Checked } from "./owner-checks.ts";

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
export async function signed(request: PaymentRequest, checked: Checked, made: ToSign, owner: WalletSigner): Promise<PaymentPayload> {
  if (!made.session) return signPayload(request, checked, made.authorization, owner);
  const payload = { type: "deposit", channelConfig: made.session, ...(await signSession(made.session, owner)) };
  return { x402Version: X402_VERSION, resource: { url: request.http.url }, accepted: checked.offer, payload };
}
