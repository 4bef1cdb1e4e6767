/** The merchant's side where a payment is a transfer on the chain itself. Types of the official server, none of its code. */

import type { AssetAmount, PaymentRequirements, Price, SchemeNetworkServer, SupportedKind } from "@x402/core/types";
import * as z from "zod/mini";
import { ASSET, ASSET_DECIMALS, NATIVE_NETWORKS, SCHEME } from "../../lez.ts";
import { isAmount } from "../../protocol/amount.ts";
import { checkShape } from "../../text/json.ts";
import { isLezAccountId, isSystemAccount } from "../../zone/account.ts";
import { finalitySchema, leptaSchema, nativeKindSchema } from "../../zone/kind.ts";
import { nativeOfferExtra } from "../../zone/offer-extra.ts";
import { TRANSFER_METHOD } from "../../zone/terms.ts";

const choiceSchema = z.looseObject({
  finality: z.optional(finalitySchema),
  maxFee: z.optional(leptaSchema),
  statement: z.optional(z.enum(["required", "optional"])),
});

/**
 * Sells on `lez:testnet` and `lez:devnet`. The flow is `upfront` alone. A block takes up to a minute, so a first settlement is often answered
 * `settlement_pending`, and the buyer presents the same payment again.
 */
export class ExactNativeLezScheme implements SchemeNetworkServer {
  readonly scheme = SCHEME;
  readonly defaultAssetTransferMethod = TRANSFER_METHOD;
  readonly paymentFlows = { [TRANSFER_METHOD]: { supported: ["upfront" as const], default: "upfront" as const } };

  /**
   * Lepta of the native asset. There is no exchange rate, so nothing else can be a price.
   * @throws {TypeError} for "$0.01", 0.01, another asset or another network
   */
  async parsePrice(price: Price, network: string): Promise<AssetAmount> {
    if (!isHere(network)) throw new TypeError(`a transfer on LEZ settles on ${NATIVE_NETWORKS.join(" or ")}, not on ${network}`);
    if (typeof price !== "object" || price === null || price.asset !== ASSET || !isAmount(price.amount)) {
      throw new TypeError(`the price ${JSON.stringify(price)} has no exchange rate: give { asset: "${ASSET}", amount: "<lepta>" }`);
    }
    return price;
  }

  getAssetDecimals(asset: string, network: string): number | undefined {
    return asset === ASSET && isHere(network) ? ASSET_DECIMALS : undefined;
  }

  /**
   * Copies the facilitator's terms. `finality`, `maxFee` and `statement` of the option's `extra` are the seller's choice, and `binding` is
   * its own for a fixed URL: the official server does not say here which request it makes the offer for.
   * @throws {TypeError} if the payee is no account of a LEZ key, or the facilitator does not do what is chosen
   */
  async enhancePaymentRequirements(requirements: PaymentRequirements, kind: SupportedKind): Promise<PaymentRequirements> {
    const { payTo, amount, extra } = requirements;
    if (!isLezAccountId(payTo) || isSystemAccount(payTo)) {
      throw new TypeError(`payTo must be an account of a LEZ key, not ${JSON.stringify(payTo)}`);
    }
    const choice = checkShape(extra, choiceSchema);
    if (!choice.ok) throw new TypeError(`extra.${choice.problem}`);
    const offered = checkShape(kind.extra, nativeKindSchema);
    const made = offered.ok ? nativeOfferExtra(offered.value, choice.value, BigInt(amount)) : offered;
    if (!made.ok) throw new TypeError(made.problem);
    return { ...requirements, extra: { ...extra, ...made.value } };
  }

  /** A problem for the start-up report, or undefined. */
  validateFacilitatorSupport(_network: string, kind: SupportedKind): string | undefined {
    const offered = checkShape(kind.extra, nativeKindSchema);
    return offered.ok ? undefined : `the facilitator's kinds[].extra: ${offered.problem}`;
  }
}

function isHere(network: string): boolean {
  return NATIVE_NETWORKS.some((name) => name === network);
}
