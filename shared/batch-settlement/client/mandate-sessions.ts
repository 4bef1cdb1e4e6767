/**
 * Lets the official client open and pay sessions within a mandate. As in `mandateFetch`, the scheme makes a draft, and the fetch below the
 * client pays it: it knows the address, opens a session for its origin, and books what each answer says.
 */

import type { PaymentResponseContext, x402Client } from "@x402/core/client";
import { isErrorCode } from "../../errors.ts";
import {
  boundRequestOf,
  checkOptions,
  checkOrigin,
  DraftScheme,
  draftIn,
  type MandateSigner,
  signRequest,
} from "../../exact/client/mandate-fetch.ts";
import { PaymentRefused } from "../../exact/client/scheme.ts";
import { objectionToSession } from "../../exact/mandate-checks.ts";
import { BATCH_SETTLEMENT, NETWORK } from "../../lez.ts";
import { MAX_FOREIGN_HEADER_BYTES, MAX_HEADER_BYTES } from "../../limits.ts";
import { type Amount, isAmount } from "../../protocol/amount.ts";
import { bindingScope } from "../../protocol/binding.ts";
import { allows, mandateDigest } from "../../protocol/mandate.ts";
import { checkSessionRequest, type PaymentRequest } from "../../protocol/payment-request.ts";
import { sessionWithin } from "../../protocol/session-approval.ts";
import { sessionId, type SignedSession, signSession } from "../../protocol/session.ts";
import { unixNow } from "../../time.ts";
import { decodeHeader, encodeHeader, PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_SIGNATURE } from "../../x402/headers.ts";
import { type PaymentPayload, paymentRequiredSchema, settleResponseSchema } from "../../x402/x402.ts";
import { orderOf } from "../deposit.ts";
import { sessionTermsFor } from "./scheme.ts";
import type { ClientSessionStore } from "./session-store.ts";
import { ClientSessions } from "./sessions.ts";

export interface MandateSessionOptions extends MandateSigner {
  /** The client that pays with this fetch. `batch-settlement` on LEZ is registered with it. */
  client: Pick<x402Client, "register">;
  /** Of one session. The mandate has its own limits, which the ledger counts. */
  session: {
    /** Atomic units. */
    deposit: string;
    seconds: number;
    /** The most that may hold a deposit at one merchant at once; default 1. */
    open?: number;
  };
  /** Where sessions are kept beyond this process. */
  store?: ClientSessionStore;
  /** Told of each session before it is sent; if it throws, the session is not opened. `request` is what evidence needs of the reason. */
  onSession?: (made: { request: PaymentRequest; signed: SignedSession }) => void | Promise<void>;
  /** Unix seconds. */
  clock?: () => number;
}

type Fetch = typeof globalThis.fetch;

/**
 * A fetch for `wrapFetchWithPayment`, beside the same client. Payments of other schemes go through the fetch below, which may be a
 * `mandateFetch` of the same mandate. It refuses with PaymentRefused as that does.
 * @throws {TypeError} for options with which no session can be opened
 * @example
 * const client = new x402Client();
 * const pay = wrapFetchWithPayment(mandateSessionFetch(fetch, { client, agentKey, mandate, reason, session }), client);
 */
export function mandateSessionFetch(fetch: Fetch, options: MandateSessionOptions): Fetch {
  checkOptions(options);
  const { mandate: signed } = options;
  const { deposit } = options.session;
  if (!isAmount(deposit)) throw new TypeError("session.deposit: must be atomic units as a decimal string");
  if (!allows(signed.mandate.schemes, BATCH_SETTLEMENT)) throw new TypeError(`mandate: does not name the scheme ${BATCH_SETTLEMENT}`);
  const mandate = mandateDigest(signed.mandate);
  options.client.register(NETWORK, new DraftScheme(BATCH_SETTLEMENT, mandate));
  const merchants = new Map<string, ClientSessions>();
  return async (input, init) => {
    const request = new Request(input, init);
    const draft = draftIn(request, mandate);
    if (draft?.accepted.scheme !== BATCH_SETTLEMENT) return fetch(request);
    checkOrigin(draft, request);
    const { origin } = new URL(request.url);
    const { payTo } = draft.accepted;
    const known = merchants.get(`${origin} ${payTo}`) ?? sessionsAt(origin, payTo, options, deposit);
    merchants.set(`${origin} ${payTo}`, known);
    return pay(fetch, known, draft, request, { ...options, deposit });
  };
}

