/** Who signs for the payer: a key at once, or a key after its owner has said yes. */

import type { Digest } from "../../crypto/digest.ts";
import type { Authorization } from "../../protocol/authorization.ts";
import type { WalletSigner } from "../../protocol/signer.ts";

/** A WalletSigner is one. */
export interface LezSigner extends Pick<WalletSigner, "publicKey" | "account"> {
  /**
   * The signature over `digest` in 128 hex digits. May take as long as a person takes; rejects when the person says no.
   * @param digest of `authorization`
   */
  sign(digest: Digest, authorization: Authorization): Promise<string>;
  /** A mandate pays through `mandateFetch` alone. `ExactLezScheme` throws. */
  mandate?: never;
}

/** The owner read what would be paid, and said no. Nothing was signed. */
export class OwnerDeclined extends Error {
  override name = "OwnerDeclined";
}

/**
 * A signer that asks before each signature. x402's client does not say for which URL it pays, so the owner sees the
 * payment only: account, amount, binding. For a reason and the request on a screen, ask with a PaymentRequest.
 * @param approve shows the payment to its owner; whatever it throws refuses the payment too
 */
export function askFirst(wallet: WalletSigner, approve: (payment: Authorization) => Promise<boolean>): LezSigner {
  return {
    publicKey: wallet.publicKey,
    account: wallet.account,
    async sign(digest, authorization) {
      // A copy: the code that is asked cannot change what is signed afterwards.
      if (!(await approve({ ...authorization }))) throw new OwnerDeclined("the owner declined the payment");
      return wallet.sign(digest);
    },
  };
}
