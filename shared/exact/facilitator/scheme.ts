/** Our verification and settlement behind the official facilitator's interface. Contains none of its code. */

import type { PaymentPayload, PaymentRequirements, SchemeNetworkFacilitator, SettleResponse, VerifyResponse } from "@x402/core/types";
import { randomDigest } from "../../crypto/digest.ts";
import { type BATCH_SETTLEMENT, SCHEME, type Scheme } from "../../lez.ts";
import { BackendUnavailable, type Facilitator } from "../../settlement/facilitator.ts";

/** Settles payments of one scheme. */
export class LezScheme implements SchemeNetworkFacilitator {
  readonly scheme: Scheme | typeof BATCH_SETTLEMENT;
  readonly caipFamily = "logos:*";
  readonly #facilitator: Facilitator;

  constructor(scheme: Scheme | typeof BATCH_SETTLEMENT, facilitator: Facilitator) {
    this.scheme = scheme;
    this.#facilitator = facilitator;
  }

  /** The ledger that settles, for offers to name. */
  getExtra(network: string): Record<string, unknown> | undefined {
    return this.#facilitator.supported().kinds.find((kind) => kind.network === network)?.extra;
  }

  /** Only the payer signs in this mechanism. */
  getSigners(): string[] {
    return [];
  }

  async verify(paymentPayload: PaymentPayload, paymentRequirements: PaymentRequirements): Promise<VerifyResponse> {
    try {
      return await this.#facilitator.verify({ paymentPayload, paymentRequirements });
    } catch (error) {
      if (!(error instanceof BackendUnavailable)) throw error;
      // The official server shows an exception's text to buyers; a code says as much.
      return { isValid: false, invalidReason: error.overloaded ? "overloaded" : "facilitator_unavailable" };
    }
  }

  /** A backend that does not answer is `settlement_pending`; asking again tells, once, how it ended. */
  settle(paymentPayload: PaymentPayload, paymentRequirements: PaymentRequirements): Promise<SettleResponse> {
    return this.#facilitator.settle({ payment: { paymentPayload, paymentRequirements }, settlementId: randomDigest() });
  }
}

export class ExactLezScheme extends LezScheme {
  constructor(facilitator: Facilitator) {
    super(SCHEME, facilitator);
  }
}
