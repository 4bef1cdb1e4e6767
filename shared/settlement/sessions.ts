/**
 * The facilitator's part in sessions: verification in front of a SessionLedger, in our words and in x402's. Every command can be sent
 * again: the answer is the same.
 */

import * as z from "zod/mini";
import { verifyClaim } from "../batch-settlement/claim.ts";
import { checkSessionSigner, type DepositVerification, verifyDeposit } from "../batch-settlement/deposit.ts";
import type { ChannelState } from "../batch-settlement/state.ts";
import { verifyWithdrawal } from "../batch-settlement/withdrawal.ts";
import type { Digest } from "../crypto/digest.ts";
import { BATCH_SETTLEMENT, NETWORK } from "../lez.ts";
import { MAX_SESSION_CONFIG_BYTES } from "../limits.ts";
import type { Charge } from "../protocol/amount.ts";
import { sessionCallSchema, type SessionName } from "../protocol/ledger-session.ts";
import type { PasskeyRules } from "../protocol/passkey.ts";
import type { PaymentRefusal } from "../protocol/refusal.ts";
import { sessionId, sessionSchema, signedSessionSchema } from "../protocol/session.ts";
import type { SignedWithdrawal } from "../protocol/withdrawal.ts";
import { checkShape, parseJson } from "../text/json.ts";
import { namedScheme } from "../x402/x402.ts";
import type {
  CallPayment,
  ClaimResult,
  OpenResult,
  PaymentBackend,
  SessionLedger,
  SessionStanding,
  SessionStatus,
  WithdrawResult,
} from "./backend.ts";
import type { UnverifiedPayment } from "./commands.ts";
import { asksForNative, notNative } from "./native.ts";
import {
  type Admission,
  BackendUnavailable,
  refusedSettlement,
  settleFailure,
  type Settlement,
  uncounted,
  type Validity,
} from "./outcomes.ts";

export interface SessionFacilitatorOptions {
  /** The id of the backend's ledger. */
  ledger: Digest;
  /** Unix seconds. */
  clock: () => number;
  admits: Admission;
  rules: PasskeyRules;
}

/** Whether these requirements are of scheme `batch-settlement`. */
export function asksForSession(requirements: unknown): boolean {
  return namedScheme(requirements) === BATCH_SETTLEMENT;
}

/** A call of a session, as one of its parties names it. Only they have the signed session. */
export const presentedCallSchema = z.strictObject({
  session: signedSessionSchema,
  lane: sessionCallSchema.shape.lane,
  /** What the lane had been charged once the call was served, in atomic units. */
  amount: sessionCallSchema.shape.amount,
});
export type PresentedCall = z.infer<typeof presentedCallSchema>;

export class SessionFacilitator {
  readonly #sessions: SessionLedger;
  readonly #countsMandates: boolean;
  readonly #options: SessionFacilitatorOptions;

  constructor(sessions: SessionLedger, { mandates }: Pick<PaymentBackend, "mandates">, options: SessionFacilitatorOptions) {
    this.#sessions = sessions;
    this.#countsMandates = mandates !== undefined;
    this.#options = options;
  }

  /** Whether the deposit would be set aside now. Read-only: x402 v2 §7.1 forbids that /verify commits anything. */
  async verify(payment: UnverifiedPayment): Promise<Validity> {
    const verified = await this.#verify(payment);
    if (!verified.ok) return { isValid: false, invalidReason: verified.code, ...(verified.payer && { payer: verified.payer }) };
    const { payer } = verified.session;
    const checked = await this.#sessions.check(verified.session);
    return checked.ok ? { isValid: true, payer } : { isValid: false, invalidReason: checked.code, payer };
  }

  /**
   * Sets the deposit of a payload of type `deposit` aside. The money is still the payer's.
   * @throws {BackendUnavailable} when the ledger did not answer: the same deposit can be sent again
   */
  async open(payment: UnverifiedPayment): Promise<OpenResult | PaymentRefusal> {
    if (asksForNative(payment.paymentRequirements)) return notNative();
    const verified = await this.#verify(payment);
    if (!verified.ok) return verified;
    const result = await this.#sessions.open(verified.session);
    return result.ok ? result : { ...result, payer: verified.session.payer };
  }

