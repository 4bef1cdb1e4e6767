/**
 * Accepts payments of sessions for a merchant on the official server: opens what a deposit sets aside, judges vouchers, and notes what was
 * served. Nothing is answered before the store has it.
 */

import type { FacilitatorClient } from "@x402/core/server";
import type * as z from "zod/mini";
import type { Digest } from "../../crypto/digest.ts";
import { type ErrorCode, isErrorCode } from "../../errors.ts";
import { NETWORK, X402_VERSION } from "../../lez.ts";
import type { Charge } from "../../protocol/amount.ts";
import { sessionTermsOf } from "../../protocol/session-terms.ts";
import { type Session, sessionId } from "../../protocol/session.ts";
import { FIRST_LANE, isGenuineVoucher, type SignedVoucher } from "../../protocol/voucher.ts";
import { checkShape } from "../../text/json.ts";
import type { PaymentRequirements } from "../../x402/x402.ts";
import { objectionToSession, verifyDeposit } from "../deposit.ts";
import type { Acceptance } from "../lane.ts";
import { type DepositPayload, depositPayloadSchema, type RefundPayload, refundPayloadSchema, voucherPayloadSchema } from "../payload.ts";
import { channelStateSchema, type Correction, type VoucherReceiptExtra } from "../state.ts";
import { verifyWithdrawal } from "../withdrawal.ts";
import type { SessionBookkeeper } from "./session-store.ts";
import * as stored from "./stored-session.ts";
import type { StoredSession } from "./stored-session.ts";

export interface AcceptorOptions {
  /** The merchant's own, as in `https://shop.example.com`. */
  origin: string;
  facilitator: Pick<FacilitatorClient, "settle">;
  book: SessionBookkeeper;
  /** How long a handler may take. */
  callSeconds: number;
  /** Unix seconds. */
  clock: () => number;
}

/** What a request presents. `payload` is the whole PaymentPayload, of any shape. */
export interface Presented {
  payment: { payload: Record<string, unknown> };
  offer: PaymentRequirements;
}

/** One call, by which its end is told. */
export interface CallName {
  session: Digest;
  serial: number;
}

export type Refused = { ok: false; code: ErrorCode; detail?: string | undefined; correction?: Correction };
export type Accepted = { ok: true; payer: string; closes?: Digest } | Refused;
export type Served = { ok: true; payer: string; extra: VoucherReceiptExtra } | Refused;

export class SessionAcceptor {
  readonly #options: AcceptorOptions;

  constructor(options: AcceptorOptions) {
    this.#options = options;
  }

  /** Takes a voucher, for which the handler runs next; or a wish to end the session, for which none does. */
  async accept({ payment, offer }: Presented): Promise<Accepted> {
    switch (payment.payload["type"]) {
      case "deposit": {
        const read = readPayload(payment, depositPayloadSchema);
        if (!read.ok) return read;
        const opened = await this.#open(read.payload, { payment, offer });
        return opened.ok ? this.#take(read.payload, read.payload.channelConfig.from, offer) : opened;
      }
      case "voucher": {
        const read = readPayload(payment, voucherPayloadSchema);
        return read.ok ? this.#take(read.payload, read.payload.from, offer) : read;
      }
      case "refund": {
        const read = readPayload(payment, refundPayloadSchema);
        return read.ok ? this.#close(read.payload, offer) : read;
      }
      default:
        return refused("invalid_payload", "payload.type: must be deposit, voucher or refund");
    }
  }

