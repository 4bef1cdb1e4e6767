/**
 * The payer's side: opens a session with one merchant, and signs a voucher for each request. Types of the official client, none of its
 * code. What it knows lives as long as the process, or in a store.
 */

import type { DefaultAsset, PaymentPayloadResult, PaymentRequirements, SchemeClientHooks, SchemeNetworkClient } from "@x402/core/types";
import { type Digest, randomDigest } from "../../crypto/digest.ts";
import { defaultAssetOf, PaymentRefused } from "../../exact/client/scheme.ts";
import { ASSET, BATCH_SETTLEMENT, NETWORK, X402_VERSION } from "../../lez.ts";
import { MAX_VALIDITY_SECONDS } from "../../limits.ts";
import { isAmount } from "../../protocol/amount.ts";
import { supportsExtra } from "../../protocol/offer.ts";
import { type SessionTerms, sessionTermsOf } from "../../protocol/session-terms.ts";
import { type Session, sessionId, sessionSchema, type SignedSession } from "../../protocol/session.ts";
import type { WalletSigner } from "../../protocol/signer.ts";
import { checkShape } from "../../text/json.ts";
import { unixNow } from "../../time.ts";
import { paymentRequirementsSchema, type SettleResponse } from "../../x402/x402.ts";
import type { ClientSessionStore } from "./session-store.ts";
import { ClientSessions } from "./sessions.ts";

/** Signs for the account that pays: once for each session, which sets the whole deposit aside. A WalletSigner is one. */
export interface SessionSigner extends Pick<WalletSigner, "publicKey" | "account"> {
  /** @param digest of `session` */
  sign(digest: Digest, session: Session): Promise<string>;
}

export interface BatchSettlementConfig {
  signer: SessionSigner;
  /** Signs the vouchers. Not the signer's key: it spends the deposit of its sessions, and nothing else. */
  agentKey: WalletSigner;
  /** The one merchant that is paid by sessions. A scheme is not told which address is fetched, and a 402 may name any. */
  session: {
    /** As in `https://merchant.example.com`. */
    origin: string;
    /** The merchant's account. */
    payTo: string;
    /** Atomic units to set aside in one session. */
    deposit: string;
    /** How long one session lasts. */
    seconds: number;
    /** The most that may hold a deposit at once; default 1. */
    open?: number;
  };
  /** Where its sessions are kept beyond this process. Absent: after a restart it opens another one. */
  store?: ClientSessionStore;
  /** Unix seconds. */
  clock?: () => number;
}

export class BatchSettlementLezScheme implements SchemeNetworkClient {
  readonly scheme = BATCH_SETTLEMENT;
  readonly schemeHooks: SchemeClientHooks;
  readonly #config: BatchSettlementConfig;
  readonly #sessions: ClientSessions;

  /** @throws {TypeError} if the deposit is no amount, or the agent's key is the signer's */
  constructor(config: BatchSettlementConfig) {
    if (!isAmount(config.session.deposit)) throw new TypeError("session.deposit: must be atomic units as a decimal string");
    if (config.agentKey.publicKey === config.signer.publicKey) throw new TypeError("agentKey: must be another key than the signer's");
    const { agentKey, signer, session, store, clock = unixNow } = config;
    const { origin, payTo, deposit, open = 1 } = session;
    this.#config = config;
    this.#sessions = new ClientSessions({ agentKey, account: signer.account, origin, payTo, deposit, open, store, clock });
    this.schemeHooks = { onPaymentResponse: (context) => this.#sessions.answered(context) };
  }

  findDefaultAsset(asset: string, network: string): DefaultAsset | undefined {
    return defaultAssetOf(asset, network);
  }

  /** @throws {PaymentRefused} for another merchant's offer, and when every session that may be open is used up */
  async createPaymentPayload(x402Version: number, requirements: PaymentRequirements): Promise<PaymentPayloadResult> {
    if (x402Version !== X402_VERSION) throw new PaymentRefused("invalid_x402_version");
    const terms = sessionTermsFor(requirements, this.#config.session.payTo);
    const payload = await this.#sessions.pay(requirements, terms, (terms, now) => this.#sign(terms, requirements, now));
    return { x402Version: X402_VERSION, payload };
  }

  /**
   * Reads an answer of a metered route, which is charged while it flows: the goods without the events about their payment.
   * Any other answer comes back as it is. A stream that is not read to its end may have cost all of its amount, until a correction says otherwise.
   * @returns `receipt`: once the stream has ended, what it cost; undefined if it broke off before that, or says what cannot be true
   */
  metered(response: Response): { response: Response; receipt: Promise<SettleResponse | undefined> } {
    return this.#sessions.metered(response);
  }

  async #sign(terms: SessionTerms, { payTo, maxTimeoutSeconds }: PaymentRequirements, now: number): Promise<SignedSession> {
    const { signer, agentKey, session: wanted } = this.#config;
    const expiresAt = now + Math.min(wanted.seconds, terms.maxSessionSeconds);
    const shaped = checkShape(
      {
        version: "1",
        network: NETWORK,
        asset: ASSET,
        ledger: terms.ledger,
        from: signer.account,
        to: payTo,
        signer: agentKey.publicKey,
        receiver: terms.receiver,
        deposit: wanted.deposit,
        validAfter: String(now),
        validBefore: String(Math.min(now + Math.floor(Math.min(maxTimeoutSeconds, MAX_VALIDITY_SECONDS)), expiresAt)),
        expiresAt: String(expiresAt),
        withdrawDelay: String(terms.withdrawDelay),
        origin: wanted.origin,
        nonce: randomDigest(),
      },
      sessionSchema,
    );
    if (!shaped.ok) throw new PaymentRefused(shaped.code, shaped.problem);
    const { value: session } = shaped;
    const signature = await signer.sign(sessionId(session), session);
    return { channelConfig: session, publicKey: signer.publicKey, signature };
  }
}

/** What an offer asks of a session. @throws {PaymentRefused} for another payee's, and for one that no session pays */
export function sessionTermsFor(requirements: PaymentRequirements, payTo: string): SessionTerms {
  const asked = checkShape(requirements, paymentRequirementsSchema);
  if (!asked.ok) throw new PaymentRefused(asked.code, asked.problem);
  if (asked.value.network !== NETWORK) throw new PaymentRefused("invalid_network");
  if (asked.value.asset !== ASSET) throw new PaymentRefused("asset_mismatch");
  if (asked.value.payTo !== payTo) throw new PaymentRefused("recipient_mismatch");
  const terms = supportsExtra(asked.value) ? sessionTermsOf(asked.value) : undefined;
  if (!terms || !isAmount(asked.value.amount)) throw new PaymentRefused("unsupported_extra");
  return terms;
}
