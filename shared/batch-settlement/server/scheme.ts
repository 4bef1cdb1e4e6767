/**
 * The merchant's side of sessions: offers, and the hooks in which the official server asks before a handler runs and after it. Types of the
 * official server, none of its code.
 */

import type { FacilitatorClient } from "@x402/core/server";
import type {
  PaymentRequirements,
  SchemeEnrichPaymentRequiredResponseHook,
  SchemeServerHooks,
  SettleResponse,
  SupportedKind,
} from "@x402/core/types";
import type { Digest } from "../../crypto/digest.ts";
import { type ErrorCode, ERRORS } from "../../errors.ts";
import { LezScheme } from "../../exact/server/scheme.ts";
import { BATCH_SETTLEMENT, NETWORK } from "../../lez.ts";
import { MAX_SESSION_SECONDS, MIN_WITHDRAW_DELAY_SECONDS } from "../../limits.ts";
import { isAmount } from "../../protocol/amount.ts";
import { originSchema } from "../../protocol/origin.ts";
import { sessionTermsOf } from "../../protocol/session-terms.ts";
import { generateSecretKey, keySigner, type WalletSigner } from "../../protocol/signer.ts";
import { voucherSchema } from "../../protocol/voucher.ts";
import { checkShape } from "../../text/json.ts";
import { unixNow } from "../../time.ts";
import type { PaymentRequirements as OurRequirements } from "../../x402/x402.ts";
import type { Correction } from "../state.ts";
import { type CallName, SessionAcceptor } from "./acceptor.ts";
import { type ClaimReport, claimSession } from "./claims.ts";
import { MemorySessionStore, SessionBookkeeper, type SessionStore } from "./session-store.ts";

export interface BatchSettlementServerConfig {
  /** Of the addresses that are sold, as in `https://shop.example.com`: a session is worth something at one origin. */
  origin: string;
  /** Sets deposits aside and pays claims: the same as the resource server's. */
  facilitator: Pick<FacilitatorClient, "settle">;
  /**
   * Where sessions are kept beyond this process, and the key that signs their claims. All processes with this key must share this store, or one
   * voucher buys an answer from each. Absent: a key and a memory of this process, and what it has not claimed ends with it.
   */
  durable?: { store: SessionStore; receiver: WalletSigner };
  /** Seconds in which claims are possible after the end of a session; default 900. */
  withdrawDelay?: number;
  /** The longest life of a session; default a week. */
  maxSessionSeconds?: number;
  /** Atomic units; a hint for buyers. */
  minDeposit?: string;
  /** How long a handler may take; default 600. One that takes longer is not paid. */
  callSeconds?: number;
  /** Unix seconds. */
  clock?: () => number;
}

/** What a buyer who was corrected sends back in `accepted.extra`. */
const CORRECTION_MEMBERS = ["channelState", "lane", "voucherState"];
const DEFAULT_CALL_SECONDS = 600;

type BeforeVerify = NonNullable<SchemeServerHooks["onBeforeVerify"]>;
type AfterVerify = NonNullable<SchemeServerHooks["onAfterVerify"]>;
type BeforeSettle = NonNullable<SchemeServerHooks["onBeforeSettle"]>;
type Canceled = NonNullable<SchemeServerHooks["onVerifiedPaymentCanceled"]>;
/** The official server hands the same object to each hook of a request. */
type Payment = Parameters<BeforeVerify>[0]["paymentPayload"];

export class BatchSettlementLezScheme extends LezScheme {
  readonly dynamicExtraFields = CORRECTION_MEMBERS;
  readonly schemeHooks: SchemeServerHooks;
  readonly enrichPaymentRequiredResponse: SchemeEnrichPaymentRequiredResponseHook;
  readonly #config: BatchSettlementServerConfig;
  readonly #book: SessionBookkeeper;
  readonly #acceptor: SessionAcceptor;
  readonly #clock: () => number;
  readonly #receiver: Promise<WalletSigner>;
  /** What the next 402 says of the session, for a request whose voucher's signature was good. */
  readonly #corrections = new WeakMap<Payment, Correction>();
  /** Requests that end their session. */
  readonly #closing = new WeakMap<Payment, Digest>();

  /** @throws {TypeError} for options that no offer can state */
  constructor(config: BatchSettlementServerConfig) {
    super(BATCH_SETTLEMENT, ["authorization"]);
    const origin = checkShape(config.origin, originSchema);
    if (!origin.ok) throw new TypeError(`origin: ${origin.problem}`);
    if (config.minDeposit !== undefined && !isAmount(config.minDeposit)) throw new TypeError("minDeposit: must be atomic units");
    const { facilitator, durable, callSeconds = DEFAULT_CALL_SECONDS, clock = unixNow } = config;
    this.#config = config;
    this.#clock = clock;
    this.#book = new SessionBookkeeper(durable?.store ?? new MemorySessionStore());
    this.#receiver = durable ? Promise.resolve(durable.receiver) : keySigner(generateSecretKey());
    this.#acceptor = new SessionAcceptor({ origin: origin.value, facilitator, book: this.#book, callSeconds, clock });
    this.schemeHooks = {
      onBeforeVerify: (context) => this.#verify(context),
      onAfterVerify: async ({ paymentPayload }) => this.#afterVerify(paymentPayload),
      onBeforeSettle: (context) => this.#settle(context),
      onVerifiedPaymentCanceled: (context) => this.#canceled(context),
    };
    this.enrichPaymentRequiredResponse = async (context) => this.#correct(context);
  }