function sessionsAt(origin: string, payTo: string, options: MandateSessionOptions, deposit: Amount): ClientSessions {
  const { agentKey, mandate, session, store, clock = unixNow } = options;
  return new ClientSessions({ agentKey, account: mandate.mandate.from, origin, payTo, deposit, open: session.open ?? 1, store, clock });
}

/** Sends the request with a voucher, and once more after a correction that can be believed. */
async function pay(
  fetch: Fetch,
  sessions: ClientSessions,
  draft: PaymentPayload,
  request: Request,
  options: MandateSessionOptions & { deposit: Amount },
): Promise<Response> {
  const offer = draft.accepted;
  const requirements = offer as PaymentResponseContext["requirements"];
  const terms = sessionTermsFor(requirements, offer.payTo);
  if (!bindingScope(await boundRequestOf(request), offer)) throw new PaymentRefused("binding_mismatch");
  for (let attempt = 1; ; attempt++) {
    const payload = await sessions.pay(requirements, terms, (_terms, now) => open(draft, request, options, now));
    const payment = { ...draft, payload };
    const paid = new Request(request.clone(), { redirect: "manual" });
    paid.headers.set(PAYMENT_SIGNATURE, encodeHeader(payment));
    const response = await fetch(paid);
    const answered = await sessions.answered({ paymentPayload: payment, requirements, ...saidIn(response) } as PaymentResponseContext);
    if (!answered?.recovered || attempt > 1) return response;
  }
}

/** Signs a session for the address that is fetched. */
async function open(
  draft: PaymentPayload,
  sent: Request,
  options: MandateSessionOptions & { deposit: Amount },
  now: number,
): Promise<SignedSession> {
  const { agentKey, mandate, session, deposit } = options;
  const request = await signRequest(draft.accepted, sent, options, now, { deposit, seconds: session.seconds });
  const checked = await checkSessionRequest(request, now);
  if (!checked.ok) throw new PaymentRefused(isErrorCode(checked.code) ? checked.code : "validity_too_long", checked.problem);
  const channelConfig = sessionWithin(mandate.mandate, request, checked, now);
  const id = sessionId(channelConfig);
  const objection = await objectionToSession(orderOf(channelConfig), id, mandate);
  if (objection) throw new PaymentRefused(objection.code, objection.detail);
  const signed = { channelConfig, ...(await signSession(channelConfig, agentKey)), mandate };
  const voucher = { session: id, lane: "0", serial: "1", maxClaimableAmount: deposit, binding: id };
  const first = { ...draft, payload: { type: "deposit", ...signed, voucher, voucherSignature: "0".repeat(128) } };
  if (encodeHeader(first).length > MAX_HEADER_BYTES)
    throw new PaymentRefused("payload_too_large", `with this mandate the payment takes more than ${MAX_HEADER_BYTES} bytes`);
  await options.onSession?.({ request, signed });
  return signed;
}

/** What an answer says of its payment, as the official client reads it. */
function saidIn({ status, headers }: Response) {
  const settled = decodeHeader(headers.get(PAYMENT_RESPONSE) ?? "", settleResponseSchema, MAX_FOREIGN_HEADER_BYTES);
  if (settled.ok) return { settleResponse: settled.value };
  const required =
    status === 402 ? decodeHeader(headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema, MAX_FOREIGN_HEADER_BYTES) : undefined;
  return required?.ok ? { paymentRequired: required.value } : {};
}
