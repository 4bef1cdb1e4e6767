/** A voucher under the buyer's payment identifier: its answer is stored, and the same voucher under the same id fetches it again. */

import { randomDigest } from "../../../../shared/crypto/digest.ts";
import { HOLD_SECONDS } from "../../../../shared/limits.ts";
import type { AccountId } from "../../../../shared/protocol/account.ts";
import type { SignedVoucher } from "../../../../shared/protocol/voucher.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import { durableIdempotencyStore } from "../memory/durable.ts";
import { payloadKey } from "../presented-payment.ts";
import { refuseRequest } from "../responses.ts";
import { answerKey, identifierClaim, storedResponse } from "../serve/identified.ts";
import type { Charged, DurableNamespace, IdempotencyClaim, PaidRequest, ServeResult } from "../types.ts";

export class IdentifiedVoucher {
  readonly #request: PaidRequest;
  readonly #namespace: DurableNamespace;
  readonly #signed: SignedVoucher;
  readonly #id: string;
  #claim: IdempotencyClaim | undefined;

  constructor(request: PaidRequest, namespace: DurableNamespace, signed: SignedVoucher, id: string) {
    this.#request = request;
    this.#namespace = namespace;
    this.#signed = signed;
    this.#id = id;
  }

  /** Claims the id for this voucher. Only payers may: its signature was verified. @returns the stored answer, or a refusal */
  async claim(payer: AccountId): Promise<ServeResult | undefined> {
    const { c, presented } = this.#request;
    const { session: nonce } = this.#signed.voucher;
    const store = durableIdempotencyStore(this.#namespace, payer);
    const key = answerKey(c, this.#id);
    const lease = randomDigest();
    const claimed = await withTimeout(store.claim(key, payloadKey(presented), lease, HOLD_SECONDS));
    switch (claimed?.state) {
      case "granted":
        this.#claim = identifierClaim(this.#request, store, key, lease, { payer, nonce, reservationId: claimed.reservationId });
        return undefined;
      case "paid":
        return storedResponse(claimed.receipt, claimed.answer, true);
      case "stored": {
        // The run that stored it died before it said so. What it had not reported is lost to the merchant; the buyer has what it signed for.
        const receipt = this.#receiptOf(payer, claimed.reservation.charged);
        await withTimeout(store.paid(key, receipt));
        return { ...storedResponse(receipt, claimed.answer, false), charged: claimed.reservation.charged?.amount };
      }
      case "busy":
        return refuseRequest({ code: "payment_in_progress" });
      case "conflict":
        return refuseRequest({ code: "payment_identifier_conflict" });
      case "full":
        return refuseRequest({ code: "overloaded" });
      default: // no answer from the store
        return refuseRequest({ code: "facilitator_unavailable" });
    }
  }

  /** False: no copy is on disk, so the answer must not be charged. */
  async store(charged: Charged): Promise<boolean> {
    return (await this.#claim?.storeAnswer(charged).catch(() => undefined)) === true;
  }

  async markPaid(receipt: SettleResponse): Promise<void> {
    await this.#claim?.markPaid(receipt);
  }

  /** Nothing was delivered. A stored answer keeps the id. */
  async free(): Promise<void> {
    const claim = this.#claim;
    this.#claim = undefined;
    await claim?.free();
  }

  #receiptOf(payer: AccountId, charged: Charged | undefined): SettleResponse {
    const { session, lane, serial } = this.#signed.voucher;
    const { amount, network } = this.#request.presented.offer;
    const extra = { commitmentId: `${session}:${lane}:${serial}`, chargedAmount: charged?.amount ?? amount };
    return { success: true, payer, transaction: "", network, amount: "", extra };
  }
}
