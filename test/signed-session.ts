/** A session with a payer of its own, and what is signed in it: deposits, vouchers, claims, withdrawals. Payers are new each time. */

import type { Digest } from "../shared/crypto/digest.ts";
import { ASSET, BATCH_SETTLEMENT, NETWORK, X402_VERSION } from "../shared/lez.ts";
import type { Amount } from "../shared/protocol/amount.ts";
import { approvalNonce } from "../shared/protocol/authorization.ts";
import { type Claim, signClaim } from "../shared/protocol/claim.ts";
import { mandateDigest, type SignedMandate } from "../shared/protocol/mandate.ts";
import { type Session, sessionId, signSession } from "../shared/protocol/session.ts";
import type { WalletSigner } from "../shared/protocol/signer.ts";
import { type SignedVoucher, signVoucher, type Voucher, voucherDigest } from "../shared/protocol/voucher.ts";
import { type SignedWithdrawal, signWithdrawal } from "../shared/protocol/withdrawal.ts";
import { unixNow } from "../shared/time.ts";
import type { PaymentRequirements } from "../shared/x402/x402.ts";
import { merchant, receiver } from "./fixtures.ts";
import { newPayer, randomId } from "./signed.ts";

export interface OpenableSession {
  payer: WalletSigner;
  agent: WalletSigner;
  session: Session;
  id: Digest;
  /** What the merchant asks of it: 10000 for each request. */
  requirements: PaymentRequirements;
}

/** 100000 for the merchant, for a day, from now on. */
export async function newSession(
  ledger: Digest,
  { payer, agent, ...changes }: Partial<Session> & { payer?: WalletSigner; agent?: WalletSigner } = {},
): Promise<OpenableSession> {
  const owner = payer ?? (await newPayer());
  const signer = agent ?? (await newPayer());
  const now = unixNow();
  const session: Session = {
    version: "1",
    network: NETWORK,
    asset: ASSET,
    ledger,
    from: owner.account,
    to: merchant.account,
    signer: signer.publicKey,
    receiver: receiver.publicKey,
    deposit: "100000" as Amount,
    validAfter: String(now),
    validBefore: String(now + 900),
    expiresAt: String(now + 86_400),
    withdrawDelay: "900",
    origin: "https://merchant.example.com",
    nonce: randomId(),
    ...changes,
  };
  const requirements = {
    scheme: BATCH_SETTLEMENT,
    network: NETWORK,
    asset: ASSET,
    amount: "10000",
    payTo: session.to,
    maxTimeoutSeconds: 900,
    extra: { ledger, receiverAuthorizer: session.receiver, withdrawDelay: Number(session.withdrawDelay) },
  };
  return { payer: owner, agent: signer, session, id: sessionId(session), requirements };
}

/** The same under the mandate, for a request of its own. */
export async function newSessionUnder(
  { mandate }: SignedMandate,
  payer: WalletSigner,
  agent: WalletSigner,
  changes: Partial<Session> = {},
): Promise<OpenableSession> {
  const requestDigest = randomId();
  const nonce = approvalNonce(payer.account, requestDigest);
  const validBefore = String(Math.min(unixNow() + 900, Number(mandate.validBefore)));
  const named = { requestDigest, nonce, mandate: mandateDigest(mandate), validBefore, expiresAt: mandate.validBefore };
  return newSession(mandate.ledger, { payer, agent, ...named, ...changes });
}

/** The first voucher of lane 0. */
export function voucherOf({ id, agent }: OpenableSession, changes: Partial<Voucher> = {}): Promise<SignedVoucher> {
  return signVoucher({ session: id, lane: "0", serial: "1", maxClaimableAmount: "10000" as Amount, ...changes }, agent);
}

/** The body of /verify and /settle. @param mandate if its agent opens the session */
export async function depositOf(opened: OpenableSession, mandate?: SignedMandate, voucher?: SignedVoucher) {
  const { session, requirements } = opened;
  const payload = {
    type: "deposit",
    channelConfig: session,
    ...(await signSession(session, mandate ? opened.agent : opened.payer)),
    ...(mandate && { mandate }),
    ...(voucher ?? (await voucherOf(opened))),
  };
  return {
    x402Version: X402_VERSION,
    paymentPayload: { x402Version: X402_VERSION, accepted: requirements, payload },
    paymentRequirements: requirements,
  };
}

/** The payload of a claim over what these vouchers cover, or less. Without one it is final. */
export async function claimOf({ session, id }: OpenableSession, vouchers: SignedVoucher[], amounts: Record<string, string> = {}) {
  const sorted = vouchers.toSorted((a, b) => (a.voucher.lane < b.voucher.lane ? -1 : 1));
  const claim: Claim = {
    version: "1",
    ledger: session.ledger,
    session: id,
    lanes: sorted.map(({ voucher }) => ({
      lane: voucher.lane,
      amount: (amounts[voucher.lane] ?? voucher.maxClaimableAmount) as Amount,
      voucher: voucherDigest(voucher),
    })),
    final: vouchers.length === 0 ? "yes" : "no",
  };
  return { type: "claim" as const, claim, signature: await signClaim(claim, receiver), channelConfig: session, vouchers: sorted };
}

/** A claim as the body of /settle. */
export function settling({ requirements }: OpenableSession, payload: object) {
  return {
    x402Version: X402_VERSION,
    paymentPayload: { x402Version: X402_VERSION, accepted: requirements, payload },
    paymentRequirements: requirements,
  };
}

export function withdrawalOf({ session, id, payer }: OpenableSession, signer: WalletSigner = payer): Promise<SignedWithdrawal> {
  return signWithdrawal({ version: "1", ledger: session.ledger, session: id, from: session.from, requestedAt: String(unixNow()) }, signer);
}
