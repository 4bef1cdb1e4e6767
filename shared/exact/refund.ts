/** Whether a refund may be made: signed by the payee's key, or by the agent of a mandate for refunds. spec/protocol.md §14. The ledger knows the sale. */

import type { Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { ASSET, NETWORK } from "../lez.ts";
import type { LedgerMandate } from "../protocol/ledger-payment.ts";
import type { LedgerRefund } from "../protocol/ledger-refund.ts";
import { REFUND_SCHEME } from "../protocol/mandate.ts";
import type { PasskeyRules } from "../protocol/passkey.ts";
import { verifyProof } from "../protocol/proof.ts";
import { type Refund, refundDigest, type SignedRefund } from "../protocol/refund.ts";
import { type PaymentRefusal, unproved } from "../protocol/refusal.ts";
import { checkRefundMandate, type Order } from "./mandate-checks.ts";

/** @param ledger the ledger that would pay it back */
export async function verifyRefund(
  record: SignedRefund,
  ledger: Digest,
  rules: PasskeyRules = {},
): Promise<{ ok: true; refund: LedgerRefund } | PaymentRefusal> {
  const { refund } = record;
  const code = misdirected(refund, ledger);
  if (code) return { ok: false, code };
  const digest = refundDigest(refund);
  const signed = await checkRefundSigner(record, digest, rules);
  if (!signed.ok) return signed;
  const facts = { ...ledgerRefund(refund, digest), ...(signed.mandate && { mandate: signed.mandate }) };
  return { ok: true, refund: { ...facts, signed: JSON.stringify(record) } };
}

function misdirected({ network, asset, ledger, from, to }: Refund, here: Digest): ErrorCode | undefined {
  if (network !== NETWORK) return "invalid_network";
  if (asset !== ASSET) return "asset_mismatch";
  if (ledger !== here) return "ledger_mismatch";
  // No account pays itself, so there is no such sale.
  return from === to ? "refund_unknown" : undefined;
}

async function checkRefundSigner(
  { refund, mandate, ...proof }: SignedRefund,
  digest: Digest,
  rules: PasskeyRules,
): Promise<{ ok: true; mandate?: LedgerMandate } | PaymentRefusal> {
  if (mandate) return checkRefundMandate(orderOf(refund), digest, { ...proof, mandate }, rules);
  if (refund.mandate !== undefined) return { ok: false, code: "invalid_payload", detail: "mandate: is not the one of the refund" };
  const proved = await verifyProof(proof, { type: "Refund", digest, account: refund.from }, rules);
  return proved.ok ? { ok: true } : unproved(proved);
}

/** A refund in the words of a payment. It must be issued while the mandate is valid; the ledger's clock says when the mandate is over. */
export function orderOf({ network, asset, ledger, from, to, amount, issuedAt, mandate }: Refund): Order {
  const times = { validAfter: issuedAt, validBefore: issuedAt };
  return { network, asset, ledger, from, to, value: amount, ...times, scheme: REFUND_SCHEME, ...(mandate !== undefined && { mandate }) };
}

function ledgerRefund({ from, to, transaction, entry, amount, id, issuedAt }: Refund, digest: Digest): LedgerRefund {
  return {
    payee: from,
    payer: to,
    transaction,
    entry: Number(entry),
    amount,
    id,
    refundDigest: digest,
    issuedAt: Number(issuedAt),
  };
}
