/** Accepts payments of scheme `batch-settlement` in this isolate: deposits, vouchers, and the wish to end a session. */

import type { Context } from "hono";
import type * as z from "zod/mini";
import {
  type BatchPayload,
  type DepositPayload,
  depositPayloadSchema,
  type RefundPayload,
  refundPayloadSchema,
  voucherPayloadSchema,
} from "../../../../shared/batch-settlement/payload.ts";
import { readPlainVoucher } from "../../../../shared/batch-settlement/plain-voucher.ts";
import { verifyWithdrawal } from "../../../../shared/batch-settlement/withdrawal.ts";
import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import type { Digest } from "../../../../shared/crypto/digest.ts";
import type { ErrorCode } from "../../../../shared/errors.ts";
import { identifierOf, PAYMENT_IDENTIFIER } from "../../../../shared/extensions/payment-identifier.ts";
import { MAX_SESSION_CONFIG_BYTES } from "../../../../shared/limits.ts";
import type { AccountId } from "../../../../shared/protocol/account.ts";
import { originOf } from "../../../../shared/protocol/origin.ts";
import { sessionId, sessionSchema } from "../../../../shared/protocol/session.ts";
import { isGenuineVoucher, type SignedVoucher } from "../../../../shared/protocol/voucher.ts";
import { checkShape, parseJson } from "../../../../shared/text/json.ts";
import { unixNow } from "../../../../shared/time.ts";
import { encodeHeader, PAYMENT_RESPONSE } from "../../../../shared/x402/headers.ts";
import { storesAnswers } from "../config.ts";
import { unverified } from "../facilitator/rpc.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import { traceOf } from "../log.ts";
import type { CheckedOptions } from "../options.ts";
import { passOnRefusal, refuseRequest } from "../responses.ts";
import { compareTerms } from "../serve/price-check.ts";
import type { Acceptor } from "../session-acceptor.ts";
import { publicOrigin } from "../terms/bound-request.ts";
import type { PaidRequest, PaywallEnv, ServeResult, SessionsNamespace } from "../types.ts";
import { addressOf, AskLimit } from "./ask-limit.ts";
import { type SessionFacilitator, sessionFacilitatorOf } from "./facilitator.ts";
import { IdentifiedVoucher } from "./identified-voucher.ts";
import { IsolateSessions, type IsolateSession } from "./isolate-session.ts";
import { reportOf } from "./lane-reports.ts";
import { isOfOrigin, isOwnSession, isSession } from "./own-session.ts";
import { channelState } from "./receipts.ts";
import { type ReceiverKeys, receiverKeys } from "./receiver-key.ts";
import { NAMED_OBJECT, sessionObject } from "./rpc.ts";
import { standingFrom } from "./standing.ts";
import { type Asked, VoucherRequest } from "./voucher-request.ts";

type Read = { ok: true; payload: Exclude<BatchPayload, { type: "claim" }> } | { ok: false; problem: string };

export class SessionAcceptor implements Acceptor {
  readonly #sessions = new IsolateSessions();
  readonly #asks = new AskLimit();
  readonly #opened = new WeakSet<object>();

