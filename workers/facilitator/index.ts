/** The facilitator Worker: RPC for Workers that are bound to it, the x402 facilitator API over HTTP for everyone else. */

import { WorkerEntrypoint } from "cloudflare:workers";
import type { ClaimPayload } from "../../shared/batch-settlement/payload.ts";
import type { ErrorCode } from "../../shared/errors.ts";
import { isTraceId, logEvent, newTraceId } from "../../shared/log.ts";
import { measureInto } from "../../shared/metrics.ts";
import { type SignedRead, signedReadSchema } from "../../shared/protocol/books-access.ts";
import { type SessionName, sessionNameSchema } from "../../shared/protocol/ledger-session.ts";
import { type SignedRefund, signedRefundSchema } from "../../shared/protocol/refund.ts";
import { type PaymentRefusal, refusal } from "../../shared/protocol/refusal.ts";
import { type SignedWithdrawal, signedWithdrawalSchema } from "../../shared/protocol/withdrawal.ts";
import type {
  ClaimResult,
  CreditResult,
  LedgerInfo,
  OpenResult,
  PaymentBackend,
  RefundResult,
  ReleaseResult,
  ReserveResult,
  SessionStatus,
  SettleResult,
  WithdrawResult,
} from "../../shared/settlement/backend.ts";
import {
  type CaptureCommand,
  type ReleaseCommand,
  captureCommandSchema,
  type CreditQuery,
  creditQuerySchema,
  reservationSchema,
  type ReserveCommand,
  reserveCommandSchema,
  type SettleCommand,
  settleCommandSchema,
  type UnverifiedPayment,
  unverifiedPaymentSchema,
} from "../../shared/settlement/commands.ts";
import {
  Facilitator,
  type PendingSettlements,
  settleFailure,
  type Settlement,
  type Validity,
} from "../../shared/settlement/facilitator.ts";
import type { SessionFacilitator } from "../../shared/settlement/sessions.ts";
import { checkShape } from "../../shared/text/json.ts";
import { unixNow } from "../../shared/time.ts";
import type { SupportedResponse } from "../../shared/x402/x402.ts";
import { checkReader } from "./books.ts";
import { dueEntry, extensionsOf, recordEntry } from "./discovery.ts";
import { type FacilitatorEnv, passkeyRules } from "./env.ts";
import { httpApi } from "./http.ts";
import { ledgerBackend } from "./ledger-backend.ts";
import { nativeFor, settleNatively, verifyNatively, withNative } from "./native.ts";
import { payeeWithinLimit, payerWithinLimit, sellerWithinLimit } from "./rate-limits.ts";
import { reserveFromEitherVersion, settleFromEitherVersion } from "./rpc-0-1.ts";

export { Catalogue } from "./catalogue.ts";

/** What the ledger says of itself. Nothing of it changes while the ledger lives, but one of an earlier version may be replaced. */
let known: LedgerInfo | undefined;
const pending: PendingSettlements = new Map();

async function facilitatorFor(env: FacilitatorEnv, traceId: string, timeoutSeconds?: number): Promise<Facilitator> {
  const { sessions, ...backend } = ledgerBackend(env, traceId, timeoutSeconds);
  if (!known?.sessions) known = await backend.info();
  const able: PaymentBackend = known.sessions ? { ...backend, sessions } : backend;
  return new Facilitator(able, known.ledger, pending, unixNow, (payer) => payerWithinLimit(env, payer), passkeyRules(env));
}

const api = httpApi(facilitatorFor);

const reserveSchema = reserveCommandSchema(unverifiedPaymentSchema);
const settleSchema = settleCommandSchema(unverifiedPaymentSchema);

/**
 * The RPC methods check every argument again, because any Worker on the account can bind to them.
 * They log refusals only: the merchant logs each payment with its transaction, under the same trace id.
 */
export default class FacilitatorWorker extends WorkerEntrypoint<FacilitatorEnv> {
  constructor(ctx: ExecutionContext, env: FacilitatorEnv) {
    super(ctx, env);
    measureInto(env.PAYMENT_METRICS);
  }

  override fetch(request: Request): Response | Promise<Response> {
    return api.fetch(request, this.env, this.ctx);
  }

