/** Whether a claim may be paid: signed by the session's receiver, each lane covered by a voucher of its signer. spec/scheme_batch_settlement_lez.md. */

import { canonicalJson, type Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { ASSET, NETWORK } from "../lez.ts";
import type { AccountId } from "../protocol/account.ts";
import { type ClaimedLane, claimDigest, isGenuineClaim } from "../protocol/claim.ts";
import type { LedgerClaim } from "../protocol/ledger-session.ts";
import type { PaymentRefusal } from "../protocol/refusal.ts";
import { sessionId } from "../protocol/session.ts";
import { isGenuineVoucher, type SignedVoucher, voucherDigest } from "../protocol/voucher.ts";
import { checkShape } from "../text/json.ts";
import { claimPayloadSchema } from "./payload.ts";

export type ClaimVerification = { ok: true; claim: LedgerClaim } | PaymentRefusal;

/**
 * Anyone may carry a claim: it pays the payee that the payer named.
 * @param payload of type `claim`, of any shape
 * @param ledger the ledger that would pay it
 */
export async function verifyClaim(payload: unknown, ledger: Digest): Promise<ClaimVerification> {
  const shaped = checkShape(payload, claimPayloadSchema);
  if (!shaped.ok) return { ok: false, code: shaped.code, detail: `payload.${shaped.problem}` };
  const { claim, signature, channelConfig: session, vouchers } = shaped.value;
  const refused = (code: ErrorCode, detail?: string) => invalid(code, session.from, detail);

  if (session.network !== NETWORK) return refused("invalid_network");
  if (session.asset !== ASSET) return refused("asset_mismatch");
  if (session.ledger !== ledger || claim.ledger !== ledger) return refused("ledger_mismatch");
  if (sessionId(session) !== claim.session) return refused("invalid_payload", "payload.channelConfig: is not the claim's session");
  if (vouchers.length !== claim.lanes.length) return refused("invalid_payload", "payload.vouchers: must be one for each lane");
  for (const [i, lane] of claim.lanes.entries()) {
    const objection = objectionToLane(lane, vouchers[i], claim.session);
    if (objection) return refused(objection.code, `payload.claim.lanes.${i}: ${objection.problem}`);
  }
  if (!(await isGenuineClaim(claim, signature, session.receiver))) {
    return refused("invalid_signature", "the session's receiver did not sign the claim");
  }
  const genuine = await Promise.all(vouchers.map((voucher) => isGenuineVoucher(voucher, session.signer)));
  const forged = genuine.indexOf(false);
  if (forged >= 0) return refused("invalid_signature", `payload.vouchers.${forged}: the session's signer did not sign it`);
  return {
    ok: true,
    claim: {
      payer: session.from,
      id: claim.session,
      claimDigest: claimDigest(claim),
      lanes: claim.lanes.map(({ lane, amount }) => ({ lane, amount })),
      final: claim.final === "yes",
      signed: canonicalJson({ claim, signature }),
    },
  };
}

function objectionToLane(
  { lane, amount, voucher: named }: ClaimedLane,
  signed: SignedVoucher | undefined,
  session: Digest,
): { code: ErrorCode; problem: string } | undefined {
  if (!signed || voucherDigest(signed.voucher) !== named)
    return { code: "invalid_payload", problem: "its voucher is not the one beside it" };
  if (signed.voucher.session !== session) return { code: "invalid_payload", problem: "its voucher is of another session" };
  if (signed.voucher.lane !== lane) return { code: "invalid_payload", problem: "its voucher is of another lane" };
  const covers = BigInt(amount) <= BigInt(signed.voucher.maxClaimableAmount);
  return covers ? undefined : { code: "charge_exceeded", problem: `its voucher covers ${signed.voucher.maxClaimableAmount}` };
}

function invalid(code: ErrorCode, payer: AccountId, detail?: string): PaymentRefusal {
  return { ok: false, code, payer, ...(detail && { detail }) };
}