  async receiver(c: Context<PaywallEnv>): Promise<string> {
    return (await this.#keys(c, publicOrigin(c))).publicKey;
  }

  async canOpen(c: Context<PaywallEnv>): Promise<boolean> {
    const namespace = namespaceOf(c);
    if (this.#opened.has(namespace)) return true;
    const canOpen = await withTimeout(sessionObject(namespace, NAMED_OBJECT).canOpen());
    if (canOpen) this.#opened.add(namespace);
    return canOpen !== false;
  }

  async serve(request: PaidRequest, options: CheckedOptions): Promise<ServeResult> {
    const { challenge, presented } = request;
    const read = readPayload(presented.payment.payload);
    if (!read.ok) return refuseRequest({ code: "invalid_payload", detail: read.problem, challenge, offerAgain: true });
    const { payload } = read;
    const keys = await this.#keys(request.c, originOf(challenge.request.url));
    switch (payload.type) {
      case "deposit":
        return (await this.#open(request, payload)) ?? this.#accept(request, options, keys, payload.channelConfig.from, payload);
      case "voucher":
        return this.#accept(request, options, keys, payload.from, payload);
      default:
        return this.#close(request, keys, payload);
    }
  }

  /** Has the facilitator set the money aside, once the first voucher is good. undefined: the session is open. */
  async #open(request: PaidRequest, payload: DepositPayload): Promise<ServeResult | undefined> {
    const { c, presented, challenge } = request;
    const { channelConfig, voucher } = payload;
    const id = sessionId(channelConfig);
    if (this.#sessions.get(id)) return undefined;
    const refuse = (code: ErrorCode, detail?: string) => this.#refuse(request, code, detail);
    if (voucher.session !== id) return refuse("invalid_payload", "voucher.session: must be the digest of channelConfig");
    if (!isOfOrigin(channelConfig, challenge.request.url)) return refuse("offer_mismatch", "channelConfig.origin: is not the merchant's");
    if (voucher.binding !== presented.offer.extra?.["binding"]) return refuse("binding_mismatch", "voucher.binding");
    if (!(await isGenuineVoucher(signedVoucher(payload), channelConfig.signer))) return refuse("invalid_signature", "voucherSignature");
    const differs = request.price && (await compareTerms(request, request.price));
    if (differs) return differs;
    const opened = await withTimeout(facilitatorOf(c).open(unverified(presented), traceOf(c)));
    if (!opened) return refuseRequest({ code: "facilitator_unavailable" });
    if (!opened.ok) return passOnRefusal(request, opened);
    this.#sessions.remember(id, channelConfig, standingFrom(opened.session));
    return undefined;
  }

  #accept(
    request: PaidRequest,
    options: CheckedOptions,
    keys: ReceiverKeys,
    from: AccountId,
    payload: SignedVoucher,
  ): Promise<ServeResult> {
    const { c } = request;
    const { session } = payload.voucher;
    const signed = signedVoucher(payload);
    const sent = identifierOf(request.presented.payment.extensions);
    const { DELIVERIES } = c.env;
    // An answer that flows is not stored: by its end all of it has gone out.
    const isMetered = request.presented.offer.extra?.["metered"] === true;
    const stores = DELIVERIES !== undefined && !isMetered && storesAnswers(c, options);
    if (stores && !sent.ok) return this.#refuse(request, "invalid_payload", `extensions.${PAYMENT_IDENTIFIER}`);
    const id = sent.ok && stores ? sent.id : undefined;
    if (id === undefined && options.identifier === "required") return this.#refuse(request, "payment_identifier_required");
    const voucherRequest = new VoucherRequest({
      request,
      signed,
      risk: riskOf(options, request),
      identified: id !== undefined && DELIVERIES ? new IdentifiedVoucher(request, DELIVERIES, signed, id) : undefined,
      object: () => sessionObject(namespaceOf(c), session),
      session: () => this.#ours(request, keys, session, from),
      ask: () => this.#ask(request, session, from),
    });
    return voucherRequest.serve();
  }

  async #refuse({ challenge }: PaidRequest, code: ErrorCode, detail?: string): Promise<ServeResult> {
    return refuseRequest({ code, detail, challenge, offerAgain: true });
  }

  /** "foreign": the session is not this merchant's, or not this payer's. */
  #ours({ presented, challenge }: PaidRequest, keys: ReceiverKeys, id: string, from: AccountId): IsolateSession | "foreign" | undefined {
    const session = this.#sessions.get(id);
    if (!session) return undefined;
    const { config } = session;
    const isOurs = config.from === from && isOwnSession(config, presented.offer, challenge.request.url, (key) => !!keys.signerOf(key));
    return isOurs ? session : "foreign";
  }

