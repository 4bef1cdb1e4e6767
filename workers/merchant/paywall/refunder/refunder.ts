/** Signs a refund with the merchant's key, under the mandate of its seller's owner, and sends it. */

import { hexToBytes } from "../../../../shared/crypto/bytes.ts";
import { randomDigest } from "../../../../shared/crypto/digest.ts";
import { importSeed, signDigest } from "../../../../shared/crypto/seed-key.ts";
import type { ErrorCode } from "../../../../shared/errors.ts";
import { CLOCK_SKEW_SECONDS, MAX_FILE_BYTES } from "../../../../shared/limits.ts";
import { accountOfKey } from "../../../../shared/protocol/account.ts";
import type { Amount } from "../../../../shared/protocol/amount.ts";
import { isForRefunds, mandateDigest, type SignedMandate, signedMandateSchema } from "../../../../shared/protocol/mandate.ts";
import type { RefundObstacle } from "../../../../shared/protocol/refund-obstacle.ts";
import { type Refund, refundTransaction, type SignedRefund, signRefund } from "../../../../shared/protocol/refund.ts";
import type { WalletSigner } from "../../../../shared/protocol/signer.ts";
import { parseJson } from "../../../../shared/text/json.ts";
import { unixNow } from "../../../../shared/time.ts";
import type { PaywallBindings, RefundTerms } from "../types.ts";
import { type Credit, type Made, refundLedgerOf } from "./ledger.ts";
import type { Refunder, Sending, Signing } from "./types.ts";

export function refunderOf(bindings: PaywallBindings): Refunder {
  return { sign: (terms) => sign(bindings, terms), send: (signed, traceId) => send(bindings, signed, traceId) };
}

const owed = (code: RefundObstacle, hasCredit = true) => ({ kind: "owed", code, hasCredit }) as const;

/** Asks for the credit before the mandate: a payment that never moved money is owed nothing. */
async function sign(env: PaywallBindings, terms: RefundTerms): Promise<Signing> {
  const ledger = refundLedgerOf(env);
  if (!ledger || terms.ledger === undefined) return owed("no_facilitator", false);
  const { payee, transaction, validAfter, traceId } = terms;
  const said = await ledger.creditOf({ payee, transaction, from: Math.max(validAfter - CLOCK_SKEW_SECONDS, 0) }, traceId);
  if (!said.ok) {
    if (said.code === undefined) return { kind: "later", problem: said.problem };
    return CREDIT_OBSTACLES[said.code] ?? { kind: "later", problem: said.code };
  }
  if (!said.value) return { kind: "no_credit" };
  const left = leftOf(said.value, terms);
  if (left === undefined) return owed("refund_unknown", false);
  if (left <= 0n) return { kind: "made" };
  const authority = await authorityOf(env, terms);
  if (!authority.ok) return owed(authority.code);
  const { signer, mandate } = authority;
  const refund: Refund = {
    version: "1",
    network: terms.network,
    asset: terms.asset,
    ledger: terms.ledger,
    transaction,
    from: payee,
    to: terms.payer,
    entry: String(said.value.entry),
    amount: left.toString() as Amount,
    reason: "service_not_delivered",
    id: randomDigest(),
    issuedAt: String(unixNow()),
    mandate: mandateDigest(mandate.mandate),
  };
  return { kind: "signed", signed: await signRefund(refund, signer, mandate) };
}

/** Codes after which asking for the credit again would not help. */
const CREDIT_OBSTACLES: { readonly [Code in ErrorCode]?: Signing } = {
  not_found: owed("no_facilitator", false),
  unauthorized: owed("no_access", false),
  invalid_payload: owed("no_facilitator", false),
};

/** What is left to give back, never more than the buyer signed; undefined if the credit is not this payment's. */
function leftOf({ payer, value, refunded }: Credit, { payer: buyer, amount }: RefundTerms): bigint | undefined {
  if (payer !== buyer || value === undefined) return undefined;
  const paid = BigInt(value) < BigInt(amount) ? BigInt(value) : BigInt(amount);
  return paid - BigInt(refunded);
}

async function authorityOf(
  { RECEIPT_KEY, REFUND_MANDATE }: PaywallBindings,
  { payee, ledger }: RefundTerms,
): Promise<{ ok: true; signer: WalletSigner; mandate: SignedMandate } | { ok: false; code: RefundObstacle }> {
  const refused = (code: RefundObstacle) => ({ ok: false, code }) as const;
  if (!REFUND_MANDATE) return refused("no_mandate");
  const parsed = parseJson(REFUND_MANDATE, MAX_FILE_BYTES, signedMandateSchema);
  if (!parsed.ok || !isForRefunds(parsed.value.mandate)) return refused("mandate_unusable");
  const signer = RECEIPT_KEY ? await signerOf(RECEIPT_KEY).catch(() => undefined) : undefined;
  if (!signer) return refused("no_receipt_key");
  const { agent, from, ledger: itsLedger } = parsed.value.mandate;
  if (agent !== signer.publicKey) return refused("mandate_of_another_key");
  return from === payee && itsLedger === ledger ? { ok: true, signer, mandate: parsed.value } : refused("mandate_mismatch");
}

/** The merchant's own key as a signer of refunds. */
async function signerOf(secret: string): Promise<WalletSigner> {
  const key = await importSeed(secret, "RECEIPT_KEY");
  const { publicKey } = key;
  return { publicKey, account: accountOfKey(hexToBytes(publicKey)), sign: (digest) => signDigest(key, digest) };
}

/**
 * Codes of a refund that was not made and will not be: a repetition of one that was made gets its receipt before any of these. What a
 * facilitator says before it has asked this refund's ledger is none of them.
 * `insufficient_funds` may pass; it counts as final, so that the seller is asked at once and this refund is sent no more.
 */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  "invalid_payload",
  "invalid_signature",
  "invalid_network",
  "asset_mismatch",
  "mandate_mismatch",
  "mandate_expired",
  "mandate_revoked",
  "mandate_exceeded",
  "insufficient_funds",
  "refund_unknown",
  "refund_exceeded",
  "refund_expired",
  "refund_conflict",
]);

async function send(env: PaywallBindings, signed: SignedRefund, traceId: string): Promise<Sending> {
  const ledger = refundLedgerOf(env);
  if (!ledger) return { kind: "later", problem: "the merchant has no facilitator" };
  const said = await ledger.refund(signed, traceId);
  if (said.ok) return isAbout(said.value, signed) ? { kind: "made" } : { kind: "later", problem: "the answer is about another refund" };
  if (said.code === undefined) return { kind: "later", problem: said.problem };
  return FINAL.has(said.code) ? owed(said.code) : { kind: "later", problem: said.code };
}

function isAbout({ transaction, refundOf, to, amount }: Made, { refund }: SignedRefund): boolean {
  const fits = refundOf === refund.transaction && to === refund.to && amount === refund.amount;
  return fits && transaction === refundTransaction(refund);
}
