/** Whether a withdrawal may close a session: signed by the payer, or by the session's signer. spec/scheme_batch_settlement_lez.md. */

import type { Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { CLOCK_SKEW_SECONDS } from "../limits.ts";
import type { SessionName } from "../protocol/ledger-session.ts";
import type { PasskeyRules } from "../protocol/passkey.ts";
import { type PaymentRefusal, unproved } from "../protocol/refusal.ts";
import type { Session } from "../protocol/session.ts";
import { provesWithdrawal, type SignedWithdrawal } from "../protocol/withdrawal.ts";
import { clockDetail } from "../time.ts";

/**
 * @param session as the ledger has it: the signer is the one that the payer named
 * @param context the clock in unix seconds, and the ledger that would close it
 */
export async function verifyWithdrawal(
  record: SignedWithdrawal,
  { from, signer }: Pick<Session, "from" | "signer">,
  { now, ledger, ...rules }: { now: number; ledger: Digest } & PasskeyRules,
): Promise<{ ok: true; session: SessionName } | PaymentRefusal> {
  const { withdrawal } = record;
  const refused = (code: ErrorCode, detail?: string): PaymentRefusal => ({ ok: false, code, payer: from, ...(detail && { detail }) });
  if (withdrawal.ledger !== ledger) return refused("ledger_mismatch");
  if (withdrawal.from !== from) return refused("session_unknown");
  if (Number(withdrawal.requestedAt) > now + CLOCK_SKEW_SECONDS) {
    return refused("invalid_payload", `withdrawal.requestedAt: is in the future; ${clockDetail(now)}`);
  }
  const proved = await provesWithdrawal(record, signer, rules);
  if (!proved.ok) return { ...unproved(proved), payer: from };
  return { ok: true, session: { payer: from, id: withdrawal.session } };
}