  /** The handler delivered. @param charge atomic units, at most the price */
  async complete({ session: id, serial }: CallName, charge: bigint): Promise<Served> {
    const changed = await this.#options.book.change(id, (session) => {
      const call = session.running.find((each) => each.serial === serial);
      if (!call) return { after: session, result: "voucher_out_of_step" as const };
      if (charge > BigInt(call.amount)) return { after: stored.fail(session, serial), result: "charge_exceeded" as const };
      return { after: stored.complete(session, serial, charge) ?? session, result: undefined };
    });
    if (!changed) return refused("session_unknown");
    const { session, result: code } = changed;
    if (code) return refused(code);
    return { ok: true, payer: stored.sessionOf(session).from, extra: stored.receiptExtraOf(session, serial, String(charge) as Charge) };
  }

  /** The handler did not deliver: nothing was paid, and the same voucher can come again. */
  async fail({ session: id, serial }: CallName): Promise<void> {
    await this.#options.book.change(id, (session) => ({ after: stored.fail(session, serial), result: undefined }));
  }

  /** Has the deposit set aside, once the session is known to be of this merchant. */
  async #open(deposit: DepositPayload, { payment, offer }: Presented): Promise<{ ok: true } | Refused> {
    const { clock, book } = this.#options;
    const id = sessionId(deposit.channelConfig);
    if (await book.find(id)) return { ok: true };
    const ledger = sessionTermsOf(offer)?.ledger;
    if (!ledger) return refused("unsupported_extra");
    const verified = await verifyDeposit(payment, offer, { now: clock(), ledger, expiryIsTheLedgers: true });
    if (!verified.ok) return refused(verified.code, verified.detail);
    const objection = this.#objection(deposit.channelConfig, offer);
    if (objection) return objection;
    const askedAt = clock();
    const standing = await this.#ask(deposit, offer, id);
    if (!standing.ok) return standing;
    // Another request may have been first: then this is its session.
    await book.add(id, stored.newStoredSession(deposit, offer, askedAt));
    return { ok: true };
  }

  async #take({ voucher, voucherSignature }: SignedVoucher, from: string, offer: PaymentRequirements): Promise<Accepted> {
    const known = await this.#fresh(voucher.session, from, offer);
    if (!known.ok) return known;
    const { signer } = stored.sessionOf(known.session);
    const signed = { voucher, voucherSignature };
    if (voucher.binding !== (offer.extra?.["binding"] ?? undefined)) return refused("binding_mismatch", "payload.voucher.binding");
    if (!(await isGenuineVoucher(signed, signer))) return refused("invalid_signature", "payload.voucherSignature");
    // Nothing of a session is told before this: only its agent can sign for it.
    if (voucher.lane !== FIRST_LANE) return { ...refused("voucher_out_of_step"), correction: stored.correctionOf(known.session) };
    const now = this.#options.clock();
    const until = now + this.#options.callSeconds;
    const changed = await this.#options.book.change<Acceptance | Refused>(voucher.session, (session) => {
      if (stored.isOver(session, now)) return { after: session, result: refused("session_closed") };
      const { after, taken } = stored.accept(session, signed, BigInt(offer.amount), { now, until });
      return { after, result: taken };
    });
    if (!changed) return refused("session_unknown");
    const { session, result } = changed;
    if (result.ok) return { ok: true, payer: from };
    const corrects = result.code === "voucher_out_of_step" || result.code === "session_exhausted";
    return { ...refused(result.code), ...(corrects && { correction: stored.correctionOf(session) }) };
  }

  /** The client wants the rest back: no voucher is accepted any more, and a claim ends the session. */
  async #close(payload: RefundPayload, offer: PaymentRequirements): Promise<Accepted> {
    const { session: id, from } = payload.withdrawal;
    const session = await this.#options.book.find(id);
    const config = session && stored.sessionOf(session);
    if (!config || config.from !== from || this.#objection(config, offer)) return refused("session_unknown");
    const { ledger } = config;
    const verified = await verifyWithdrawal(payload, config, { now: this.#options.clock(), ledger });
    if (!verified.ok) return refused(verified.code, verified.detail);
    await this.#options.book.change(id, (session) => ({ after: { ...session, closing: true }, result: undefined }));
    return { ok: true, payer: from, closes: id };
  }

  /** The session, with a word of the facilitator's that is new enough to accept vouchers by. */
  async #fresh(id: Digest, from: string, offer: PaymentRequirements): Promise<{ ok: true; session: StoredSession } | Refused> {
    const { book, clock } = this.#options;
    const session = await book.find(id);
    const config = session && stored.sessionOf(session);
    if (!config || config.from !== from || this.#objection(config, offer)) return refused("session_unknown");
    const askedAt = clock();
    if (!stored.isStale(session, askedAt) || stored.isOver(session, askedAt)) return { ok: true, session };
    const standing = await this.#ask(session.deposit, session.offer, id);
    // Its payer has asked for the rest, or its mandate was revoked.
    if (!standing.ok && standing.code !== "session_closed") return standing;
    const closing = !standing.ok;
    const changed = await book.change(id, (session) => ({ after: { ...session, askedAt, closing }, result: undefined }));
    return changed ? { ok: true, session: changed.session } : refused("session_unknown");
  }

  #objection(session: Session, offer: PaymentRequirements): Refused | undefined {
    const terms = sessionTermsOf(offer);
    if (!terms) return refused("unsupported_extra");
    const objection = objectionToSession(session, { ...terms, payTo: offer.payTo, origin: this.#options.origin });
    return objection && refused(objection.code, objection.detail);
  }

  /** Presents the deposit: the first time it is set aside, and each time the answer says whether the session is open. */
  async #ask(deposit: DepositPayload, offer: PaymentRequirements, id: Digest): Promise<{ ok: true } | Refused> {
    const settled = await settle(this.#options.facilitator, deposit, offer);
    if (!settled.ok) return settled;
    const state = checkShape(settled.extra?.["channelState"], channelStateSchema);
    if (!state.ok || state.value.channelId !== id) return refused("facilitator_unavailable");
    return state.value.withdrawRequestedAt > 0 ? refused("session_closed") : { ok: true };
  }
}

/** A settlement in our codes. One of which the outcome is not known is `facilitator_unavailable`: the same one can be presented again. */
export async function settle(
  facilitator: Pick<FacilitatorClient, "settle">,
  payload: object,
  offer: PaymentRequirements,
): Promise<{ ok: true; transaction: string; amount: string; extra: Record<string, unknown> | undefined } | Refused> {
  type Settle = FacilitatorClient["settle"];
  const accepted = offer as Parameters<Settle>[1];
  const payment = { x402Version: X402_VERSION, accepted, payload: payload as Record<string, unknown> };
  const answer = await facilitator.settle(payment, accepted).catch((error: unknown) => errorOf(error));
  if (answer.success && answer.network === NETWORK) {
    const { transaction, amount = "", extra } = answer;
    return { ok: true, transaction, amount, extra };
  }
  const code = answer.errorReason;
  return refused(isErrorCode(code) && code !== "settlement_pending" ? code : "facilitator_unavailable");
}

/** The official client throws what a facilitator refused with an HTTP error. */
function errorOf(error: unknown): { success: false; errorReason?: string | undefined } {
  const reason = error instanceof Error && "errorReason" in error ? error.errorReason : undefined;
  return { success: false, errorReason: typeof reason === "string" ? reason : undefined };
}

function readPayload<T>({ payload }: Presented["payment"], schema: z.ZodMiniType<T>): { ok: true; payload: T } | Refused {
  const read = checkShape(payload, schema);
  return read.ok ? { ok: true, payload: read.value } : refused(read.code, `payload.${read.problem}`);
}

function refused(code: ErrorCode, detail?: string): Refused {
  return { ok: false, code, ...(detail && { detail }) };
}
