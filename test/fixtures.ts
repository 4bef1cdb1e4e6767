/** One coherent payment, from offer to payload, with fixed keys and a fixed clock. Every part can be replaced. */

import type { Digest } from "../shared/crypto/digest.ts";
import { ASSET, BATCH_SETTLEMENT, NETWORK, SCHEME } from "../shared/lez.ts";
import type { Amount } from "../shared/protocol/amount.ts";
import { authorizationFor, signPayload } from "../shared/protocol/approval.ts";
import { type Authorization, authorizationDigest } from "../shared/protocol/authorization.ts";
import { bindingOf, type BoundTerms } from "../shared/protocol/binding.ts";
import type { Claim } from "../shared/protocol/claim.ts";
import { type Mandate, mandateDigest, signMandate } from "../shared/protocol/mandate.ts";
import {
  checkPaymentRequest,
  paymentFields,
  type PaymentRequest,
  type PaymentRequestBody,
  signPaymentRequest,
} from "../shared/protocol/payment-request.ts";
import type { Refund } from "../shared/protocol/refund.ts";
import { type Session, sessionId } from "../shared/protocol/session.ts";
import { keySigner } from "../shared/protocol/signer.ts";
import { type Voucher, voucherDigest } from "../shared/protocol/voucher.ts";
import type { Withdrawal } from "../shared/protocol/withdrawal.ts";
import type { PaymentRequirements } from "../shared/x402/x402.ts";

/** 2025-10-09T08:53:20Z */
export const NOW = 1_760_000_000;
export const LEDGER = "1e".repeat(32) as Digest;

const signerOf = (seed: number) => keySigner(new Uint8Array(32).fill(seed));
export const owner = await signerOf(1);
export const agent = await signerOf(2);
export const merchant = await signerOf(3);
export const stranger = await signerOf(4);
/** The merchant's key for claims. */
export const receiver = await signerOf(5);

export const REQUEST = { method: "GET", url: "https://merchant.example.com/premium" };
const TERMS: BoundTerms = { network: NETWORK, asset: ASSET, amount: "10000", payTo: merchant.account };

/** What the merchant asks, bound to `REQUEST` and to `LEDGER`. */
export function offerOf(changes: Partial<PaymentRequirements> = {}): PaymentRequirements {
  const extra = { binding: bindingOf(REQUEST, { ...TERMS, ...changes }), ledger: LEDGER };
  return { scheme: SCHEME, ...TERMS, maxTimeoutSeconds: 900, extra, ...changes };
}

/** What the merchant asks of a session: the price of `offerOf` for each request, bound like it. */
export function sessionOffer(changes: Partial<PaymentRequirements> = {}): PaymentRequirements {
  const terms = { receiverAuthorizer: receiver.publicKey, withdrawDelay: 900, minDeposit: "100000", maxSessionSeconds: 86_400 };
  return offerOf({ scheme: BATCH_SETTLEMENT, extra: { ...offerOf().extra, ...terms }, ...changes });
}

export function requestBody(offer: PaymentRequirements = offerOf(), changes: Partial<PaymentRequestBody> = {}): PaymentRequestBody {
  return {
    version: "1",
    id: "pr_0123456789abcdef",
    createdAt: "2025-10-09T08:53:20Z",
    expiresAt: "2025-10-09T09:53:20Z",
    agent: { publicKey: agent.publicKey, name: "Research agent" },
    merchant: { name: "Example Merchant", url: "https://merchant.example.com/" },
    http: REQUEST,
    payment: paymentFields(offer) as PaymentRequestBody["payment"],
    reason: "The premium report answers question 3 of the brief.",
    ...changes,
  };
}

export function paymentRequest(offer?: PaymentRequirements, changes?: Partial<PaymentRequestBody>): Promise<PaymentRequest> {
  return signPaymentRequest(requestBody(offer, changes), agent);
}

/** A request for a session of `deposit` units for `seconds`. */
export function sessionRequest(
  { deposit, seconds }: { deposit: string; seconds: string } = { deposit: "1000000", seconds: "86400" },
  offer: PaymentRequirements = sessionOffer(),
  changes: Partial<PaymentRequestBody> = {},
): Promise<PaymentRequest> {
  const { payment } = requestBody(offer);
  return paymentRequest(offer, { payment: { ...payment, session: { deposit: deposit as Amount, seconds } }, ...changes });
}

