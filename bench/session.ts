/** A session of each payer with the merchant, and vouchers of it by the thousand, signed before the clock starts. */

import { type Correction, correctionSchema, voucherReceiptExtraSchema } from "../shared/batch-settlement/state.ts";
import type { Digest } from "../shared/crypto/digest.ts";
import { BATCH_SETTLEMENT } from "../shared/lez.ts";
import { OWN_SERIALS_AHEAD } from "../shared/limits.ts";
import type { AccountId } from "../shared/protocol/account.ts";
import type { Amount } from "../shared/protocol/amount.ts";
import { type SessionTerms, sessionTermsOf } from "../shared/protocol/session-terms.ts";
import { type Session, sessionId } from "../shared/protocol/session.ts";
import { FIRST_LANE, type Voucher, voucherDigest } from "../shared/protocol/voucher.ts";
import { checkShape } from "../shared/text/json.ts";
import { unixNow } from "../shared/time.ts";
import { decodeHeader, encodeHeader, PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_SIGNATURE } from "../shared/x402/headers.ts";
import { type PaymentRequirements, paymentRequiredSchema, settleResponseSchema } from "../shared/x402/x402.ts";
import { get, newPayer, offersOf, type Payer, randomId, signatureOf } from "./payments.ts";

/** A sixteenth of it, a lane's share, is more than a burst can spend. */
const DEPOSIT = "400000";
const LIFE_SECONDS = 3600;

export class BenchSession {
  readonly #url: string;
  readonly #offer: PaymentRequirements;
  readonly #agent = newPayer();
  readonly #session: Session;
  readonly #id: Digest;
  /** The lane that the next vouchers are for, and what was signed of each. One unit is one answer. */
  #lane = FIRST_LANE;
  readonly #signed = new Map<string, number>();

  private constructor(payer: Payer, url: string, offer: PaymentRequirements, terms: SessionTerms, deposit: Amount) {
    this.#url = url;
    this.#offer = offer;
    this.#session = newSession(payer, this.#agent, new URL(url).origin, offer, terms, deposit);
    this.#id = sessionId(this.#session);
  }

  static async open(payer: Payer, url: string, deposit = DEPOSIT): Promise<BenchSession> {
    const offer = (await offersOf(url)).find(({ scheme }) => scheme === BATCH_SETTLEMENT);
    const terms = offer && sessionTermsOf(offer);
    if (!offer || !terms) throw new Error(`${url} offers no session`);
    const session = new BenchSession(payer, url, offer, terms, deposit as Amount);
    const { publicKey } = payer;
    const proof = { channelConfig: session.#session, publicKey, signature: signatureOf(payer, session.#id) };
    await session.#send({ type: "deposit", ...proof, ...session.#voucher(FIRST_LANE) });
    return session;
  }

  /** Learns where the lane stands: since the last burst a lease may have ended, and an object that slept takes no number that it may have taken. */
  async ready(where: "isolate" | "object"): Promise<void> {
    if (where === "object") this.#signed.set(FIRST_LANE, (this.#signed.get(FIRST_LANE) ?? 0) + OWN_SERIALS_AHEAD);
    await this.#send(this.#voucherPayload(this.#laneOf(where)));
    if (where === "isolate" && this.#lane === FIRST_LANE) throw new Error("the merchant leased no lane");
  }

  /** A new request, paid by the next voucher of the leased lane, or of the merchant's object. */
  request(where: "isolate" | "object"): string {
    const payload = this.#voucherPayload(this.#laneOf(where));
    return get(this.#url, `${PAYMENT_SIGNATURE}: ${this.#header(payload)}\r\n`);
  }

  #laneOf(where: "isolate" | "object"): string {
    return where === "object" ? FIRST_LANE : this.#lane;
  }

  #voucherPayload(lane: string) {
    return { type: "voucher", from: this.#session.from, ...this.#voucher(lane) };
  }

  #voucher(lane: string) {
    const number = (this.#signed.get(lane) ?? 0) + 1;
    this.#signed.set(lane, number);
    const { binding } = (this.#offer.extra ?? {}) as { binding?: Digest };
    const sum = String(number);
    const voucher = { session: this.#id, lane, serial: sum, maxClaimableAmount: sum as Amount, ...(binding && { binding }) } as Voucher;
    return { voucher, voucherSignature: signatureOf(this.#agent, voucherDigest(voucher)) };
  }

  #header(payload: object): string {
    return encodeHeader({ x402Version: 2, accepted: this.#offer, payload });
  }

  /** Sends one payment, and goes to the lane that the answer names: after a correction once more. */
  async #send(payload: object, again = true): Promise<void> {
    const answer = await fetch(this.#url, { headers: { [PAYMENT_SIGNATURE]: this.#header(payload) } });
    const body = await answer.text();
    const lane = answer.ok ? receiptLane(answer) : correctionOf(answer, this.#offer)?.lane;
    if (lane && lane.id !== FIRST_LANE) this.#lane = lane.id;
    if (lane) this.#signed.set(lane.id, Math.max(this.#signed.get(lane.id) ?? 0, lane.afterSerial ?? 0));
    if (answer.ok) return;
    if (!lane || !again) throw new Error(`${this.#url}: ${answer.status} ${body}`);
    await this.#send(this.#voucherPayload(lane.id), false);
  }
}

function newSession(
  { account }: Payer,
  agent: Payer,
  origin: string,
  offer: PaymentRequirements,
  terms: SessionTerms,
  deposit: Amount,
): Session {
  const now = unixNow() - 1;
  return {
    version: "1",
    network: offer.network,
    asset: offer.asset,
    ledger: terms.ledger,
    from: account,
    to: offer.payTo as AccountId,
    signer: agent.publicKey,
    receiver: terms.receiver,
    deposit,
    validAfter: String(now),
    validBefore: String(now + LIFE_SECONDS),
    expiresAt: String(now + LIFE_SECONDS),
    withdrawDelay: String(terms.withdrawDelay),
    origin,
    nonce: randomId() as Digest,
  };
}

function receiptLane(answer: Response) {
  const receipt = decodeHeader(answer.headers.get(PAYMENT_RESPONSE) ?? "", settleResponseSchema);
  const extra = checkShape(receipt.ok ? receipt.value.extra : undefined, voucherReceiptExtraSchema);
  return extra.ok ? extra.value.lane : undefined;
}

function correctionOf(answer: Response, { scheme }: PaymentRequirements): Correction | undefined {
  const required = decodeHeader(answer.headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema);
  const offer = required.ok ? required.value.accepts.find((entry) => entry.scheme === scheme) : undefined;
  const correction = checkShape(offer?.extra, correctionSchema);
  return correction.ok ? correction.value : undefined;
}
