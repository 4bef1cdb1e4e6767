/**
 * The payer's side: from an offer to a signed payment. Types of the official client, none of its code.
 * Each call signs a fresh nonce, so each call's payment can be settled once: present one again rather than make another.
 */

import type { DefaultAsset, PaymentPayloadResult, PaymentRequirements, SchemeNetworkClient } from "@x402/core/types";
import { type Digest, randomDigest } from "../../crypto/digest.ts";
import { type ErrorCode, ERRORS } from "../../errors.ts";
import { ASSET, ASSET_DECIMALS, ASSET_SYMBOL, NETWORK, SCHEME, type Scheme, UPTO, X402_VERSION } from "../../lez.ts";
import { MAX_VALIDITY_SECONDS } from "../../limits.ts";
import type { AccountId } from "../../protocol/account.ts";
import { type Authorization, authorizationDigest, authorizationSchema } from "../../protocol/authorization.ts";
import type { ExactPayload } from "../../protocol/exact-payload.ts";
import { checkShape } from "../../text/json.ts";
import { unixNow } from "../../time.ts";
import { paymentRequirementsSchema } from "../../x402/x402.ts";
import { checkAuthorization, type VerifyContext, verifyPayment } from "../verify.ts";
import type { LezSigner } from "./signer.ts";

/** No payment was made: this mechanism does not pay such an offer, a mandate does not cover it, or the signature is late or wrong. */
export class PaymentRefused extends Error {
  override name = "PaymentRefused";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, detail: string = ERRORS[code].message) {
    super(`${code}: ${detail}`);
    this.code = code;
  }
}

/** Pays offers of one scheme. */
export class LezScheme implements SchemeNetworkClient {
  readonly scheme: Scheme;
  readonly #signer: LezSigner;
  readonly #clock: () => number;

  /**
   * @param clock unix seconds
   * @throws {TypeError} for a signer with a mandate
   */
  constructor(scheme: Scheme, signer: LezSigner, clock: () => number = unixNow) {
    refuseMandate(signer);
    this.scheme = scheme;
    this.#signer = signer;
    this.#clock = clock;
  }

  findDefaultAsset(asset: string, network: string): DefaultAsset | undefined {
    return defaultAssetOf(asset, network);
  }

  /** @throws {PaymentRefused}, and whatever the signer throws, OwnerDeclined for one */
  async createPaymentPayload(x402Version: number, requirements: PaymentRequirements): Promise<PaymentPayloadResult> {
    if (x402Version !== X402_VERSION) throw new PaymentRefused("invalid_x402_version");
    const authorization = authorize(this.scheme, requirements, this.#signer.account, this.#clock());
    const signature = await this.#signer.sign(authorizationDigest(authorization), authorization);
    const payload: ExactPayload = { authorization, publicKey: this.#signer.publicKey, signature };

    // Verified as the facilitator will: an owner may have answered after the window, and signers are other people's code.
    const made = { x402Version: X402_VERSION, accepted: requirements, payload };
    const verified = await verifyPayment(made, requirements, contextOf(authorization, this.#clock()), this.scheme);
    if (!verified.ok) throw new PaymentRefused(verified.code, verified.detail);
    return { x402Version: X402_VERSION, payload };
  }
}

export class ExactLezScheme extends LezScheme {
  /**
   * @param clock unix seconds
   * @throws {TypeError} for a signer with a mandate
   */
  constructor(signer: LezSigner, clock?: () => number) {
    super(SCHEME, signer, clock);
  }
}

/** A scheme is not told which address is fetched, and a 402 may name any: it cannot keep to a mandate's origins. */
export function refuseMandate({ mandate }: { mandate?: unknown }): void {
  if (mandate !== undefined) throw new TypeError("a mandate pays through mandateFetch alone, which knows the address that is fetched");
}

/**
 * Without an answer here the official client pays nothing at all. Its default cap of "$1" per payment is 1 LGO, as
 * if the two were worth the same: there is no oracle. Set `spendControls` to decide otherwise.
 */
export function defaultAssetOf(asset: string, network: string): DefaultAsset | undefined {
  if (asset !== ASSET || network !== NETWORK) return undefined;
  return { asset: ASSET, decimals: ASSET_DECIMALS, symbol: ASSET_SYMBOL };
}

/**
 * What will be signed. `extra.binding` and `extra.ledger` are signed as they are: only the merchant knows what it bound,
 * and only the facilitator which ledger it serves.
 */
function authorize(scheme: Scheme, requirements: PaymentRequirements, from: AccountId, now: number): Authorization {
  const asked = checkShape(requirements, paymentRequirementsSchema);
  if (!asked.ok) throw new PaymentRefused(asked.code, asked.problem);
  const { network, asset, payTo, amount, maxTimeoutSeconds } = asked.value;
  const { binding, ledger } = asked.value.extra ?? {};
  const shaped = checkShape(
    {
      network,
      asset,
      from,
      to: payTo,
      value: amount,
      validAfter: String(now),
      validBefore: String(now + Math.floor(Math.min(maxTimeoutSeconds, MAX_VALIDITY_SECONDS))),
      nonce: randomDigest(),
      ...(isPresent(binding) && { binding }),
      ...(isPresent(ledger) && { ledger }),
      ...(scheme === UPTO && { scheme }),
    },
    authorizationSchema,
  );
  if (!shaped.ok) throw new PaymentRefused(shaped.code, shaped.problem);
  const code = checkAuthorization(shaped.value, asked.value, asked.value, contextOf(shaped.value, now), scheme);
  if (code) throw new PaymentRefused(code);
  return shaped.value;
}

/** For the payer the right ledger is the one that the offer names; where it names none, none is compared. */
function contextOf(authorization: Authorization, now: number): VerifyContext {
  return { now, ledger: authorization.ledger ?? ("" as Digest) };
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}
