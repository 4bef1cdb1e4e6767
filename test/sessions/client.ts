/** A client of sessions: it opens one, signs vouchers in parallel, and believes a merchant no more than its own signatures say. */

import type { Correction } from "../../shared/batch-settlement/state.ts";
import { randomDigest } from "../../shared/crypto/digest.ts";
import { BATCH_SETTLEMENT } from "../../shared/lez.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { sessionTermsOf } from "../../shared/protocol/session-terms.ts";
import { type Session, sessionId, signSession } from "../../shared/protocol/session.ts";
import type { WalletSigner } from "../../shared/protocol/signer.ts";
import { FIRST_LANE, isGenuineVoucher, type SignedVoucher, signVoucher, type Voucher } from "../../shared/protocol/voucher.ts";
import { type SignedWithdrawal, signWithdrawal } from "../../shared/protocol/withdrawal.ts";
import { unixNow } from "../../shared/time.ts";
import {
  decodeHeader,
  encodeHeader,
  PAYMENT_ERROR,
  PAYMENT_REQUIRED,
  PAYMENT_RESPONSE,
  PAYMENT_SIGNATURE,
} from "../../shared/x402/headers.ts";
import { type PaymentRequirements, paymentRequiredSchema, settleResponseSchema } from "../../shared/x402/x402.ts";

/** Sends a request, to whichever isolate. */
export type Send = (path: string, init: RequestInit) => Promise<Response>;

interface LaneKnowledge {
  /** What the client knows it paid, and what is under way. */
  paid: bigint;
  underWay: bigint;
  serial: number;
  signed: bigint;
}

export class SessionClient {
  readonly #send: Send;
  readonly #path: string;
  readonly #owner: WalletSigner;
  readonly #agent: WalletSigner;
  readonly #lanes = new Map<string, LaneKnowledge>();
  #offer: PaymentRequirements | undefined;
  #lane: string = FIRST_LANE;
  session: Session | undefined;
  /** What was charged, as receipts say. */
  charged = 0n;

  constructor(send: Send, path: string, { owner, agent }: { owner: WalletSigner; agent: WalletSigner }) {
    this.#send = send;
    this.#path = path;
    this.#owner = owner;
    this.#agent = agent;
  }

  get id() {
    if (!this.session) throw new Error("no session is open");
    return sessionId(this.session);
  }

