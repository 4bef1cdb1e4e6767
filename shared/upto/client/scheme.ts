/** The payer's side of `upto`: signs the offer's amount as the most that may be charged. */

import { LezScheme } from "../../exact/client/scheme.ts";
import type { LezSigner } from "../../exact/client/signer.ts";
import { UPTO } from "../../lez.ts";

export class UptoLezScheme extends LezScheme {
  /**
   * @param clock unix seconds
   * @throws {TypeError} for a signer with a mandate
   */
  constructor(signer: LezSigner, clock?: () => number) {
    super(UPTO, signer, clock);
  }
}
