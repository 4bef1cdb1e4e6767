/** The terms of a request: its challenge, signed if the merchant has a key. */

import type { Context } from "hono";
import {
  MAX_HEADER_BYTES,
  MAX_SIGNED_PART_BYTES,
  MAX_URL_LENGTH,
  NATIVE_KIND_SECONDS,
  NO_NATIVE_KIND_SECONDS,
} from "../../../../shared/limits.ts";
import { originOf } from "../../../../shared/protocol/origin.ts";
import { unixNow } from "../../../../shared/time.ts";
import type { PaymentRequirements } from "../../../../shared/x402/x402.ts";
import { facilitatorKey, facilitatorOf, flowOf, payeeOf, storesAnswers, warnOfMisspelling } from "../config.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import { traceOf } from "../log.ts";
import { canOpenDeliveries } from "../memory/durable.ts";
import { nativeAcceptor } from "../native-acceptor.ts";
import type { CheckedOptions } from "../options.ts";
import { requireRefunds } from "../refund-terms.ts";
import { type Acceptor, requireAcceptor } from "../session-acceptor.ts";
import type { Challenge, PaywallEnv, Refusal, Terms } from "../types.ts";
import { webhookSettings } from "../webhooks/settings.ts";
import { Challenges, checkChallengeSize } from "./challenge.ts";
import { quoteFor } from "./quote.ts";
import { type KnownLedger, SettlementLedger, settlementLedgerOf, unsettled } from "./settlement-ledger.ts";
import { signChallenge } from "./signed-terms.ts";
import { merchantSigner } from "./signer.ts";

export class RouteTerms {
  readonly #options: CheckedOptions;
  readonly #challenges: Challenges;
  readonly #asksAfresh: boolean;
  readonly #hasNativeOffers: boolean;
  /** The facilitator of the last request, and its ledger. */
  #facilitator: string | object | undefined;
  #settlementLedger = new SettlementLedger();
  #acceptor: Acceptor | undefined;

  /**
   * @param asksAfresh whether to ask facilitator and memory again, though another route of this isolate may know
   * @throws {TypeError} when PAYMENT-REQUIRED would be too large for every client
   */
  constructor(options: CheckedOptions, asksAfresh = false) {
    checkChallengeSize(options);
    this.#options = options;
    this.#asksAfresh = asksAfresh;
    this.#hasNativeOffers = options.offers.some(({ native }) => native);
    this.#challenges = new Challenges(options);
  }

