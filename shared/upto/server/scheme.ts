/** The merchant's side of `upto`: the price is the most that is charged. The official middleware takes the charge from `setSettlementOverrides`. */

import type { PaymentRequirements, SupportedKind } from "@x402/core/types";
import { LezScheme } from "../../exact/server/scheme.ts";
import { UPTO } from "../../lez.ts";
import { isUnitPrice } from "../../protocol/usage.ts";

export class UptoLezScheme extends LezScheme {
  constructor() {
    super(UPTO, ["authorization"]);
  }

  /** @throws {TypeError} if the payee is no account, or `unit` and `unitPrice` in the option's `extra` are not both there and well-formed */
  override async enhancePaymentRequirements(requirements: PaymentRequirements, kind: SupportedKind): Promise<PaymentRequirements> {
    if (!isUnitPrice(requirements.extra)) throw new TypeError("extra: unit and unitPrice belong together, a name and atomic units for one");
    return super.enhancePaymentRequirements(requirements, kind);
  }
}
