/** Every error code that crosses a wire, in one table. spec/errors.md is generated from it. */

export interface ErrorFacts {
  /** The HTTP status of a merchant's answer. The facilitator follows the x402 API: 200 for business results. */
  readonly status: number;
  /** A retry can succeed under the same terms: later, or with a new payment. */
  readonly retryable: boolean;
  /** Presenting the very same payment again cannot pay twice and may succeed. */
  readonly safeToRetrySamePayment: boolean;
  readonly message: string;
  /** What to do about it. */
  readonly hint: string;
  /** One of the twelve payment codes that are never renamed and never reused. */
  readonly stable?: true;
}

const FINAL = { retryable: false, safeToRetrySamePayment: false };
const NEW_PAYMENT = { retryable: true, safeToRetrySamePayment: false };
const SAME_PAYMENT = { retryable: true, safeToRetrySamePayment: true };

const TABLE = {
  invalid_payload: {
    status: 400,
    ...FINAL,
    stable: true,
    message: "The payment could not be read.",
    hint: "Send base64 of a JSON x402 v2 PaymentPayload in PAYMENT-SIGNATURE; see spec/protocol.md.",
  },
  invalid_x402_version: {
    status: 400,
    ...FINAL,
    stable: true,
    message: "This service speaks x402 version 2 only.",
    hint: "Build the payment from the PAYMENT-REQUIRED header, not from an x402 v1 body.",
  },
  unsupported_scheme: {
    status: 402,
    ...FINAL,
    stable: true,
    message: "The payment scheme is not the one asked for.",
    hint: "Take an offer of accepts whose scheme you know, and sign that scheme.",
  },
  invalid_network: {
    status: 402,
    ...FINAL,
    stable: true,
    message: "The payment names another network.",
    hint: "Pay on the network that the offer names, in the accepted terms and in what is signed alike.",
  },
  asset_mismatch: {
    status: 402,
    ...FINAL,
    stable: true,
    message: "The payment is in another asset.",
    hint: "Sign the asset that the offer names.",
  },
  amount_mismatch: {
    status: 402,
    ...FINAL,
    stable: true,
    message: "The payment is not for the exact amount asked.",
    hint: "Sign exactly the offer's amount; neither more nor less is accepted.",
  },
  recipient_mismatch: {
    status: 402,
    ...FINAL,
    stable: true,
    message: "The payment is to another account.",
    hint: "Sign the offer's payTo as recipient.",
  },
  invalid_signature: {
    status: 402,
    ...FINAL,
    stable: true,
    message: "The signature does not authorise this payment.",
    hint: "The payer's key, passkey or policy must sign the authorization exactly as sent.",
  },
  payment_not_yet_valid: {
    status: 402,
    ...SAME_PAYMENT,
    stable: true,
    message: "The payment is not valid yet.",
    hint: "Wait until validAfter, or check the clock of the machine that signed.",
  },
  payment_expired: {
    status: 402,
    ...NEW_PAYMENT,
    stable: true,
    message: "The payment is no longer valid.",
    hint: "It can no longer pay. If it was presented before, look up its settlement; else ask the owner for a new approval.",
  },
  nonce_replayed: {
    status: 402,
    ...FINAL,
    stable: true,
    message: "This payment was already used.",
    hint: "One payment buys one answer. Look up the settlement before you pay again.",
  },
  insufficient_funds: {
    status: 402,
    ...SAME_PAYMENT,
    stable: true,
    message: "The payer's account cannot cover the amount.",
    hint: "Fund the account, then present the same payment again.",
  },

  payment_required: {
    status: 402,
    ...NEW_PAYMENT,
    message: "This resource costs money.",
    hint: "Pay the terms in PAYMENT-REQUIRED and repeat the request with PAYMENT-SIGNATURE.",
  },
  offer_mismatch: {
    status: 402,
    ...NEW_PAYMENT,
    message: "The accepted terms are not the ones offered.",
    hint: "Echo one entry of accepts unchanged; ask for fresh terms if they moved.",
  },
  binding_mismatch: {
    status: 402,
    ...NEW_PAYMENT,
    message: "The payment was made for another request.",
    hint: "A payment buys only the method, URL and body it was signed for.",
  },
  ledger_mismatch: {
    status: 402,
    ...NEW_PAYMENT,
    message: "The payment is for another ledger of this network.",
    hint: "Ask for fresh terms and sign the ledger they name.",
  },
  unsupported_extra: {
    status: 402,
    ...FINAL,
    message: "The terms ask for something this mechanism does not do.",
    hint: "splits, unknown payment flows and unknown transfer methods are refused.",
  },
  extension_echo_mismatch: {
    status: 402,
    ...NEW_PAYMENT,
    message: "An extension was not echoed as offered.",
    hint: "Echo each extension's info; keys may be added, not changed.",
  },
  validity_too_long: {
    status: 402,
    ...NEW_PAYMENT,
    message: "The payment stays valid for longer than allowed.",
    hint: "Keep validBefore within the offer's maxTimeoutSeconds, at most 12 hours.",
  },
  payment_in_progress: {
    status: 409,
    ...SAME_PAYMENT,
    message: "This very payment is being used right now.",
    hint: "Wait for Retry-After, then present the same payment again.",
  },
  payment_revoked: { status: 402, ...FINAL, message: "The payer revoked this payment.", hint: "Ask the owner before you pay again." },
  mandate_mismatch: {
    status: 402,
    ...FINAL,
    message: "The mandate does not cover this payment.",
    hint: "Network, asset, ledger, payer, payee, origin and scheme must be those that the mandate names. Ask the owner for an approval.",
  },
  mandate_expired: {
    status: 402,
    ...NEW_PAYMENT,
    message: "The mandate is not valid for the whole time of this payment.",
    hint: "Ask the owner for an approval, or for a new mandate.",
  },
  mandate_revoked: {
    status: 402,
    ...FINAL,
    message: "The payer revoked the mandate.",
    hint: "Nothing is paid under it any more. Ask the owner before you pay again.",
  },
  mandate_exceeded: {
    status: 402,
    ...SAME_PAYMENT,
    message: "The payment is beyond a limit of the mandate.",
    hint: "Ask the owner for an approval. If the limit is one of a period, the same payment may succeed after Retry-After.",
  },
  session_unknown: {
    status: 402,
    ...NEW_PAYMENT,
    message: "No session with this payee has this id.",
    hint: "Open a session under these terms, or pay by another scheme of accepts.",
  },
  session_exhausted: {
    status: 402,
    ...NEW_PAYMENT,
    message: "The rest of the session's deposit does not cover this.",
    hint: "Open another session, or pay by another scheme of accepts. What is left comes back when the session ends.",
  },
  session_closed: {
    status: 402,
    ...NEW_PAYMENT,
    message: "The session has ended or is closing.",
    hint: "Open another session, or pay by another scheme of accepts.",
  },
  voucher_out_of_step: {
    status: 402,
    ...NEW_PAYMENT,
    message: "The voucher does not continue its lane.",
    hint: "Check extra.voucherState against your own signature, then sign the next voucher of the lane that the offer names, once.",
  },
  voucher_used: {
    status: 409,
    ...FINAL,
    message: "This voucher was already accepted for a request.",
    hint: "One voucher buys one answer. Its receipt is in PAYMENT-RESPONSE; sign the next voucher for another request.",
  },
  charge_exceeded: {
    status: 500,
    ...SAME_PAYMENT,
    message: "The seller charged more than the payer signed.",
    hint: "Nothing was paid. Tell the seller; the same payment can be presented again later.",
  },
  payment_refunded: {
    status: 410,
    ...FINAL,
    message: "The goods of this payment were not delivered in time, and its money goes back.",
    hint: "This payment buys nothing any more. Look for the refund in the payer's journal before you pay for the same again.",
  },
  refund_unknown: {
    status: 404,
    ...FINAL,
    message: "The ledger knows no such sale of this account.",
    hint: "Name the credit in the payee's own journal, the transaction that it lists and the account that paid. A refund is not refunded.",
  },
  refund_exceeded: {
    status: 409,
    ...FINAL,
    message: "More than the payment would be given back.",
    hint: "Subtract what the payee's journal says was refunded of this transaction, and refund at most the rest.",
  },
  refund_expired: {
    status: 410,
    ...FINAL,
    message: "The payment is too old to be refunded, or the refund was signed too long ago.",
    hint: "A payment is refunded within 30 days, by a refund that was signed in the last 12 hours. Later, pay the buyer another way.",
  },
  refund_conflict: {
    status: 409,
    ...FINAL,
    message: "This id belongs to another refund.",
    hint: "Send the refund again exactly as it was signed, or sign another with a new id.",
  },
  reservation_lost: {
    status: 402,
    ...SAME_PAYMENT,
    message: "The hold on the payer's money was gone before it could be captured.",
    hint: "Nothing was paid; present the same payment again.",
  },
  settlement_pending: {
    status: 402,
    ...SAME_PAYMENT,
    message: "Whether this payment settled is not known yet.",
    hint: "Do not pay again. Present the same payment again, or look up the settlement.",
  },
  facilitator_unavailable: {
    status: 503,
    ...SAME_PAYMENT,
    message: "The payment could not be checked right now.",
    hint: "Wait for Retry-After, then present the same payment again.",
  },
  overloaded: {
    status: 503,
    ...SAME_PAYMENT,
    message: "The ledger takes no more work right now.",
    hint: "Wait for Retry-After, then present the same payment again.",
  },
  nonce_ahead: {
    status: 402,
    ...SAME_PAYMENT,
    message: "An earlier transaction of the payer's account is not on the chain yet.",
    hint: "The chain takes the nonces of an account one by one. Present the same payment again when the earlier transaction is in a block.",
  },
  payer_busy: {
    status: 409,
    ...SAME_PAYMENT,
    message: "Another payment of this account is under way on the chain.",
    hint: "An account pays one at a time there. Wait for Retry-After, then present the same payment again, or pay from another account.",
  },
  fee_rejected: {
    status: 402,
    ...NEW_PAYMENT,
    message: "The chain does not take the payment for the fee that it declares.",
    hint: "Nothing was paid. Sign a new payment with the same nonce, and a fee within the offer's maxFee that covers today's price.",
  },
  transfer_reverted: {
    status: 402,
    ...NEW_PAYMENT,
    message: "The chain took the fee and did not make the transfer.",
    hint: "The payee was not paid, and this payment never will be. Check the account's balance before you sign a new one.",
  },
  rate_limited: { status: 429, ...SAME_PAYMENT, message: "Too many requests.", hint: "Wait for Retry-After." },
  facilitator_refused: {
    status: 402,
    ...SAME_PAYMENT,
    message: "The merchant's facilitator refused this payment for a reason of its own.",
    hint: "Nothing was paid. The receipt has its word in extra.facilitatorReason; ask the merchant what it means.",
  },
  unsettled_runs: {
    status: 402,
    ...SAME_PAYMENT,
    message: "Earlier payments of this account were served and have not settled.",
    hint: "Nothing was paid. Fund the account and present those payments again, or come back a day later.",
  },
  payment_identifier_required: {
    status: 400,
    ...NEW_PAYMENT,
    message: "This resource is sold under a payment identifier only.",
    hint: "Echo the extension payment-identifier with an id of your own: 16 to 128 letters, digits, - or _.",
  },
  payment_identifier_conflict: {
    status: 409,
    ...FINAL,
    message: "This payment identifier was used with another payment.",
    hint: "Present the payment that it belongs to, or take a new identifier for a new payment.",
  },
  answer_not_stored: {
    status: 409,
    ...FINAL,
    message: "This was paid for and delivered; the answer was not kept.",
    hint: "The receipt in PAYMENT-RESPONSE is the same one. Do not pay again for the same answer.",
  },
  unauthorized: {
    status: 401,
    ...FINAL,
    message: "This caller may not do this.",
    hint: "To settle, send the bearer key that the facilitator's operator gave you for payTo. To read books, send an access that the account signed.",
  },
  payload_too_large: {
    status: 413,
    ...FINAL,
    message: "The request is larger than this service reads.",
    hint: "Send less; the limits are in the documentation.",
  },
  faucet_empty: { status: 503, ...FINAL, message: "The faucet has no money left.", hint: "Ask the operator of this ledger." },
  handler_timeout: {
    status: 504,
    ...SAME_PAYMENT,
    message: "The resource took too long.",
    hint: "Present the same payment again while it is valid.",
  },
  not_found: { status: 404, ...FINAL, message: "Nothing is at this address.", hint: "Check the path and the method." },
  internal_error: {
    status: 500,
    ...SAME_PAYMENT,
    message: "The service failed.",
    hint: "Present the same payment again later.",
  },
  unexpected_verify_error: {
    status: 500,
    ...SAME_PAYMENT,
    message: "The payment could not be verified for a reason of our own.",
    hint: "Present the same payment again later.",
  },
  unexpected_settle_error: {
    status: 500,
    ...SAME_PAYMENT,
    message: "The payment could not be settled for a reason of our own.",
    hint: "Look up the settlement, or present the same payment again; do not sign a new one.",
  },
} as const satisfies Record<string, ErrorFacts>;

export type ErrorCode = keyof typeof TABLE;

export const ERRORS: Readonly<Record<ErrorCode, ErrorFacts>> = TABLE;

export const ERROR_CODES = Object.keys(TABLE) as ErrorCode[];

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(TABLE, value);
}

/** The body of every refusal, in one shape. */
export interface Problem {
  code: ErrorCode;
  message: string;
  hint: string;
  retryable: boolean;
  safeToRetrySamePayment: boolean;
  /** What was wrong with this input, where that is known. Never upstream text. */
  detail?: string;
}

/** The body of a refusal: the bare code for machines, the problem for the person who must act on it. */
export function errorBody(code: ErrorCode, detail?: string): { error: ErrorCode; problem: Problem } {
  const { message, hint, retryable, safeToRetrySamePayment } = ERRORS[code];
  return { error: code, problem: { code, message, hint, retryable, safeToRetrySamePayment, ...(detail && { detail }) } };
}