  /**
   * What this request costs, or why it has no price.
   * @param accepted on a route by request: the terms as they would be if the seller's functions returned these. They are not asked
   * @throws {ConfigurationError} when one of them fails
   */
  async of(c: Context<PaywallEnv>, accepted?: PaymentRequirements): Promise<Terms | Refusal> {
    warnOfMisspelling(c.env, traceOf(c));
    if (c.req.url.length > MAX_URL_LENGTH) {
      return { code: "payload_too_large", detail: `the address is longer than ${MAX_URL_LENGTH} characters` };
    }
    const payTo = payeeOf(c, this.#options);
    webhookSettings(c.env); // throws if webhooks are wanted and cannot be sent
    if (this.#options.refunds) requireRefunds(c.env);
    if (this.#hasNativeOffers) nativeAcceptor()?.requireSetup(c.env, this.#options.memory !== undefined);
    this.#chooseFacilitator(c);
    const { known: asked } = this.#settlementLedger;
    const isFresh = asked !== undefined && !this.#isStale(asked);
    const [known, canOpen] =
      isFresh && this.#hasOpenedDeliveries(c)
        ? [asked, true]
        : await Promise.all([isFresh ? asked : this.#askLedger(c).then((said) => said ?? asked), this.#canOpenDeliveries(c)]);
    if (!known || !canOpen) return { code: "facilitator_unavailable" };
    const foreign = this.#options.offers.find(({ scheme, native }) => !native && !known.schemes.includes(scheme));
    if (foreign) throw unsettled(foreign.scheme);
    const acceptor = this.#options.offers.some(({ session }) => session) ? this.acceptor() : undefined;
    if (acceptor && !(await acceptor.canOpen(c))) return { code: "facilitator_unavailable" };
    const receiver = await acceptor?.receiver(c);
    const stores = storesAnswers(c, this.#options);
    const { ledger, refunds, natives } = known;
    const seller = { payTo, ledger, refunds, natives, storesAnswers: stores, flow: flowOf(c, this.#options), receiver };
    const challenge = await this.#challenges.of(c, seller, accepted && quoteFor(accepted, this.#options));
    if (!challenge) return { code: "payload_too_large" };
    if (challenge.offers.length === 0) return { code: "facilitator_unavailable" };
    const terms = await this.#signed(c, challenge, accepted !== undefined);
    // The buyer sends address, terms and extensions back in one header, beside what it signed. The official client repeats a signed offer.
    if (terms.challenge.header.length + MAX_SIGNED_PART_BYTES > MAX_HEADER_BYTES) {
      return { code: "payload_too_large", detail: "no payment for an address and terms of this length fits into a header" };
    }
    return terms;
  }

  /**
   * What accepts vouchers for this route.
   * @throws {ConfigurationError} if the Worker does not have it
   */
  acceptor(): Acceptor {
    this.#acceptor ??= requireAcceptor();
    return this.#acceptor;
  }

  /** Signs the terms, unless a payment claims them: those are not this merchant's to sign. */
  async #signed({ env: { RECEIPT_KEY } }: Context<PaywallEnv>, challenge: Challenge, isClaimed: boolean): Promise<Terms> {
    if (!RECEIPT_KEY) return { challenge };
    const signer = await merchantSigner(RECEIPT_KEY, originOf(challenge.required.resource.url));
    return { challenge: isClaimed ? challenge : await signChallenge(challenge, signer, this.#options.isByRequest), signer };
  }

  /** Asks the facilitator for its ledger again. True if it is another one than `offered`, so that the terms were stale. */
  async refreshLedger(c: Context<PaywallEnv>, offered: PaymentRequirements | undefined): Promise<boolean> {
    const known = await this.#askLedger(c);
    const native = known?.natives?.kinds.find(({ network }) => network === offered?.network);
    return known !== undefined && (native?.extra?.["ledger"] ?? known.ledger) !== offered?.extra?.["ledger"];
  }

  /** What a facilitator offers on the chain itself comes and goes with the chain. */
  #isStale({ natives, askedAt }: KnownLedger): boolean {
    if (!this.#hasNativeOffers) return false;
    return Math.abs(unixNow() - askedAt) > (natives ? NATIVE_KIND_SECONDS : NO_NATIVE_KIND_SECONDS);
  }

  /** The next request asks for the ledger again. */
  forgetLedger(): void {
    this.#settlementLedger.forget();
  }

  /** @throws {ConfigurationError} when this route has none that it can use */
  #chooseFacilitator(c: Context<PaywallEnv>): void {
    const facilitator = facilitatorKey(c, this.#options);
    if (facilitator !== undefined && facilitator === this.#facilitator) return;
    facilitatorOf(c, this.#options);
    this.#facilitator = facilitator;
    if (facilitator !== undefined && !this.#asksAfresh) this.#settlementLedger = settlementLedgerOf(facilitator);
  }

  async #askLedger(c: Context<PaywallEnv>): Promise<KnownLedger | undefined> {
    return this.#settlementLedger.ask(facilitatorOf(c, this.#options), traceOf(c));
  }

  /** Whether there is nothing to ask: no object, or one that has answered. */
  #hasOpenedDeliveries({ env: { DELIVERIES } }: Context<PaywallEnv>): boolean {
    return !DELIVERIES || (openDeliveries.has(DELIVERIES) && !this.#asksAfresh);
  }

  /** Offers nothing for sale that the merchant could not remember. An object that does not answer is not a refusal. */
  async #canOpenDeliveries(c: Context<PaywallEnv>): Promise<boolean> {
    const { DELIVERIES } = c.env;
    if (!DELIVERIES || this.#hasOpenedDeliveries(c)) return true;
    if ((await withTimeout(canOpenDeliveries(DELIVERIES))) === false) return false;
    openDeliveries.add(DELIVERIES);
    return true;
  }
}

/** Asked once per isolate, unless the answer was no: another deployment may change that. */
const openDeliveries = new WeakSet<object>();
