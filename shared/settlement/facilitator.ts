/**
 * The facilitator: one verification pipeline in front of a PaymentBackend, in x402's words.
 * The Worker serves it over RPC and HTTP; demos and tests run it in process.
 */
import type { LedgerPayment } from "../protocol/ledger-payment.ts";
import type { Refusal } from "../protocol/refusal.ts";
import type { Reservation } from "./commands.ts";
import type { PaymentBackend, PaymentStatus, ReleaseResult, ReserveResult, SettleResult } from "./backend.ts";
import { accountOfKey, type AccountId } from "../protocol/account.ts";
import { approvalNonce } from "../protocol/authorization.ts";
import type { Amount } from "../protocol/amount.ts";
import { keepNewest } from "../bounded.ts";
import { hexToBytes } from "../crypto/bytes.ts";
import { isGenuineDecision, type SignedDecision } from "../protocol/decision.ts";
import type { Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { type Verification, verifyExact } from "../exact/verify.ts";
import { NETWORK, SCHEME, X402_VERSION } from "../lez.ts";
import { HOLD_SECONDS, MAX_PENDING_COPIES, MAX_PENDING_SETTLEMENTS } from "../limits.ts";
import { unixNow } from "../time.ts";

// What a facilitator answers, narrower than what x402 lets one answer: nothing is null, and codes are ours.

export type Verdict = {
  isValid: boolean;
  /** Absent when valid. */
  invalidReason?: ErrorCode;
  payer?: AccountId;
};

export type Settlement = {
  success: boolean;
  /** Absent on success. */
  errorReason?: ErrorCode;
  payer?: AccountId;
  /** Empty when nothing was settled. A string always, like `network`: stock merchants refuse an answer without them. */
  transaction: string;
  network: typeof NETWORK;
  /** Atomic units. */
  amount?: Amount;
  /** With `nonce_replayed`: the settlement that used the nonce. */
  extra?: { transaction: Digest };
};

export type Support = {
  kinds: { x402Version: typeof X402_VERSION; scheme: typeof SCHEME; network: typeof NETWORK; extra: { ledger: Digest } }[];
  extensions: string[];
  signers: Record<string, string[]>;
};

/** A refusal as a merchant needs it: with the payer where the payload named one, and with what was wrong. */
export type PaymentRefusal = Refusal & { payer?: AccountId; detail?: string };

/** The ledger could not be asked. What happened to the payment, if anything, is unknown. */
export class BackendUnavailable extends Error {
  override name = "BackendUnavailable";
  readonly overloaded: boolean;

  constructor(message: string, options: { overloaded: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.overloaded = options.overloaded;
  }
}

/** A settlement that is under way, or whose outcome is unknown. */
export interface PendingSettlement {
  /** The id that first went out for it, and those of copies beside it that were not answered: any of them may have paid. */
  readonly ids: Digest[];
  /** Somebody is waiting for its answer now. */
  waiting: boolean;
}

/** By authorization digest. Bounded. */
export type PendingSettlements = Map<Digest, PendingSettlement>;

export class Facilitator {
  readonly #backend: PaymentBackend;
  readonly #ledger: Digest;
  readonly #pending: PendingSettlements;
  readonly #clock: () => number;

  /**
   * @param ledger the id of the backend's ledger
   * @param pending kept by the caller, so that it outlives one request
   * @param clock unix seconds
   */
  constructor(backend: PaymentBackend, ledger: Digest, pending: PendingSettlements = new Map(), clock: () => number = unixNow) {
    this.#backend = backend;
    this.#ledger = ledger;
    this.#pending = pending;
    this.#clock = clock;
  }

  /** Read-only: x402 v2 §7.1 forbids that /verify commits anything. */
  async verify(payload: unknown, requirements: unknown): Promise<Verdict> {
    const verified = await this.#verify(payload, requirements);
    if (!verified.ok) return { isValid: false, invalidReason: verified.code, ...(verified.payer && { payer: verified.payer }) };
    const { payment } = verified;
    const checked = await this.#backend.check(payment);
    return checked.ok ? { isValid: true, payer: payment.payer } : { isValid: false, invalidReason: checked.code, payer: payment.payer };
  }

  /**
   * Verifies in full and moves the money, once. A consumed nonce is a failure, whoever asks, with one exception: the
   * caller that was told `settlement_pending` and asks again learns, once, how it ended.
   * @param settlementId random, chosen by the caller; repeating the call with it gives the same answer
   */
  async settle(payload: unknown, requirements: unknown, settlementId: Digest): Promise<Settlement> {
    const verified = await this.#verify(payload, requirements);
    if (!verified.ok) return settleFailure(verified.code, verified.payer);
    const { payment } = verified;
    const asking = this.#ask(payment.authorizationDigest, settlementId);
    try {
      const result = await this.#settleUnder(payment, asking?.ids ?? [settlementId]);
      if (asking) this.#pending.delete(payment.authorizationDigest);
      return result.ok ? settleSuccess(result) : settleFailure(result.code, payment.payer, result.transaction);
    } catch (error) {
      if (asking) asking.waiting = false;
      else this.#leave(payment.authorizationDigest, settlementId);
      if (!(error instanceof BackendUnavailable)) throw error;
      return { ...settleFailure("settlement_pending", payment.payer), transaction: verified.transaction };
    }
  }

  /** Verifies in full and holds the payer's money while a handler runs. */
  async reserve(payload: unknown, requirements: unknown, reservationId: Digest): Promise<ReserveResult | PaymentRefusal> {
    const verified = await this.#verify(payload, requirements);
    if (!verified.ok) return verified;
    const { payment } = verified;
    try {
      const result = await this.#backend.reserve({ payment, reservationId, holdSeconds: HOLD_SECONDS });
      return result.ok ? result : { ...result, payer: payment.payer };
    } catch (error) {
      // The hold may have been made. Give it back if the ledger can be reached again; else it frees itself.
      await this.#backend.release({ payer: payment.payer, nonce: payment.nonce, reservationId }).catch(() => undefined);
      throw error;
    }
  }

  capture(reservation: Reservation): Promise<SettleResult> {
    return this.#backend.capture(reservation);
  }

  release(reservation: Reservation): Promise<ReleaseResult> {
    return this.#backend.release(reservation);
  }

  /**
   * The payer takes an approval back: the nonce of the approved request is consumed, so that its payment can never settle.
   * @param record a Decision `revoked`, signed with the payer's key; of another kind it cancels nothing
   */
  async cancel(record: SignedDecision): Promise<(PaymentRefusal & { ok: false }) | { ok: true; payer: AccountId; nonce: Digest }> {
    if (record.decision.decision !== "revoked") {
      return { ok: false, code: "invalid_payload", detail: 'decision.decision: must be "revoked"' };
    }
    const payer = accountOfKey(hexToBytes(record.publicKey));
    if (!(await isGenuineDecision(record))) return { ok: false, code: "invalid_signature", payer };
    const nonce = approvalNonce(payer, record.decision.requestDigest);
    const result = await this.#backend.cancel(payer, nonce);
    return result.ok ? { ok: true, payer, nonce } : { ...result, payer };
  }

  /** @param validBefore unix seconds, as signed */
  status(payer: AccountId, nonce: Digest, validBefore: number): Promise<PaymentStatus> {
    return this.#backend.status(payer, nonce, validBefore);
  }

  supported(): Support {
    return {
      kinds: [{ x402Version: X402_VERSION, scheme: SCHEME, network: NETWORK, extra: { ledger: this.#ledger } }],
      extensions: [],
      // Nobody but the payer signs in this mechanism.
      signers: { "logos:*": [] },
    };
  }

  #verify(payload: unknown, requirements: unknown): Promise<Verification> {
    return verifyExact(payload, requirements, { now: this.#clock(), ledger: this.#ledger, expiryIsTheLedgers: true });
  }

  /** Under one id after the other. Once the nonce is used they move nothing: the one that used it gets its answer again. */
  async #settleUnder(payment: LedgerPayment, ids: readonly Digest[]): Promise<SettleResult> {
    let result: SettleResult = { ok: false, code: "nonce_replayed" };
    for (const id of ids) {
      result = await this.#backend.settle({ payment, settlementId: id });
      if (result.ok || result.code !== "nonce_replayed") break;
    }
    return result;
  }

  /** Leaves the id of a copy that was not answered to whoever has the right to ask, now or later. */
  #leave(authorization: Digest, id: Digest): void {
    const known = this.#pending.get(authorization);
    if (!known) keepNewest(this.#pending, authorization, { ids: [id], waiting: false }, MAX_PENDING_SETTLEMENTS);
    else if (known.ids.length < MAX_PENDING_COPIES) known.ids.push(id);
  }

  /**
   * The right to ask with the id that first went out for a payment: only one caller at a time has it, so only one is told
   * that it succeeded. Undefined for whoever asks beside it.
   */
  #ask(authorization: Digest, settlementId: Digest): PendingSettlement | undefined {
    const known = this.#pending.get(authorization);
    if (known?.waiting) return undefined;
    const asking = known ?? { ids: [settlementId], waiting: true };
    asking.waiting = true;
    keepNewest(this.#pending, authorization, asking, MAX_PENDING_SETTLEMENTS);
    return asking;
  }
}

export function settleSuccess({ payer, value, transaction }: Extract<SettleResult, { ok: true }>): Settlement {
  return { success: true, payer, transaction, network: NETWORK, amount: value };
}

/** @param used with `nonce_replayed`: the settlement that used the nonce */
export function settleFailure(code: ErrorCode, payer?: AccountId, used?: Digest): Settlement {
  return {
    success: false,
    errorReason: code,
    ...(payer && { payer }),
    transaction: "",
    network: NETWORK,
    ...(used && { extra: { transaction: used } }),
  };
}