  async supported(traceId?: string): Promise<SupportedResponse> {
    const trace = traceOf(traceId);
    return withNative({ ...(await this.#facilitator(trace)).supported(), extensions: extensionsOf(this.env) }, this.env, trace);
  }

  /** Changes nothing. Counted by the account that would be paid. */
  async verify(args: UnverifiedPayment, trace?: string): Promise<Validity> {
    const traceId = traceOf(trace);
    const payment = checkShape(args, unverifiedPaymentSchema);
    const result = payment.ok ? await this.#verify(payment.value, traceId) : invalid("invalid_payload");
    if (!result.isValid) logEvent("facilitator.verify", { traceId, code: result.invalidReason });
    return result;
  }

  async settle(...call: [command: SettleCommand<UnverifiedPayment>, traceId?: string]): Promise<Settlement> {
    const [args, trace] = settleFromEitherVersion(call);
    const traceId = traceOf(trace);
    const command = checkShape(args, settleSchema);
    const result = command.ok ? await this.#settle(command.value, traceId) : settleFailure("invalid_payload");
    if (!result.success) logEvent("facilitator.settle", { traceId, code: result.errorReason });
    return result;
  }

  async reserve(...call: [command: ReserveCommand<UnverifiedPayment>, traceId?: string]): Promise<ReserveResult | PaymentRefusal> {
    const [args, trace] = reserveFromEitherVersion(call);
    const traceId = traceOf(trace);
    const command = checkShape(args, reserveSchema);
    const result = command.ok ? await this.#reserve(command.value, traceId) : malformed(command.problem);
    if (!result.ok) logEvent("facilitator.reserve", { traceId, code: result.code });
    return result;
  }

  async capture(args: CaptureCommand, trace?: string): Promise<SettleResult> {
    const traceId = traceOf(trace);
    const command = checkShape(args, captureCommandSchema);
    const result = command.ok ? await (await this.#facilitator(traceId)).capture(command.value) : malformed(command.problem);
    if (!result.ok) logEvent("facilitator.capture", { traceId, code: result.code });
    return result;
  }

  async release(args: ReleaseCommand, trace?: string): Promise<ReleaseResult> {
    const command = checkShape(args, reservationSchema);
    return command.ok ? (await this.#facilitator(traceOf(trace))).release(command.value) : malformed(command.problem);
  }

  /** For merchants whose records the readers of an account's books may read. Counted once it is verified, by account. */
  async checkReader(args: SignedRead, trace?: string): Promise<{ ok: true } | PaymentRefusal> {
    const read = checkShape(args, signedReadSchema);
    if (!read.ok) return malformed(read.problem);
    const verdict = await checkReader(this.env, traceOf(trace), read.value);
    return verdict.ok && !(await payerWithinLimit(this.env, read.value.account)) ? refusal("rate_limited") : verdict;
  }

  /** A refund that is signed with the payee's key, or under its mandate. */
  async refund(args: SignedRefund, trace?: string): Promise<RefundResult | PaymentRefusal> {
    const traceId = traceOf(trace);
    const record = checkShape(args, signedRefundSchema);
    const result = record.ok ? await this.#refund(record.value, traceId) : malformed(record.problem);
    if (!result.ok) logEvent("facilitator.refund", { traceId, code: result.code });
    return result;
  }

  /**
   * Where the payee's journal has a payment, for the merchant that refunds it: it has no access to the books. The caller names the
   * transaction, which only payer, payee and their merchants know.
   */
  async creditOf(args: CreditQuery, trace?: string): Promise<CreditResult | PaymentRefusal> {
    const query = checkShape(args, creditQuerySchema);
    if (!query.ok) return malformed(query.problem);
    const { payee, transaction, from } = query.value;
    if (!(await payeeWithinLimit(this.env, payee))) return refusal("rate_limited");
    return (await this.#facilitator(traceOf(trace))).creditOf(payee, transaction, from);
  }

  async #refund(record: SignedRefund, traceId: string): Promise<RefundResult | PaymentRefusal> {
    if (!(await payeeWithinLimit(this.env, record.refund.from))) return refusal("rate_limited");
    return (await this.#facilitator(traceId)).refund(record);
  }

  /** Sets the deposit of a payload of type `deposit` aside. Counted by the account that is paid, as a settlement is. */
  async open(args: UnverifiedPayment, trace?: string): Promise<OpenResult | PaymentRefusal> {
    const traceId = traceOf(trace);
    const payment = checkShape(args, unverifiedPaymentSchema);
    if (!payment.ok) return malformed(payment.problem);
    const within = await sellerWithinLimit(this.env, payment.value);
    const result = within ? await this.#inSessions(traceId, (sessions) => sessions.open(payment.value)) : refusal("rate_limited");
    if (!result.ok) logEvent("facilitator.open", { traceId, code: result.code });
    return result;
  }

  /** Pays what vouchers cover. It is never held back: a claim that comes too late is lost. */
  async claim(args: ClaimPayload, trace?: string): Promise<ClaimResult | PaymentRefusal> {
    const traceId = traceOf(trace);
    const result = await this.#inSessions(traceId, (sessions) => sessions.claim(args));
    if (!result.ok) logEvent("facilitator.claim", { traceId, code: result.code });
    return result;
  }

  /** Where a session stands, and what it is. */
  async session(args: SessionName, trace?: string): Promise<SessionStatus | PaymentRefusal> {
    const name = checkShape(args, sessionNameSchema);
    return name.ok ? this.#inSessions(traceOf(trace), (sessions) => sessions.status(name.value)) : malformed(name.problem);
  }

  /** The payer or its agent wants the rest of a session back. */
  async withdraw(args: SignedWithdrawal, trace?: string): Promise<WithdrawResult | PaymentRefusal> {
    const traceId = traceOf(trace);
    const record = checkShape(args, signedWithdrawalSchema);
    const result = record.ok ? await this.#inSessions(traceId, (sessions) => sessions.withdraw(record.value)) : malformed(record.problem);
    if (!result.ok) logEvent("facilitator.withdraw", { traceId, code: result.code });
    return result;
  }

  async #inSessions<T>(traceId: string, operation: (sessions: SessionFacilitator) => Promise<T>): Promise<T | PaymentRefusal> {
    const { sessions } = await this.#facilitator(traceId);
    if (sessions) return operation(sessions);
    return { ok: false, code: "unsupported_scheme", detail: "the ledger of this facilitator keeps no sessions" };
  }

  /**
   * Lists a payment that was settled, with the seller's own `resource` and `extensions`. Called once the answer is on its way.
   * @returns false for a payment that did not settle, and for one that lists nothing new
   */
  async list(args: UnverifiedPayment, trace?: string): Promise<boolean> {
    const traceId = traceOf(trace);
    const payment = checkShape(args, unverifiedPaymentSchema);
    const entry = payment.ok ? dueEntry(this.env, payment.value.paymentPayload, "seller") : undefined;
    if (!payment.ok || !entry || !(await sellerWithinLimit(this.env, payment.value))) return false;
    if (!(await (await this.#facilitator(traceId)).isSettled(payment.value))) return false;
    await recordEntry(this.env, entry, traceId);
    return true;
  }

  async #verify(payment: UnverifiedPayment, traceId: string): Promise<Validity> {
    if (!(await sellerWithinLimit(this.env, payment))) return invalid("rate_limited");
    const native = nativeFor(this.env, payment.paymentRequirements);
    return native ? verifyNatively(native, payment, traceId) : (await this.#facilitator(traceId)).verify(payment);
  }

  async #settle(command: SettleCommand<UnverifiedPayment>, traceId: string): Promise<Settlement> {
    if (!(await sellerWithinLimit(this.env, command.payment))) return settleFailure("rate_limited");
    const native = nativeFor(this.env, command.payment.paymentRequirements);
    if (native) return settleNatively(native, command, traceId);
    return (await this.#facilitator(traceId)).settle(command);
  }

  async #reserve(command: ReserveCommand<UnverifiedPayment>, traceId: string): Promise<ReserveResult | PaymentRefusal> {
    if (!(await sellerWithinLimit(this.env, command.payment))) return refusal("rate_limited");
    return (await this.#facilitator(traceId)).reserve(command);
  }

  /** Merchants have a deadline of their own; another timer for each call to the ledger would only cost. */
  #facilitator(traceId: string): Promise<Facilitator> {
    return facilitatorFor(this.env, traceId, Infinity);
  }
}

function invalid(invalidReason: ErrorCode): Validity {
  return { isValid: false, invalidReason };
}

function malformed(detail: string): PaymentRefusal {
  return { ok: false, code: "invalid_payload", detail };
}

/** The caller's trace id if it is one. A foreign Worker can send anything, and it would reach the log. */
function traceOf(traceId: unknown): string {
  return isTraceId(traceId) ? traceId : newTraceId();
}
