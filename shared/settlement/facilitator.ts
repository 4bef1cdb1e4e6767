/**
 * The facilitator: one verification pipeline in front of a PaymentBackend, in x402's words.
 * The Worker serves it over RPC and HTTP; demos and tests run it in process.
 */

import { keepNewest } from "../bounded.ts";
import type { Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { verifyRefund } from "../exact/refund.ts";
import { type Verification, verifyExact } from "../exact/verify.ts";
import { BATCH_SETTLEMENT, NETWORK, SCHEME, UPTO, X402_VERSION } from "../lez.ts";
import { MAX_PENDING_COPIES, MAX_PENDING_SETTLEMENTS } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import type { Charge } from "../protocol/amount.ts";
import { approvalNonce } from "../protocol/authorization.ts";
import { deciderOf, type SignedDecision, verifyDecision } from "../protocol/decision.ts";
import type { PasskeyRules } from "../protocol/passkey.ts";
import type { SignedRefund } from "../protocol/refund.ts";
import { type PaymentRefusal, unproved } from "../protocol/refusal.ts";
import { type SignedRevocation, verifyRevocation } from "../protocol/revocation.ts";
import type { SignedTransfer } from "../protocol/transfer.ts";
import type { Parsed } from "../text/json.ts";
import { unixNow } from "../time.ts";
import { isUpto, splitCharge, verifyUpto } from "../upto/verify.ts";
import type {
  CreditResult,
  PaymentBackend,
  PaymentStatus,
  RefundResult,
  ReleaseResult,
  ReserveResult,
  RevokeResult,
  Settled,
  SettleResult,
} from "./backend.ts";
import type { CaptureCommand, LedgerSettleCommand, ReleaseCommand, ReserveCommand, SettleCommand, UnverifiedPayment } from "./commands.ts";
import { asksForNative, isNativeNetwork, notNative } from "./native.ts";
import {
  type Admission,
  BackendUnavailable,
  refusedSettlement,
  settleFailure,
  type Settlement,
  settleSuccess,
  type Support,
  uncounted,
  type Validity,
} from "./outcomes.ts";
import { asksForSession, SessionFacilitator } from "./sessions.ts";
import { verifyTransfer } from "./verify-transfer.ts";

export { BackendUnavailable, refusedSettlement, settleFailure, type Settlement, settleSuccess, type Support, type Validity };

/** A settlement that is under way, or whose outcome is unknown. */
export interface PendingSettlement {
  /** The first id that was sent, and the unanswered ids of concurrent copies: any of them may have paid. */
  readonly ids: Digest[];
  /** A caller is waiting for the answer. */
  waiting: boolean;
}

/** By authorization digest. Bounded. */
export type PendingSettlements = Map<Digest, PendingSettlement>;

export class Facilitator {
  readonly #backend: PaymentBackend;
  readonly #ledger: Digest;
  readonly #pending: PendingSettlements;
  readonly #clock: () => number;
  readonly #admits: Admission;
  readonly #rules: PasskeyRules;
  /** Absent where the backend keeps no sessions. */
  readonly sessions: SessionFacilitator | undefined;

  /**
   * @param ledger the id of the backend's ledger
   * @param pending owned by the caller, so that it outlives one request
   * @param clock unix seconds
   * @param admits whether a payer whose signature was verified may call; every payer may by default
   * @param rules which passkeys it accepts
   */
  constructor(
    backend: PaymentBackend,
    ledger: Digest,
    pending: PendingSettlements = new Map(),
    clock: () => number = unixNow,
    admits: Admission = async () => true,
    rules: PasskeyRules = {},
  ) {
    this.#backend = backend;
    this.#ledger = ledger;
    this.#pending = pending;
    this.#clock = clock;
    this.#admits = admits;
    this.#rules = rules;
    this.sessions = backend.sessions && new SessionFacilitator(backend.sessions, backend, { ledger, clock, admits, rules });
  }

  /** Read-only: x402 v2 §7.1 forbids that /verify commits anything. */
  async verify(payment: UnverifiedPayment): Promise<Validity> {
    if (this.sessions && asksForSession(payment.paymentRequirements)) return this.sessions.verify(payment);
    const verified = await this.#verify(payment);
    if (!verified.ok) return { isValid: false, invalidReason: verified.code, ...(verified.payer && { payer: verified.payer }) };
    const { payer } = verified.payment;
    const checked = await this.#backend.check(verified.payment);
    return checked.ok ? { isValid: true, payer } : { isValid: false, invalidReason: checked.code, payer };
  }

  /**
   * Verifies in full and moves the money, once. A used nonce is a failure for every caller but one: the caller that was told
   * `settlement_pending` asks again and learns, once, how it ended. Of `upto`, the amount of the requirements is what is charged; the
   * ledger refuses more than was signed.
   */
  async settle({ payment: unverified, settlementId }: SettleCommand<UnverifiedPayment>): Promise<Settlement> {
    if (this.sessions && asksForSession(unverified.paymentRequirements)) return this.sessions.settle(unverified);
    const asked = chargeAsked(unverified);
    if (!asked.ok) return settleFailure(asked.code);
    const verified = await this.#verify(asked.value.payment);
    if (!verified.ok) return refusedSettlement(verified, verified.payer);
    const { payment } = verified;
    const { charge } = asked.value;
    const claim = this.#claimPending(payment.authorizationDigest, settlementId);
    try {
      const result = await this.#settleWithEach(claim?.ids ?? [settlementId], { payment, ...(charge !== undefined && { value: charge }) });
      if (claim) this.#pending.delete(payment.authorizationDigest);
      return result.ok ? settleSuccess(result) : refusedSettlement(result, payment.payer);
    } catch (error) {
      if (claim) claim.waiting = false;
      else this.#addPending(payment.authorizationDigest, settlementId);
      if (!(error instanceof BackendUnavailable)) throw error;
      return { ...settleFailure("settlement_pending", payment.payer), transaction: verified.transaction };
    }
  }

  /** Verifies in full and holds the payer's money while a handler runs. */
  async reserve({
    payment: unverified,
    reservationId,
    holdSeconds,
  }: ReserveCommand<UnverifiedPayment>): Promise<ReserveResult | PaymentRefusal> {
    if (asksForNative(unverified.paymentRequirements)) return notNative();
    const verified = await this.#verify(unverified);
    if (!verified.ok) return verified;
    const { payment } = verified;
    const { payer, nonce } = payment;
    try {
      const result = await this.#backend.reserve({ payment, reservationId, holdSeconds });
      return result.ok ? result : { ...result, payer };
    } catch (error) {
      // The ledger may hold the money. Release it if the ledger can be reached again; otherwise the hold lapses by itself.
      await this.#backend.release({ payer, nonce, reservationId }).catch(() => undefined);
      throw error;
    }
  }

  capture(command: CaptureCommand): Promise<SettleResult> {
    return this.#backend.capture(command);
  }

  release(command: ReleaseCommand): Promise<ReleaseResult> {
    return this.#backend.release(command);
  }

  /**
   * The payer revokes an approval: this consumes the nonce of the approved request, so that its payment can never settle.
   * @param record a Decision `revoked`, signed with the payer's key; any other decision is refused
   */
  async cancel(record: SignedDecision): Promise<PaymentRefusal | { ok: true; payer: AccountId; nonce: Digest }> {
    if (record.decision.decision !== "revoked") {
      return { ok: false, code: "invalid_payload", detail: 'decision.decision: must be "revoked"' };
    }
    const payer = deciderOf(record);
    const { ledger = this.#ledger } = record.decision;
    if (ledger !== this.#ledger) return { ok: false, code: "ledger_mismatch", payer };
    const proved = await verifyDecision(record, this.#rules);
    if (!proved.ok) return { ...unproved(proved), payer };
    const nonce = approvalNonce(payer, record.decision.requestDigest);
    const result = await this.#backend.cancel(payer, nonce);
    return result.ok ? { ok: true, payer, nonce } : { ...result, payer };
  }

  /**
   * The payer revokes a mandate, or with `*` everything that it had signed by `revokedAt`; an agent gives up its own mandate.
   * Nothing is claimed afterwards; the answer says what was claimed before and can still be paid.
   */
  async revoke(record: SignedRevocation): Promise<PaymentRefusal | (Extract<RevokeResult, { ok: true }> & { payer: AccountId })> {
    const { network, ledger, from: payer, mandate, revokedAt } = record.revocation;
    const refused = (code: ErrorCode): PaymentRefusal => ({ ok: false, code, payer });
    if (isNativeNetwork(network)) return notNative();
    if (network !== NETWORK) return refused("invalid_network");
    if (ledger !== this.#ledger) return refused("ledger_mismatch");
    if (!this.#backend.mandates) return refused("not_found");
    const proved = await verifyRevocation(record, this.#rules);
    if (!proved.ok) return { ...unproved(proved), payer };
    return { ...(await this.#backend.mandates.revoke({ payer, mandate, revokedAt: Number(revokedAt) })), payer };
  }

  /** The payee gives a payment back, in whole or in part. The same refund again has the same answer, and moves nothing. */
  async refund(record: SignedRefund): Promise<PaymentRefusal | RefundResult> {
    if (isNativeNetwork(record.refund.network)) return notNative();
    const verified = await verifyRefund(record, this.#ledger, this.#rules);
    if (!verified.ok) return verified;
    const { refund } = verified;
    if (!this.#backend.refunds) return { ok: false, code: "not_found" };
    if (refund.mandate && !this.#backend.mandates) return uncounted();
    return (await this.#admits(refund.payee)) ? this.#backend.refunds.refund(refund) : { ok: false, code: "rate_limited" };
  }

  /**
   * Where the payee's journal has a payment: what a refund of it must name. Who may ask is the caller's affair.
   * @param from unix seconds before which the payment was not made
   */
  async creditOf(payee: AccountId, transaction: Digest, from: number): Promise<CreditResult> {
    const { refunds } = this.#backend;
    if (!refunds) return { ok: false, code: "not_found" };
    const credit = await refunds.creditOf(payee, transaction, from);
    if (!credit) return { ok: true };
    const { refunded } = await refunds.of(payee, transaction);
    return { ok: true, credit: { ...credit, refunded } };
  }

  /**
   * Moves money from the payer's account to another, for no request. The same transfer again has the same answer.
   * @throws {BackendUnavailable} when the ledger did not answer: the same transfer can be sent again
   */
  async transfer(signed: SignedTransfer): Promise<PaymentRefusal | Settled> {
    if (isNativeNetwork(signed.authorization.network)) return notNative();
    const verified = await verifyTransfer(signed, { now: this.#clock(), ledger: this.#ledger, ...this.#rules });
    if (!verified.ok) return verified;
    const { payment } = verified;
    const { payer } = payment;
    if (!(await this.#admits(payer))) return { ok: false, code: "rate_limited", payer };
    const result = await this.#backend.settle({ payment, settlementId: payment.authorizationDigest, purpose: "transfer" });
    return result.ok ? result : { ...result, payer };
  }

  /** @param validBefore unix seconds, as signed */
  status(payer: AccountId, nonce: Digest, validBefore: number): Promise<PaymentStatus> {
    return this.#backend.status(payer, nonce, validBefore);
  }

  /** Whether this very payment moved its money. */
  async isSettled(unverified: UnverifiedPayment): Promise<boolean> {
    const verified = await this.#verify(unverified);
    if (!verified.ok) return false;
    const { payer, nonce, validBefore } = verified.payment;
    const found = await this.#backend.status(payer, nonce, validBefore);
    return found.status === "settled" && found.transaction === verified.transaction;
  }

  supported(): Support {
    const schemes: Support["kinds"][number]["scheme"][] = [SCHEME];
    if (this.#backend.upto) schemes.push(UPTO);
    if (this.sessions) schemes.push(BATCH_SETTLEMENT);
    return {
      kinds: schemes.map((scheme) => ({ x402Version: X402_VERSION, scheme, network: NETWORK, extra: { ledger: this.#ledger } })),
      extensions: [],
      // Only the payer signs in this mechanism.
      signers: { "logos:*": [] },
    };
  }

  async #verify({ paymentPayload, paymentRequirements }: UnverifiedPayment): Promise<Verification> {
    const facts = { now: this.#clock(), ledger: this.#ledger, expiryIsTheLedgers: true, ...this.#rules } as const;
    const verify = this.#backend.upto && isUpto(paymentRequirements) ? verifyUpto : verifyExact;
    const verified = await verify(paymentPayload, paymentRequirements, facts);
    if (verified.ok && verified.payment.mandate && !this.#backend.mandates) return uncounted(verified.payment.payer);
    if (!verified.ok || (await this.#admits(verified.payment.payer))) return verified;
    return { ok: false, code: "rate_limited", payer: verified.payment.payer };
  }

  /** Tries one id after the other. Once the nonce is used no id moves money, and the id that used it gets its answer again. */
  async #settleWithEach(ids: readonly Digest[], command: Omit<LedgerSettleCommand, "settlementId">): Promise<SettleResult> {
    let result: SettleResult = { ok: false, code: "nonce_replayed" };
    for (const settlementId of ids) {
      result = await this.#backend.settle({ ...command, settlementId });
      if (result.ok || result.code !== "nonce_replayed") break;
    }
    return result;
  }

  /** Records the id of an unanswered copy for the caller that may ask, now or later. */
  #addPending(authorization: Digest, id: Digest): void {
    const known = this.#pending.get(authorization);
    if (!known) keepNewest(this.#pending, authorization, { ids: [id], waiting: false }, MAX_PENDING_SETTLEMENTS);
    else if (known.ids.length < MAX_PENDING_COPIES) known.ids.push(id);
  }

  /**
   * The right to ask with the id that was sent first. One caller at a time has it, so only one learns of the success.
   * Returns undefined to every concurrent caller.
   */
  #claimPending(authorization: Digest, settlementId: Digest): PendingSettlement | undefined {
    const known = this.#pending.get(authorization);
    if (known?.waiting) return undefined;
    const claim = known ?? { ids: [settlementId], waiting: true };
    claim.waiting = true;
    keepNewest(this.#pending, authorization, claim, MAX_PENDING_SETTLEMENTS);
    return claim;
  }
}

/** The payment as it was offered, and of `upto` what the merchant charges. */
function chargeAsked(unverified: UnverifiedPayment): Parsed<{ payment: UnverifiedPayment; charge?: Charge }> {
  const { paymentPayload, paymentRequirements } = unverified;
  if (!isUpto(paymentRequirements)) return { ok: true, value: { payment: unverified } };
  const split = splitCharge(paymentPayload, paymentRequirements);
  if (!split.ok) return split;
  return { ok: true, value: { payment: { paymentPayload, paymentRequirements: split.value.offer }, charge: split.value.value } };
}