  /** Atomic units: the most that can be claimed of all lanes, by the vouchers that were signed. */
  get signed(): bigint {
    return [...this.#lanes.values()].reduce((sum, { signed }) => sum + signed, 0n);
  }

  /** The session's offer among the merchant's. */
  async offer(): Promise<PaymentRequirements> {
    if (this.#offer) return this.#offer;
    const response = await this.#send(this.#path, {});
    const required = decodeHeader(response.headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema);
    const offer = required.ok ? required.value.accepts.find(({ scheme }) => scheme === BATCH_SETTLEMENT) : undefined;
    if (!offer) throw new Error(`no session is offered: ${response.status} ${await response.text()}`);
    const { description: _, ...extra } = offer.extra ?? {};
    this.#offer = { ...offer, extra };
    return this.#offer;
  }

  /** @param origin that of the merchant */
  async newSession(deposit: string, origin: string, changes: Partial<Session> = {}): Promise<Session> {
    const offer = await this.offer();
    const terms = sessionTermsOf(offer);
    if (!terms) throw new Error("the offer says not how a session is opened");
    const now = unixNow();
    return {
      version: "1",
      network: offer.network,
      asset: offer.asset,
      ledger: terms.ledger,
      from: this.#owner.account,
      to: offer.payTo as AccountId,
      signer: this.#agent.publicKey,
      receiver: terms.receiver,
      deposit: deposit as Amount,
      validAfter: String(now),
      validBefore: String(now + 900),
      expiresAt: String(now + 3600),
      withdrawDelay: String(terms.withdrawDelay),
      origin,
      nonce: randomDigest(),
      ...changes,
    };
  }

  /** Opens a session with the first request. */
  async open(deposit: string, origin: string, changes: Partial<Session> = {}): Promise<Response> {
    return this.openAs(await this.newSession(deposit, origin, changes));
  }

  /** The same with a session that was made before. */
  async openAs(session: Session): Promise<Response> {
    this.session = session;
    const proof = await signSession(session, this.#owner);
    const voucher = await this.sign();
    return this.#hear(voucher, await this.present({ type: "deposit", channelConfig: session, ...proof, ...voucher }));
  }

  /** Pays one request. A voucher that is out of step is signed again once. */
  async pay(): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      const voucher = await this.sign();
      const response = this.#hear(voucher, await this.presentVoucher(voucher));
      if (response.headers.get(PAYMENT_ERROR) !== "voucher_out_of_step" || attempt === 3 || !(await this.#adopt(response))) return response;
    }
  }

  /** Signs the next voucher of the lane: what was paid, what is under way, and this. */
  async sign(changes: Partial<Voucher> = {}): Promise<SignedVoucher> {
    const offer = await this.offer();
    const lane = this.#knowledge(changes.lane ?? this.#lane);
    lane.underWay += BigInt(offer.amount);
    const sum = lane.paid + lane.underWay;
    if (sum > lane.signed) lane.signed = sum;
    const binding = offer.extra?.["binding"] as Voucher["binding"];
    const voucher = { session: this.id, lane: this.#lane, serial: String(++lane.serial), maxClaimableAmount: String(sum) as Amount };
    return signVoucher({ ...voucher, ...(binding && { binding }), ...changes }, this.#agent);
  }

  presentVoucher(signed: SignedVoucher, init: RequestInit = {}, extensions?: Record<string, unknown>): Promise<Response> {
    return this.present({ type: "voucher", from: this.#owner.account, ...signed }, init, extensions);
  }

  /** Asks the merchant to close. */
  async close(): Promise<Response> {
    return this.present({ type: "refund", ...(await this.withdrawal()) });
  }

  async withdrawal(): Promise<SignedWithdrawal> {
    if (!this.session) throw new Error("no session is open");
    const { ledger, from } = this.session;
    return signWithdrawal({ version: "1", ledger, session: this.id, from, requestedAt: String(unixNow()) }, this.#agent);
  }

  async present(payload: object, init: RequestInit = {}, extensions?: Record<string, unknown>): Promise<Response> {
    const payment = { x402Version: 2, accepted: await this.offer(), payload, ...(extensions && { extensions }) };
    return this.#send(this.#path, { ...init, headers: { [PAYMENT_SIGNATURE]: encodeHeader(payment) } });
  }

  #hear({ voucher }: SignedVoucher, response: Response): Response {
    const lane = this.#knowledge(voucher.lane);
    const price = BigInt(this.#offer?.amount ?? 0);
    lane.underWay -= price;
    const receipt = decodeHeader(response.headers.get(PAYMENT_RESPONSE) ?? "", settleResponseSchema);
    if (!response.ok || !receipt.ok) return response;
    const { chargedAmount, lane: next } = (receipt.value.extra ?? {}) as {
      chargedAmount?: string;
      lane?: { id: string; afterSerial?: number };
    };
    const charged = BigInt(chargedAmount ?? 0);
    if (charged > price) throw new Error("charged more than the offer says");
    lane.paid += charged;
    this.charged += charged;
    if (next) this.#lane = next.id;
    return response;
  }

  /** What a corrective 402 says, as far as the client's own signature proves it. */
  async #adopt(response: Response): Promise<boolean> {
    const required = decodeHeader(response.headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema);
    const offer = required.ok ? required.value.accepts.find(({ scheme }) => scheme === BATCH_SETTLEMENT) : undefined;
    const { lane: next, voucherState } = (offer?.extra ?? {}) as Correction;
    if (!next || !this.session) return false;
    const known = this.#knowledge(next.id);
    if (voucherState?.lane === next.id) {
      const { serial, signedMaxClaimable: maxClaimableAmount, binding, signature: voucherSignature } = voucherState;
      const voucher = { session: this.id, lane: next.id, serial, maxClaimableAmount, ...(binding && { binding }) } as Voucher;
      if (!(await isGenuineVoucher({ voucher, voucherSignature }, this.session.signer))) return false;
      const charged = BigInt(voucherState.charged);
      if (charged > known.signed) return false;
      if (charged > known.paid) known.paid = charged;
    }
    known.serial = Math.max(known.serial, next.afterSerial ?? 0);
    this.#lane = next.id;
    return true;
  }

  #knowledge(id: string): LaneKnowledge {
    const known = this.#lanes.get(id) ?? { paid: 0n, underWay: 0n, serial: 0, signed: 0n };
    this.#lanes.set(id, known);
    return known;
  }
}
