/** The merchant's side: prices and offers. Types of the official server, none of its code. */

import type { AssetAmount, PaymentRequirements, Price, SchemeNetworkServer, SupportedKind } from "@x402/core/types";
import { digestSchema } from "../../crypto/digest.ts";
import { ASSET, ASSET_DECIMALS, type BATCH_SETTLEMENT, NETWORK, SCHEME, type Scheme } from "../../lez.ts";
import { isAccountId } from "../../protocol/account.ts";
import { isAmount } from "../../protocol/amount.ts";

type PaymentFlow = "authorization" | "upfront";

/** The official server's word for "no transfer method on the wire". */
const NO_TRANSFER_METHOD = "default";

/** Sells by one scheme. */
export class LezScheme implements SchemeNetworkServer {
  readonly scheme: Scheme | typeof BATCH_SETTLEMENT;
  readonly defaultAssetTransferMethod = NO_TRANSFER_METHOD;
  readonly paymentFlows: { readonly [NO_TRANSFER_METHOD]: { supported: PaymentFlow[]; default: PaymentFlow } };

  /** @param flows that a route may ask for with `extra: { paymentFlow }` in its payment option; the first is the default */
  constructor(scheme: Scheme | typeof BATCH_SETTLEMENT, flows: [PaymentFlow, ...PaymentFlow[]]) {
    this.scheme = scheme;
    this.paymentFlows = { [NO_TRANSFER_METHOD]: { supported: flows, default: flows[0] } };
  }

  /**
   * Atomic units of the native asset. There is no exchange rate, so nothing else can be a price.
   * @throws {TypeError} for "$0.01", 0.01, another asset or another network
   */
  async parsePrice(price: Price, network: string): Promise<AssetAmount> {
    if (network !== NETWORK) throw new TypeError(`${this.scheme} on LEZ settles on ${NETWORK}, not on ${network}`);
    if (typeof price !== "object" || price === null || price.asset !== ASSET || !isAmount(price.amount)) {
      throw new TypeError(
        `the price ${JSON.stringify(price)} has no exchange rate on ${NETWORK}: give { asset: "${ASSET}", amount: "<atomic units>" }`,
      );
    }
    return price;
  }

  getAssetDecimals(asset: string, network: string): number | undefined {
    return asset === ASSET && network === NETWORK ? ASSET_DECIMALS : undefined;
  }

  /**
   * Adds the facilitator's ledger to the offer, unless the seller pinned one. No binding: the official server does not
   * say here which request it makes the offer for. For a fixed URL a seller can put one into the option's `extra`.
   * @throws {TypeError} if the payee is no account
   */
  async enhancePaymentRequirements(requirements: PaymentRequirements, kind: SupportedKind): Promise<PaymentRequirements> {
    if (!isAccountId(requirements.payTo)) throw new TypeError(`payTo must be a LEZ account, not ${JSON.stringify(requirements.payTo)}`);
    return { ...requirements, extra: { ledger: kind.extra?.["ledger"], ...requirements.extra } };
  }

  /** A problem for the start-up report, or undefined. */
  validateFacilitatorSupport(_network: string, kind: SupportedKind): string | undefined {
    if (digestSchema.safeParse(kind.extra?.["ledger"]).success) return undefined;
    return "the facilitator does not say in kinds[].extra.ledger which ledger it settles on";
  }
}

export class ExactLezScheme extends LezScheme {
  constructor() {
    super(SCHEME, ["authorization", "upfront"]);
  }
}
