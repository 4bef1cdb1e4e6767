/** Our verification and settlement of `upto` behind the official facilitator's interface. */

import { LezScheme } from "../../exact/facilitator/scheme.ts";
import { UPTO } from "../../lez.ts";
import type { Facilitator } from "../../settlement/facilitator.ts";

export class UptoLezScheme extends LezScheme {
  constructor(facilitator: Facilitator) {
    super(UPTO, facilitator);
  }
}
