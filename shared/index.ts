/**
 * The protocol for other programs: wire objects, signed objects, their checks, and how they are shown.
 * Names exported here follow semantic versioning; everything else may change.
 */

// The network.
export { ASSET, ASSET_DECIMALS, ASSET_SYMBOL, NETWORK, SCHEME, X402_VERSION } from "./lez.ts";
export { ERROR_CODES, ERRORS, type ErrorCode, type ErrorFacts, isErrorCode, type Problem } from "./errors.ts";

// Values.
export { type AccountId, accountOfKey, isAccountId, parseAccountId } from "./protocol/account.ts";
export { type Amount, displayAmount, isAmount } from "./protocol/amount.ts";
export { bodyDigest, canonicalJson, type Digest, digest, type DigestType, type Signable } from "./crypto/digest.ts";

// The wire.
export { decodeHeader, encodeHeader, PAYMENT_ERROR, PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_SIGNATURE } from "./x402/headers.ts";
export { type Parsed, parseJson } from "./text/json.ts";
export {
  type PaymentPayload,
  paymentPayloadSchema,
  type PaymentRequired,
  paymentRequiredSchema,
  type PaymentRequirements,
  paymentRequirementsSchema,
  type SettleResponse,
  settleResponseSchema,
} from "./x402/x402.ts";

// What a payer signs, and the request it is bound to.
export { type Authorization, authorizationDigest, authorizationSchema, transactionOf } from "./protocol/authorization.ts";
export { type ExactPayload, exactPayloadSchema } from "./protocol/exact-payload.ts";
export { type BindingScope, bindingOf, bindingScope, type BoundRequest, boundRequestSchema, canonicalUrl } from "./protocol/binding.ts";
export { type Verification, verifyExact } from "./exact/verify.ts";

// An agent's request and its owner's answer.
export {
  checkPaymentRequest,
  paymentFields,
  type PaymentRequest,
  type PaymentRequestBody,
  paymentRequestSchema,
  type RequestCheck,
  requestDigest,
  shortCode,
  signPaymentRequest,
} from "./protocol/payment-request.ts";
export { authorizationFor, signPayload } from "./protocol/approval.ts";
export { DECLINE_CODES, type Decision, type DecisionRecord, isGenuineDecision, recordDecision } from "./protocol/decision.ts";
export {
  isGenuineMandate,
  type Mandate,
  mandateDigest,
  mandateSchema,
  type SignedMandate,
  signedMandateSchema,
  signMandate,
} from "./protocol/mandate.ts";
export {
  isGenuineRevocation,
  type Revocation,
  revocationDigest,
  revocationSchema,
  type SignedRevocation,
  signedRevocationSchema,
  signRevocation,
} from "./protocol/revocation.ts";
export {
  type Refund,
  REFUND_REASONS,
  refundDigest,
  type RefundReason,
  refundSchema,
  refundTransaction,
  type SignedRefund,
  signedRefundSchema,
  signRefund,
} from "./protocol/refund.ts";
export { checkSessionRequest, type SessionRequestCheck } from "./protocol/payment-request.ts";
export { sessionFor } from "./protocol/session-approval.ts";
export { type Session, sessionId, sessionSchema } from "./protocol/session.ts";
export { type SignedVoucher, signVoucher, type Voucher, voucherDigest, voucherSchema } from "./protocol/voucher.ts";
export { type Claim, claimDigest, claimSchema, claimTransaction } from "./protocol/claim.ts";
export {
  type SignedWithdrawal,
  signedWithdrawalSchema,
  signWithdrawal,
  type Withdrawal,
  withdrawalDigest,
  withdrawalSchema,
} from "./protocol/withdrawal.ts";
export { decisionRecordSchema } from "./protocol/decision-record.ts";
export { showUnsafe } from "./screen/escapes.ts";

// Access to an account's books.
export {
  authorizeRead,
  type BooksAccess,
  type BooksRevocation,
  grantAccess,
  revokeAccesses,
  type SignedAccess,
  type SignedBooksRevocation,
} from "./protocol/books-access.ts";

// Evidence of a payment, or of a call that a session paid, for a third party.
export type { EvidencePoint } from "./evidence/check.ts";
export { type CallEvidence, callEvidenceSchema } from "./evidence/call-evidence.ts";
export { type Evidence, evidenceSchema } from "./evidence/evidence.ts";
export { type KnownKeys, knownKeysSchema } from "./evidence/keys.ts";
export { type Fault, readEvidence, type ReadEvidence } from "./evidence/read.ts";
export { serializeEvidence } from "./evidence/serialize.ts";
export type { EvidenceVerdict } from "./evidence/check.ts";
export { type EvidenceReport, verifyEvidence } from "./evidence/verify.ts";

// Keys.
export { verifyDigest } from "./crypto/ed25519.ts";
export { generateSecretKey, keySigner, type WalletSigner } from "./protocol/signer.ts";

// Today's limits, and names of earlier versions.
export { limits, spellEvidence } from "./deprecated.ts";
