/** Signed payments by the thousand. Signing is node:crypto's: it is fast, and it is not what is measured. */
import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { type AccountId, accountOfKey } from "../shared/account.ts";
import { type Authorization, authorizationDigest } from "../shared/authorization.ts";
import { bytesToHex, hexToBytes } from "../shared/bytes.ts";
import type { Digest } from "../shared/digest.ts";
import { encodeHeader } from "../shared/headers.ts";
import { unixNow } from "../shared/time.ts";
import type { PaymentRequirements } from "../shared/x402.ts";

export interface Payer {
  account: AccountId;
  publicKey: string;
  key: KeyObject;
}

export function newPayer(): Payer {
  const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), randomBytes(32)]);
  const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
  return { account: accountOfKey(publicKey), publicKey: bytesToHex(publicKey), key };
}

/** One payment for `offer`, as the header carries it. Every one is new. */
export function paymentHeader(payer: Payer, offer: PaymentRequirements): string {
  const now = unixNow();
  const { binding, ledger } = (offer.extra ?? {}) as { binding?: Digest; ledger?: Digest };
  const authorization = {
    network: offer.network,
    asset: offer.asset,
    from: payer.account,
    to: offer.payTo,
    value: offer.amount,
    validAfter: String(now - 5),
    validBefore: String(now + offer.maxTimeoutSeconds - 5),
    nonce: bytesToHex(randomBytes(32)),
    ...(binding && { binding }),
    ...(ledger && { ledger }),
  } as Authorization;
  const signature = sign(null, hexToBytes(authorizationDigest(authorization)), payer.key).toString("hex");
  return encodeHeader({ x402Version: 2, accepted: offer, payload: { authorization, publicKey: payer.publicKey, signature } });
}
