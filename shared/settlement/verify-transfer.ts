/** Is this a transfer on this ledger, signed by its payer? Cheap checks come first, each with its own code. spec/protocol.md §15. */

import type { Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { ASSET, NETWORK } from "../lez.ts";
import { CLOCK_SKEW_SECONDS, MAX_VALIDITY_SECONDS } from "../limits.ts";
import { authorizationDigest } from "../protocol/authorization.ts";
import type { LedgerPayment } from "../protocol/ledger-payment.ts";
import type { PasskeyRules } from "../protocol/passkey.ts";
import { type PaymentRefusal, unproved } from "../protocol/refusal.ts";
import { provesTransfer, type SignedTransfer, type Transfer } from "../protocol/transfer.ts";
import { clockDetail } from "../time.ts";

/** The ledger judges nonce, balance and expiry: only it can tell an expired transfer from one that was made in time. */
export async function verifyTransfer(
  signed: SignedTransfer,
  { now, ledger, ...rules }: { now: number; ledger: Digest } & PasskeyRules,
): Promise<{ ok: true; payment: LedgerPayment } | PaymentRefusal> {
  const { authorization } = signed;
  const { from: payer, to: payee, value, nonce } = authorization;
  const refused = (code: ErrorCode, detail?: string): PaymentRefusal => ({ ok: false, code, payer, ...(detail && { detail }) });
  const code = checkTerms(authorization, ledger);
  if (code) return refused(code);
  const offTime = checkWindow(authorization, now);
  if (offTime) return refused(offTime, clockDetail(now));
  const digest = authorizationDigest(authorization);
  const proved = await provesTransfer(signed, rules);
  if (!proved.ok) return { ...unproved(proved), payer };
  const window = { validAfter: Number(authorization.validAfter), validBefore: Number(authorization.validBefore) };
  return { ok: true, payment: { payer, nonce, authorizationDigest: digest, payee, value, ...window } };
}

function checkTerms({ network, asset, ledger: named, from, to }: Transfer, ledger: Digest): ErrorCode | undefined {
  if (network !== NETWORK) return "invalid_network";
  if (asset !== ASSET) return "asset_mismatch";
  if (named !== ledger) return "ledger_mismatch";
  return from === to ? "recipient_mismatch" : undefined;
}

function checkWindow({ validAfter, validBefore }: Transfer, now: number): ErrorCode | undefined {
  if (Number(validAfter) > now + CLOCK_SKEW_SECONDS) return "payment_not_yet_valid";
  return Number(validBefore) > now + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS ? "validity_too_long" : undefined;
}
