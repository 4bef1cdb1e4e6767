/** Whether a session is this merchant's, for this offer. spec/sessions.md §2. */

import { type Session, sessionId } from "../../../../shared/protocol/session.ts";
import type { PaymentRequirements } from "../../../../shared/x402/x402.ts";

/**
 * @param isReceiver whether a key is one of the merchant's for claims
 * @param url what is paid for: of the merchant's own origin
 */
export function isOwnSession(session: Session, offer: PaymentRequirements, url: string, isReceiver: (key: string) => boolean): boolean {
  const { network, asset, payTo, extra } = offer;
  if (session.network !== network || session.asset !== asset || session.to !== payTo || session.ledger !== extra?.["ledger"]) return false;
  // The facilitator opens a session under any terms that it is shown. Of these, only the delay could cost the merchant something.
  if (Number(session.withdrawDelay) < Number(extra["withdrawDelay"])) return false;
  return isOfOrigin(session, url) && session.signer !== session.receiver && isReceiver(session.receiver);
}

export function isOfOrigin({ origin }: Session, url: string): boolean {
  return url.startsWith(origin) && url[origin.length] === "/";
}

/** What a ledger keeps of a session, read again: its id says whether it is the one that was asked for. */
export function isSession(session: Session, id: string): boolean {
  return sessionId(session) === id;
}