  /** Asks the facilitator what the ledger knows, and remembers it. */
  async #ask({ c }: PaidRequest, id: Digest, payer: AccountId): Promise<Asked> {
    const now = Date.now();
    if (this.#sessions.isUnknown(id, now)) return "unknown";
    const isKnown = this.#sessions.get(id) !== undefined;
    if (!isKnown && !this.#asks.allows(addressOf(c.req.raw.headers), now)) return "rate_limited";
    const status = await withTimeout(facilitatorOf(c).session({ payer, id }, traceOf(c)));
    if (!status || "ok" in status) return "unavailable";
    if (status.status === "unknown") {
      this.#sessions.rememberUnknown(id, now);
      return "unknown";
    }
    const read = parseJson(status.config, MAX_SESSION_CONFIG_BYTES, sessionSchema);
    if (!read.ok || !isSession(read.value, id)) return "unavailable";
    this.#sessions.remember(id, read.value, standingFrom(status));
    return "known";
  }

  /** The client wants the rest of its money back: the object claims what it is owed, and closes. Buys nothing. */
  async #close(request: PaidRequest, keys: ReceiverKeys, payload: RefundPayload): Promise<ServeResult> {
    const { c } = request;
    const { session: id, from } = payload.withdrawal;
    const refuse = (code: "session_unknown" | "facilitator_unavailable" | "rate_limited") => refuseRequest({ code });
    if (!this.#sessions.get(id)) {
      const asked = await this.#ask(request, id, from);
      if (asked === "unavailable") return refuse("facilitator_unavailable");
      if (asked === "rate_limited") return refuse("rate_limited");
    }
    const session = this.#ours(request, keys, id, from);
    if (!session || session === "foreign") return refuse("session_unknown");
    const { config, leased } = session;
    const { ledger } = config;
    const verified = await verifyWithdrawal(payload, config, { now: unixNow(), ledger });
    if (!verified.ok) return refuseRequest({ code: verified.code, detail: verified.detail });
    session.leased = undefined;
    const known = { config, standing: session.standing };
    // A lane in which an answer flows is let go of when that is over.
    const isOver = leased && leased.flowing === 0;
    await session.completions.tell(() => sessionObject(namespaceOf(c), id));
    const standing = await withTimeout(sessionObject(namespaceOf(c), id).close(known, isOver ? reportOf(leased) : undefined));
    if (!standing) return refuse("facilitator_unavailable");
    session.learn(standing);
    const extra = { channelState: channelState(session, BigInt(standing.claimed)), status: standing.status, closesAt: standing.closesAt };
    const receipt = { success: true, payer: from, transaction: "", network: config.network, amount: "", extra };
    const headers = { "Cache-Control": "no-store", [PAYMENT_RESPONSE]: encodeHeader(receipt) };
    const { status, deposit, claimed, closesAt } = standing;
    const response = Response.json({ session: id, status, deposit, claimed, closesAt }, { headers });
    return { answered: false, response, event: "session.closing" };
  }

  #keys(c: Context<PaywallEnv>, origin: string): Promise<ReceiverKeys> {
    return receiverKeys(c.env, namespaceOf(c), origin);
  }
}

function signedVoucher({ voucher, voucherSignature }: SignedVoucher): SignedVoucher {
  return { voucher, voucherSignature };
}

function riskOf({ offers }: CheckedOptions, { presented, challenge }: PaidRequest): bigint | undefined {
  return offers[challenge.offers.indexOf(presented.offer)]?.session?.risk;
}

/** By its tag, so that a problem is told about the members of that type. */
function readPayload(payload: Record<string, unknown>): Read {
  const plain = readPlainVoucher(payload);
  if (plain) return { ok: true, payload: plain };
  const { type } = payload;
  const schema = type === "deposit" ? depositPayloadSchema : type === "voucher" ? voucherPayloadSchema : refundPayloadSchema;
  const read = checkShape(payload, schema as z.ZodMiniType<DepositPayload>);
  return read.ok ? { ok: true, payload: read.value } : { ok: false, problem: `payload: ${read.problem}` };
}

/** @throws {ConfigurationError} */
function namespaceOf({ env: { SESSIONS } }: Context<PaywallEnv>): SessionsNamespace {
  if (SESSIONS) return SESSIONS;
  throw new ConfigurationError("session: set the Durable Object binding SESSIONS, of the class Sessions");
}

/** @throws {ConfigurationError} */
function facilitatorOf({ env }: Context<PaywallEnv>): SessionFacilitator {
  const found = sessionFacilitatorOf(env);
  if (found) return found;
  throw new ConfigurationError(
    "session: set the service binding FACILITATOR or the variable FACILITATOR_URL, of a facilitator with sessions",
  );
}
