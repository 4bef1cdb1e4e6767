/** Which nonce a payment gets. Pure: the book, the account as the chain has it, and what the owner decided of earlier requests. */

import type { Digest } from "../../shared/crypto/digest.ts";
import type { LezAccountId } from "../../shared/zone/account.ts";
import type { GivenNonce, NonceBook } from "../records/lez-nonces.ts";

export interface NonceQuestion {
  genesis: Digest;
  account: LezAccountId;
  /** The account's next nonce, as read at the head. */
  next: bigint;
  requestDigest: Digest;
  /** Unix seconds. */
  now: number;
  /** Whether the owner has declined or revoked a request. */
  isRefused: (requestDigest: Digest) => boolean;
}

export type ChosenNonce =
  /** `reused`: what it was given to before. That transfer can still be sent; only one of them is taken. */
  | { kind: "chosen"; nonce: bigint; reused: GivenNonce | undefined }
  /** Another request has it, and may still be paid. */
  | { kind: "busy"; by: GivenNonce }
  /** The key has signed on another chain: anyone who has those signatures can send them on this one. */
  | { kind: "foreign"; genesis: Digest };

/**
 * The account's next nonce, unless it is given out to a request that may still be paid. Decided against, or expired, that request leaves it
 * to the next one: a nonce that is skipped would block the account for ever.
 */
export function chooseNonce(book: NonceBook, { genesis, account, next, requestDigest, now, isRefused }: NonceQuestion): ChosenNonce {
  const elsewhere = book.accounts.find((known) => known.account === account && known.genesis !== genesis);
  if (elsewhere) return { kind: "foreign", genesis: elsewhere.genesis };
  const others = book.given.filter(
    (given) =>
      given.account === account && given.genesis === genesis && BigInt(given.nonce) >= next && given.requestDigest !== requestDigest,
  );
  const isOver = (given: GivenNonce) => Number(given.validBefore) < now || isRefused(given.requestDigest);
  const busy = others.find((given) => !isOver(given));
  if (busy) return { kind: "busy", by: busy };
  return { kind: "chosen", nonce: next, reused: others.findLast((given) => BigInt(given.nonce) === next) };
}