/** The owner says yes, at `now`. */
export async function approve(request: PaymentRequest, now = NOW, expiresIn?: number) {
  const checked = await checkPaymentRequest(request, now);
  if (!checked.ok) throw new Error(`${checked.code}: ${checked.problem}`);
  const authorization = authorizationFor(request, checked, owner.account, now, expiresIn);
  return { checked, authorization, payload: await signPayload(request, checked, authorization, owner) };
}

/** Covers a payment for `REQUEST`, by the agent that asked for it. */
export const MANDATE: Mandate = {
  version: "1",
  network: NETWORK,
  asset: ASSET,
  ledger: LEDGER,
  from: owner.account,
  agent: agent.publicKey,
  grantedAt: String(NOW - 60),
  validAfter: String(NOW - 60),
  validBefore: String(NOW + 86_400),
  perPayment: "10000" as Amount,
  total: "300000" as Amount,
  period: { seconds: "3600", amount: "20000" as Amount, count: "3" },
  payees: [merchant.account],
  origins: [new URL(REQUEST.url).origin],
  schemes: ["exact"],
  salt: "5a".repeat(32) as Digest,
};

/** With this the merchant's key for refunds gives back what anyone paid. */
export const REFUND_MANDATE: Mandate = { ...MANDATE, from: merchant.account, payees: ["*"], origins: ["*"], schemes: ["refund"] };

/** A quarter of the payment goes back. */
export const REFUND: Refund = {
  version: "1",
  network: NETWORK,
  asset: ASSET,
  ledger: LEDGER,
  transaction: "7a".repeat(32) as Digest,
  from: merchant.account,
  to: owner.account,
  entry: "1",
  amount: "2500" as Amount,
  reason: "service_not_delivered",
  id: "1d".repeat(32) as Digest,
  issuedAt: String(NOW),
};

/** Covers `SESSION`, if the agent opens it for a request of its own. */
export const SESSION_MANDATE: Mandate = {
  ...MANDATE,
  schemes: ["batch-settlement", "exact"],
  session: { deposit: "1000000" as Amount, seconds: "86400", withdrawDelay: "900", open: "1" },
};

/** A hundred requests' worth, for a day, by the owner's own signature. */
export const SESSION: Session = {
  version: "1",
  network: NETWORK,
  asset: ASSET,
  ledger: LEDGER,
  from: owner.account,
  to: merchant.account,
  signer: agent.publicKey,
  receiver: receiver.publicKey,
  deposit: "1000000" as Amount,
  validAfter: String(NOW),
  validBefore: String(NOW + 900),
  expiresAt: String(NOW + 86_400),
  withdrawDelay: "900",
  origin: new URL(REQUEST.url).origin,
  nonce: "0e".repeat(32) as Digest,
};

/** The first of `SESSION`, for `REQUEST`. */
export const VOUCHER: Voucher = {
  session: sessionId(SESSION),
  lane: "0",
  serial: "1",
  maxClaimableAmount: "10000" as Amount,
  binding: bindingOf(REQUEST, TERMS),
};

/** Less than `VOUCHER` covers. */
export const CLAIM: Claim = {
  version: "1",
  ledger: LEDGER,
  session: VOUCHER.session,
  lanes: [{ lane: VOUCHER.lane, amount: "7500" as Amount, voucher: voucherDigest(VOUCHER) }],
  final: "no",
};

export const WITHDRAWAL: Withdrawal = {
  version: "1",
  ledger: LEDGER,
  session: VOUCHER.session,
  from: owner.account,
  requestedAt: String(NOW + 3600),
};

/** What the agent pays under the mandate in place of what the owner approved. */
export function underMandate(approved: Authorization, mandate: Mandate): Authorization {
  return { ...approved, origin: new URL(REQUEST.url).origin, mandate: mandateDigest(mandate) };
}

/** A payment and the mandate beside it. Tests choose what they say, and the keys that sign. */
export async function signedUnder(authorization: Authorization, mandate: Mandate, { grants = owner, pays = agent } = {}) {
  const signature = await pays.sign(authorizationDigest(authorization));
  return { authorization, publicKey: pays.publicKey, signature, mandate: await signMandate(mandate, grants) };
}