  /** @throws {TypeError} if the payee is no account, or the options are not what an offer can state */
  override async enhancePaymentRequirements(requirements: PaymentRequirements, kind: SupportedKind): Promise<PaymentRequirements> {
    const { withdrawDelay = MIN_WITHDRAW_DELAY_SECONDS, maxSessionSeconds = MAX_SESSION_SECONDS, minDeposit } = this.#config;
    const receiverAuthorizer = (await this.#receiver).publicKey;
    const extra = { receiverAuthorizer, withdrawDelay, maxSessionSeconds, ...(minDeposit && { minDeposit }), ...requirements.extra };
    const offer = await super.enhancePaymentRequirements({ ...requirements, extra }, kind);
    if (!sessionTermsOf(offer))
      throw new TypeError("withdrawDelay, maxSessionSeconds: out of the bounds of the scheme, or the facilitator names no ledger");
    return offer;
  }

  /**
   * Takes what was served out of the sessions, and ends those that are over. Call it every few minutes, at most a third of `withdrawDelay` apart,
   * and before the process ends: what is not claimed in time is the payer's again.
   * @returns one report for each session with something to claim
   */
  async claimAll(): Promise<ClaimReport[]> {
    const reports: ClaimReport[] = [];
    for (const id of await this.#book.ids()) {
      const report = await this.#claim(id);
      if (report) reports.push(report);
    }
    return reports;
  }

  async #claim(id: string): Promise<ClaimReport | undefined> {
    const { facilitator } = this.#config;
    return claimSession(id, { facilitator, book: this.#book, receiver: await this.#receiver, now: this.#clock() });
  }

  /** The official server takes what a hook throws for consent, so nothing is thrown. */
  async #verify({ paymentPayload, requirements }: Parameters<BeforeVerify>[0]): ReturnType<BeforeVerify> {
    const presented = { payment: paymentPayload, offer: requirements as OurRequirements };
    const accepted = await this.#acceptor.accept(presented).catch(unavailable);
    if (!accepted.ok) {
      if (accepted.correction) this.#corrections.set(paymentPayload, accepted.correction);
      return { abort: true, ...reasonOf(accepted) };
    }
    if (accepted.closes) this.#closing.set(paymentPayload, accepted.closes);
    return { skip: true, result: { isValid: true, payer: accepted.payer } };
  }

  #afterVerify(payment: Payment): Awaited<ReturnType<AfterVerify>> {
    const session = this.#closing.get(payment);
    return session && { skipHandler: true, response: { contentType: "application/json", body: { session, status: "closing" } } };
  }

  /** The amount of the requirements is the charge by now: the price, or what the handler set with `setSettlementOverrides`. */
  async #settle({ paymentPayload, requirements }: Parameters<BeforeSettle>[0]): ReturnType<BeforeSettle> {
    const closing = this.#closing.get(paymentPayload);
    if (closing) return this.#end(closing, paymentPayload);
    const call = callOf(paymentPayload);
    if (!call) return { abort: true, ...reasonOf({ code: "invalid_payload" }) };
    // A store that failed may have noted it all the same.
    const served = await this.#acceptor.complete(call, BigInt(requirements.amount)).catch(unknownOutcome);
    if (!served.ok) return { abort: true, ...reasonOf(served) };
    return { skip: true, result: receipt(served.payer, { extra: { ...served.extra } }) };
  }

  async #end(session: Digest, { payload }: Payment): ReturnType<BeforeSettle> {
    const report = await this.#claim(session).catch(() => undefined);
    if (report?.ok === false) return { abort: true, ...reasonOf({ code: report.code }) };
    const { from } = payload["withdrawal"] as { from: string }; // accepted before
    const moved = report && { transaction: report.transaction, amount: report.amount };
    return { skip: true, result: receipt(from, { ...moved, extra: { status: report?.ended ? "closed" : "closing" } }) };
  }

  async #canceled({ paymentPayload }: Parameters<Canceled>[0]): ReturnType<Canceled> {
    const call = this.#closing.has(paymentPayload) ? undefined : callOf(paymentPayload);
    if (call) await this.#acceptor.fail(call);
  }

  /** Adds where the lane stands to the offer that was refused. */
  #correct({ requirements, paymentPayload }: Parameters<SchemeEnrichPaymentRequiredResponseHook>[0]): PaymentRequirements[] | undefined {
    const correction = paymentPayload && this.#corrections.get(paymentPayload);
    if (!correction) return undefined;
    return requirements.map((offer) => {
      const isOurs = offer.scheme === BATCH_SETTLEMENT && offer.network === NETWORK && !("lane" in offer.extra);
      return isOurs ? { ...offer, extra: { ...offer.extra, ...correction } } : offer;
    });
  }
}

/** The call that a payment pays, which was judged before. */
function callOf({ payload }: Payment): CallName | undefined {
  const voucher = checkShape(payload["voucher"], voucherSchema);
  return voucher.ok ? { session: voucher.value.session, serial: Number(voucher.value.serial) } : undefined;
}

/** Nothing moves by a voucher, so `transaction` and `amount` are empty. */
function receipt(payer: string, stated: Partial<Pick<SettleResponse, "transaction" | "amount" | "extra">>): SettleResponse {
  return { success: true, payer, transaction: "", network: NETWORK, amount: "", ...stated };
}

function reasonOf({ code, detail }: { code: ErrorCode; detail?: string | undefined }): { reason: ErrorCode; message: string } {
  return { reason: code, message: detail ?? ERRORS[code].message };
}

function unavailable(): { ok: false; code: ErrorCode; detail?: string; correction?: Correction } {
  return { ok: false, code: "internal_error" };
}

function unknownOutcome(): { ok: false; code: ErrorCode; detail?: string } {
  return { ok: false, code: "settlement_pending" };
}
