/** Our verification of deposits, and settlement of deposits and claims, behind the official facilitator's interface. */

import { LezScheme } from "../../exact/facilitator/scheme.ts";
import { BATCH_SETTLEMENT } from "../../lez.ts";
import type { Facilitator } from "../../settlement/facilitator.ts";

export class BatchSettlementLezScheme extends LezScheme {
  constructor(facilitator: Facilitator) {
    super(BATCH_SETTLEMENT, facilitator);
  }
}