  /**
   * Pays the payee what its vouchers cover. Anyone may carry a claim.
   * @param payload of type `claim`, of any shape
   * @throws {BackendUnavailable} when the ledger did not answer: the same claim can be sent again
   */
  async claim(payload: unknown): Promise<ClaimResult | PaymentRefusal> {
    const verified = await verifyClaim(payload, this.#options.ledger);
    if (!verified.ok) return verified;
    const result = await this.#sessions.claim(verified.claim);
    return result.ok ? result : { ...result, payer: verified.claim.payer };
  }

  status(name: SessionName): Promise<SessionStatus | PaymentRefusal> {
    return this.#sessions.status(name);
  }

  /** Which claim paid a call, for a caller who presents the signed session. */
  async paymentOf({ session, lane, amount }: PresentedCall): Promise<CallPayment | PaymentRefusal> {
    const { channelConfig } = session;
    const { from: payer, network, ledger } = channelConfig;
    if (network !== NETWORK) return { ok: false, code: "invalid_network", payer };
    if (ledger !== this.#options.ledger) return { ok: false, code: "ledger_mismatch", payer };
    const id = sessionId(channelConfig);
    const signed = await checkSessionSigner(session, id, this.#options.rules);
    return signed.ok ? this.#sessions.paymentOf({ payer, id, lane, amount }) : { ...signed, payer };
  }

  /**
   * The payer, or its agent, wants the rest back. The payee can claim until the answer's `closesAt`.
   * @throws {BackendUnavailable} when the ledger did not answer
   */
  async withdraw(record: SignedWithdrawal): Promise<WithdrawResult | PaymentRefusal> {
    const { ledger, clock, admits, rules } = this.#options;
    const { from: payer, session: id } = record.withdrawal;
    if (record.withdrawal.ledger !== ledger) return { ok: false, code: "ledger_mismatch", payer };
    const known = await this.#sessions.status({ payer, id });
    if ("code" in known) return known;
    if (known.status === "unknown") return { ok: false, code: "session_unknown", payer };
    const config = parseJson(known.config, MAX_SESSION_CONFIG_BYTES, sessionSchema);
    if (!config.ok) throw new Error(`the ledger's session ${id} cannot be read: ${config.problem}`);
    const verified = await verifyWithdrawal(record, config.value, { now: clock(), ledger, ...rules });
    if (!verified.ok) return verified;
    if (!(await admits(payer))) return { ok: false, code: "rate_limited", payer };
    const result = await this.#sessions.withdraw(verified.session);
    return result.ok ? result : { ...result, payer };
  }

  /** x402's /settle: a payload of type `deposit` opens a session, one of type `claim` is paid. A voucher is the merchant's to judge. */
  async settle({ paymentPayload, paymentRequirements }: UnverifiedPayment): Promise<Settlement> {
    const claim = checkShape(paymentPayload, claimEnvelopeSchema);
    try {
      if (claim.ok) return settledClaim(await this.claim(claim.value.payload));
      return settledDeposit(await this.open({ paymentPayload, paymentRequirements }));
    } catch (error) {
      if (!(error instanceof BackendUnavailable)) throw error;
      return settleFailure("settlement_pending");
    }
  }

  async #verify({ paymentPayload, paymentRequirements }: UnverifiedPayment): Promise<DepositVerification> {
    const { ledger, clock, admits, rules } = this.#options;
    const context = { now: clock(), ledger, expiryIsTheLedgers: true, ...rules };
    const verified = await verifyDeposit(paymentPayload, paymentRequirements, context);
    if (!verified.ok) return verified;
    const { payer, mandate } = verified.session;
    if (mandate && !this.#countsMandates) return uncounted(payer);
    return (await admits(payer)) ? verified : { ok: false, code: "rate_limited", payer };
  }
}

const claimEnvelopeSchema = z.looseObject({ payload: z.looseObject({ type: z.literal("claim") }) });

/** Where a session stands, in x402's words. @param charged atomic units that the merchant has charged so far; the ledger knows claims only */
export function channelStateOf({ id, deposit, claimed, withdrawRequestedAt = 0 }: SessionStanding, charged?: Charge): ChannelState {
  return {
    channelId: id,
    balance: deposit,
    totalClaimed: claimed as Charge,
    withdrawRequestedAt,
    ...(charged !== undefined && { chargedCumulativeAmount: charged }),
  };
}

/** Nothing moved: no transaction, no amount. */
function settledDeposit(result: OpenResult | PaymentRefusal): Settlement {
  if (!result.ok) return refusedSettlement(result, "payer" in result ? result.payer : undefined);
  const { session } = result;
  return {
    success: true,
    payer: session.payer,
    transaction: "",
    network: NETWORK,
    amount: "",
    extra: { channelState: channelStateOf(session) },
  };
}

function settledClaim(result: ClaimResult | PaymentRefusal): Settlement {
  if (!result.ok) return refusedSettlement(result, "payer" in result ? result.payer : undefined);
  const { session, value, transaction = "" } = result;
  return {
    success: true,
    payer: session.payer,
    transaction,
    network: NETWORK,
    amount: value,
    extra: { channelState: channelStateOf(session) },
  };
}
