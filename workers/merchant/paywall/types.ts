/** The shapes that the paywall's rooms share: the Worker's bindings, the terms, the payment, who settles it, what is remembered. */

import type { Context, Next } from "hono";
import type { JWK } from "jose";
import type { ClaimPayload } from "../../../shared/batch-settlement/payload.ts";
import type { Digest } from "../../../shared/crypto/digest.ts";
import type { ErrorCode } from "../../../shared/errors.ts";
import type { OfferPayload, ReceiptPayload, SignedJws } from "../../../shared/extensions/offer-receipt.ts";
import type { LogEvent } from "../../../shared/log.ts";
import type { MetricsDataset } from "../../../shared/metrics.ts";
import type { AccountId } from "../../../shared/protocol/account.ts";
import type { Charge } from "../../../shared/protocol/amount.ts";
import type { BoundRequest } from "../../../shared/protocol/binding.ts";
import type { SignedRead } from "../../../shared/protocol/books-access.ts";
import type { ExactPayload } from "../../../shared/protocol/exact-payload.ts";
import type { SessionName } from "../../../shared/protocol/ledger-session.ts";
import type { SignedRefund } from "../../../shared/protocol/refund.ts";
import type { PaymentRefusal } from "../../../shared/protocol/refusal.ts";
import type { Usage, UsageLine } from "../../../shared/protocol/usage.ts";
import type { SignedWithdrawal } from "../../../shared/protocol/withdrawal.ts";
import type {
  ClaimResult,
  CreditResult,
  OpenResult,
  RefundResult,
  ReleaseResult,
  ReserveResult,
  SessionStatus,
  SettleResult,
  WithdrawResult,
} from "../../../shared/settlement/backend.ts";
import type {
  CaptureCommand,
  CreditQuery,
  ReleaseCommand,
  Reservation,
  ReserveCommand,
  SettleCommand,
  UnverifiedPayment,
} from "../../../shared/settlement/commands.ts";
import type { Settlement } from "../../../shared/settlement/facilitator.ts";
import type { PaymentPayload, PaymentRequired, PaymentRequirements, SettleResponse, SupportedResponse } from "../../../shared/x402/x402.ts";
import type { Finality } from "../../../shared/zone/lane-row.ts";

/** The Worker's bindings that a paywall falls back on. */
export interface PaywallBindings {
  /** Our facilitator, by service binding. */
  FACILITATOR?: FacilitatorRpc;
  /** Any x402 facilitator, by URL, in place of the binding. Needs `DELIVERIES`. */
  FACILITATOR_URL?: string;
  /** Secret: the bearer key for `FACILITATOR_URL`. It is sent to that origin only. */
  FACILITATOR_KEY?: string;
  /** The merchant's memory: the Durable Object `Deliveries`. */
  DELIVERIES?: DurableNamespace;
  /** Sends webhooks: the Durable Object `Webhooks`. */
  WEBHOOKS?: DurableNamespace;
  /** The seller's receiver: a public https address. Without it no webhook is sent. */
  WEBHOOK_URL?: string;
  /** Secret: `whsec_` and the base64 of 24 to 64 bytes; two with a space between while one replaces the other. */
  WEBHOOK_SECRET?: string;
  /** `on`: `WEBHOOK_URL` may be on this machine. For development. */
  WEBHOOK_LOOPBACK?: string;
  /** Secret: SHA-256 of the bearer key for `paywallWebhooks()`. Absent: no caller has it. */
  OPERATOR_KEY_SHA256?: string;
  /** Secret: the password of `sellerPage()`. Absent: it shows nothing. */
  SELLER_KEY?: string;
  /** Secret: what `books grant --new-key` wrote, so that `sellerPage()` reads the account's journal where books are keyed. */
  SELLER_ACCESS?: string;
  /** Accepts and claims payments in sessions: the Durable Object `Sessions`. */
  SESSIONS?: SessionsNamespace;
  /** Secret: an Ed25519 seed in hex. It signs offers and receipts. Mount `merchantIdentity()` as well. */
  RECEIPT_KEY?: string;
  /** Secret: the mandate for refunds that `refund grant` wrote, as JSON. With it, and `RECEIPT_KEY`, the merchant gives payments back. */
  REFUND_MANDATE?: string;
  /** Secret: the RECEIPT_KEY of before, until the last session has ended that names its key. */
  RECEIPT_KEY_BEFORE?: string;
  /** Former public keys in hex, separated by spaces. They are published beside the new one until buyers know it. */
  RETIRED_RECEIPT_KEYS?: string;
  PAY_TO?: string;
  /** Counts sales and refusals in an Analytics Engine dataset. */
  PAYMENT_METRICS?: MetricsDataset;
  /** The origin that buyers see, where it differs from the one the request arrives with. */
  PUBLIC_ORIGIN?: string;
}

/** What the paywall passes to the handler in `c.get("payment")`. */
export interface PaymentContext {
  /** The same for every run of a handler for one payment. Use it to make side effects idempotent. */
  id: string;
  payer: string;
  /** Of the offer that was paid: `exact`, `upto` or `batch-settlement`. */
  scheme: string;
  /** Atomic units. Of `upto` and in a session: the most that can be charged. */
  amount: string;
  /**
   * Says what this payment of scheme `upto`, or in a session, costs, once, before the answer is returned. Without a call it costs all of `amount`.
   * A run for a payment that was charged earlier charges nothing.
   *
   * On a `metered` route: charges a part, as often as there is one, also while the answer flows. Without a call it costs nothing in a session.
   * A buyer that pays otherwise has paid all of `amount`, and no part is added.
   *
   * @example c.get("payment").charge("1858", [{ unit: "token", quantity: "929", price: "2" }]);
   * @param sum atomic units, at most `amount`; "0" if nothing was used
   * @param usage what was used, in the receipt: quantity × price, added up, is the sum. Needed if the offer names a `unitPrice`
   * @throws {ConfigurationError} for any other sum or usage. The buyer then pays nothing, and the answer is a 500
   */
  charge: (sum: string, usage?: readonly UsageLine[]) => void;
  /** Of scheme `upto`, once the money has moved: what was charged. */
  charged?: string | undefined;
  /** Which of the route's `offers` was paid: its place in the list. 0 on a route with one price. */
  offer: number;
  /** The buyer has had this answer before, or a part of it, and pays nothing for it now. */
  redelivery: boolean;
  /** Aborts when the handler has run out of time and its answer will not be sent. On a `metered` route also when the buyer is gone. */
  signal: AbortSignal;
}

export interface PaywallEnv {
  Bindings: PaywallBindings;
  Variables: { payment: PaymentContext; traceId: string };
}

/** Behind a paywall with `exempt`. */
export interface ExemptingEnv {
  Bindings: PaywallBindings;
  Variables: { payment: PaymentContext | undefined; traceId: string };
}

/** The bindings `DELIVERIES` and `WEBHOOKS`. Loose, so that a seller's own Durable Object types fit. */
export interface DurableNamespace {
  getByName(name: string): unknown;
}

/** The binding `SESSIONS`, as loose. */
export interface SessionsNamespace extends DurableNamespace {
  idFromName(name: string): { toString(): string };
}

/** The terms of one request, with their encodings. */
export interface Challenge {
  /** The request that it prices. */
  request: BoundRequest;
  /** What the merchant asks for this request: the entries of `accepts` without their descriptions, which a payment need not echo. */
  offers: readonly PaymentRequirements[];
  /** The place of each in the seller's own list: a session stands beside the offer that it pays for. */
  places: readonly number[];
  required: PaymentRequired;
  /** The extensions that a client must echo. A signed offer is not among them, since it changes with time. */
  advertised: PaymentRequired["extensions"];
  /** `required` with error `payment_required`, encoded for PAYMENT-REQUIRED. */
  header: string;
  /** The 402 of a request without a payment. */
  headers: Headers;
  body: string;
}

export interface MerchantSigner {
  /** 64 hex digits. */
  publicKey: string;
  sign(payload: OfferPayload | ReceiptPayload): Promise<SignedJws>;
  /** The document behind the DID. It lives at the merchant's origin, so control of the origin is control of the key. */
  didDocument: Record<string, unknown>;
  jwks: { keys: JWK[] };
}

/** What the merchant must know of a payment, whichever mechanism settles it. Until the payment was verified all of it is a claim. */
export interface PaymentFacts {
  /** Of our ledger, or of the Logos Execution Zone itself: the offer's network says which. */
  payer: AccountId;
  /** Names it in the merchant's memory: the same for every copy of what pays once. No secret, so use it only after a verification. */
  readonly key: Digest;
  /** The transaction that it settles as, if it settles. */
  readonly transaction: Digest;
  nonce: Digest;
  /** Atomic units. */
  amount: string;
  /** Unix seconds, as signed. */
  validAfter: number;
  validBefore: number;
  /** Of the request that it is for. */
  binding?: Digest | undefined;
  /** Seconds after `validBefore` for which a delivery is remembered: as long as the facilitator may give the receipt again. */
  retention: number;
}

/** A payment and the offer that it answers. */
export interface PresentedPayment {
  /** What a catalogue reads in it is the merchant's own, whatever the buyer sent. */
  payment: PaymentPayload;
  /** The signed part of a payment on our ledger, parsed on first use; undefined if it is not of the exact scheme. */
  readonly exact: ExactPayload | undefined;
  /** Read on first use; undefined if there are none, as of a voucher. */
  readonly facts: PaymentFacts | undefined;
  /** The facilitator verified it in answer to this request, where the merchant cannot. */
  isProved?: boolean;
  /** The offer that it accepts. */
  offer: PaymentRequirements;
  /** Its place in the seller's list of offers. */
  offerIndex: number;
  traceId: string;
}

export interface FacilitatorAddress {
  /** Without a slash at the end. */
  base: string;
  /** Bearer key. It is sent to the origin of `base` only. */
  key?: string | undefined;
}

/** What an offer on the chain itself asks for beside its price. */
export interface NativeOfferTerms {
  /** Lepta; absent: what the facilitator takes. */
  maxFee?: string | undefined;
  /** Absent: by the amount. */
  finality?: Finality | undefined;
  statement: "required" | "optional";
}

/** What the facilitator offers of networks of the chain itself, at its last word. */
export interface NativeKinds {
  kinds: SupportedResponse["kinds"];
  /** The same as text. */
  said: string;
}

/** The facilitator as the paywall calls it. */
export interface PaywallFacilitator {
  /** Where it is reached over HTTP. Absent of another one. */
  readonly address?: FacilitatorAddress;
  /** Whether `reserve` holds the payer's money. Without holds only the merchant's memory keeps copies of a payment apart. */
  readonly supportsHolds: boolean;
  supported(traceId: string): Promise<SupportedResponse>;
  /** Verifies the payment in full and keeps every copy of it out while the handler runs. */
  reserve(presented: PresentedPayment, reservationId: Digest): Promise<ReserveResult | PaymentRefusal>;
  /**
   * Moves the reserved money. Repeating the call gives the same answer.
   * @param repeated an earlier call of this merchant had an unknown outcome. Only then may a used nonce mean success
   * @param charge of scheme `upto`: what to take of the reserved money. Absent: all of it
   */
  capture(presented: PresentedPayment, reservation: Reservation, repeated: boolean, charge?: Charge): Promise<SettleResponse>;
  release(presented: PresentedPayment, reservation: Reservation): Promise<unknown>;
  /** Verifies and moves the money in one step, before the handler runs. `settlementId` serves as reservation id. */
  settle(presented: PresentedPayment, settlementId: Digest): Promise<SettleResponse>;
  /** Lists a settled payment's route in the facilitator's catalogue. Absent where `/settle` does that itself. */
  list?(presented: PresentedPayment): Promise<unknown> | undefined;
}

/** The facilitator Worker's methods for sessions. Amounts are atomic units, times unix seconds of the ledger's clock. */
export interface SessionRpc {
  /** Verifies a payload of type `deposit` against the merchant's offer, and sets the money aside. */
  open(deposit: UnverifiedPayment, traceId: string): Promise<OpenResult | PaymentRefusal>;
  /** Pays the merchant what its vouchers cover. The same claim again has the same answer. */
  claim(claim: ClaimPayload, traceId: string): Promise<ClaimResult | PaymentRefusal>;
  session(name: SessionName, traceId: string): Promise<SessionStatus | PaymentRefusal>;
  /** Begins to close a session, for its payer or its agent. */
  withdraw(record: SignedWithdrawal, traceId: string): Promise<WithdrawResult | PaymentRefusal>;
}

/** The facilitator Worker's methods that a merchant calls. Earlier versions know nothing of sessions. */
export interface FacilitatorRpc extends Partial<SessionRpc> {
  supported(traceId: string): Promise<SupportedResponse>;
  reserve(command: ReserveCommand<UnverifiedPayment>, traceId: string): Promise<ReserveResult | PaymentRefusal>;
  capture(command: CaptureCommand, traceId: string): Promise<SettleResult>;
  release(command: ReleaseCommand, traceId: string): Promise<ReleaseResult>;
  settle(command: SettleCommand<UnverifiedPayment>, traceId: string): Promise<Settlement>;
  /** Absent in older versions. */
  list?(payment: UnverifiedPayment, traceId: string): Promise<boolean>;
  /** Gives a payment back. Earlier versions do not know, as of the next one. */
  refund?(record: SignedRefund, traceId: string): Promise<RefundResult | PaymentRefusal>;
  /** Where the payee's journal has a payment. */
  creditOf?(query: CreditQuery, traceId: string): Promise<CreditResult | PaymentRefusal>;
  /** Whether a signed read, made of the merchant, lets its sender read the account's books. Earlier versions do not know. */
  checkReader?(read: SignedRead, traceId: string): Promise<{ ok: true } | PaymentRefusal>;
}

/** What a handler charged for a payment of scheme `upto`. */
export interface Charged {
  amount: Charge;
  usage?: Usage | undefined;
}

/** A hold whose handler has delivered, and what to take of it: all of it, or what the handler charged. */
export interface DeliveredHold extends Reservation {
  charged?: Charged | undefined;
}

/** What it takes to give a payment back: of a route with `refund`, beside what is still open. */
export interface RefundTerms {
  /** Names the payment in the merchant's memory. */
  key: Digest;
  transaction: Digest;
  payer: AccountId;
  payee: AccountId;
  nonce: Digest;
  /** Atomic units: the most that was paid. */
  amount: string;
  /** Unix seconds, as signed. */
  validAfter: number;
  asset: string;
  network: string;
  /** Absent if the facilitator names none: then its ledger gives nothing back. */
  ledger?: Digest | undefined;
  /** As the register of sales has them. */
  route: string;
  paymentId?: string | undefined;
  /** Method and path, as webhooks have them. */
  request: string;
  traceId: string;
}

/** What a merchant knows of a payment between two requests that present it. */
export type DeliveryState =
  /** The capture's outcome is unknown. Capturing this reservation again tells it, and pays once. */
  | { state: "pending"; reservation: DeliveredHold; refund?: RefundTerms | undefined }
  /** The money moved and the handler has not delivered. The same payment may run it again. With `refund` the money goes back afterwards. */
  | { state: "paid"; receipt: SettleResponse; refund?: RefundTerms | undefined }
  /** Final. */
  | { state: "delivered" }
  /** Final: the goods were not delivered in time, and the money goes back. */
  | { state: "refund"; transaction: Digest };

export type Lease = { granted: true; remembered?: DeliveryState } | { granted: false };

/** `taken`: another request serves the payment now. `refund`: its money goes back. */
export type Conclusion = "delivered" | "taken" | "refund";

/**
 * What a merchant remembers of payments: a lease while one is served, and what it still owes afterwards.
 * Most payments leave no entry, since the ledger knows enough.
 */
export interface DeliveryStore {
  /**
   * Takes the lease on this payment for `seconds`. It has one holder at a time, who may take it again.
   * @param lease random, chosen by the caller
   * @param ifAbandoned recorded in case the holder never finishes; does not replace what is already recorded
   */
  begin(key: Digest, lease: Digest, seconds: number, ifAbandoned?: DeliveryState): Promise<Lease>;
  /**
   * Like `begin`, but takes the lease only if the payment is `pending` or `paid`. Otherwise it changes nothing and there is no lease
   * to end, so that a copy of the payment cannot get in the way of the request that serves it.
   */
  resume(key: Digest, lease: Digest, seconds: number): Promise<Lease>;
  /**
   * Ends the lease and records `remembered` until `forgetAfter` (unix seconds); without `remembered` the payment is forgotten.
   * Ignored if another lease holds the payment now, or has delivered it since. Only the last holder can make it forgotten.
   */
  finish(key: Digest, lease: Digest, remembered: DeliveryState | undefined, forgetAfter: number): Promise<void>;
  /**
   * Renews the lease for a handler that runs before its payment settles, and counts the run as unsettled until `endRun`. Needed for
   * flow `authorization` at a facilitator that holds nothing. `finish` with `paid` or `delivered` ends it, too.
   * @param max unsettled runs of other payments at which this one is refused
   */
  startRun?(key: Digest, lease: Digest, seconds: number, max: number): Promise<"started" | "taken" | "too_many">;
  /** The run delivered nothing: it counts no longer. */
  endRun?(key: Digest): Promise<void>;
  /** Records the delivery before the goods leave. They must not unless it answers `delivered`. Needed for `refund`. */
  deliver?(key: Digest, lease: Digest, forgetAfter: number): Promise<Conclusion>;
}

/** The buyer's payment identifier, claimed for this payment while it is served. */
export interface IdempotencyClaim {
  /** The same for every run of this payment under this id, so that a repeated hold or settlement is the same one. */
  reservationId: Digest;
  /**
   * Stores a copy of the handler's answer. False: the claim was lost, and another run answers. undefined: unknown whether it was stored.
   * @param charged by the handler, for the run that captures in place of this one
   * @throws when the answer breaks off before its end
   */
  storeAnswer(charged?: Charged): Promise<boolean | undefined>;
  /** Whether a copy is stored. Then the claim stays, whatever became of the money. */
  hasAnswer(): boolean;
  markPaid(receipt: SettleResponse): Promise<unknown>;
  /** Nothing was delivered: frees the id. */
  free(): Promise<unknown>;
}

/** Why a request is not served. */
export interface Refusal {
  code: ErrorCode;
  detail?: string | undefined;
  /** The terms, sent in the body. */
  challenge?: Challenge | undefined;
  /** Sends the terms as PAYMENT-REQUIRED too: the buyer should pay (again). */
  offerAgain?: boolean;
  /** PAYMENT-RESPONSE: the facilitator's answer. */
  receipt?: SettleResponse;
  /** The caller is a browser: send a page instead of JSON. */
  html?: boolean;
}

/** On a route whose terms depend on the request: what stands between a payment and new money. */
export interface PriceOfNow {
  /**
   * The terms of now.
   * @throws {ConfigurationError} when a function of the seller's fails
   */
  terms(): Promise<Terms | Refusal>;
  /** Whether the merchant signed these terms itself, and they are still valid. */
  isHonoured(): Promise<boolean>;
}

/** The terms of one request. */
export interface Terms {
  challenge: Challenge;
  signer?: MerchantSigner | undefined;
}

/** A request with a payment that fits its offer, and all that takes part in serving it. */
export interface PaidRequest {
  c: Context<PaywallEnv>;
  next: Next;
  presented: PresentedPayment;
  challenge: Challenge;
  /** Set as long as the payment's terms have not been compared with those of now. `challenge` is then what the payment claims. */
  price?: PriceOfNow | undefined;
  /** Signs the receipt, if the merchant has a key. */
  signer: MerchantSigner | undefined;
  facilitator: PaywallFacilitator;
  /** Called only when there is something to remember. */
  deliveries: () => DeliveryStore;
  /** Has the headers that middleware set before the paywall ran. */
  outer: Response;
  /** Whether a response of the handler is what was bought. */
  isDelivered: (response: Response) => boolean;
  /** Told of each settlement. */
  onMoved?: ((request: PaidRequest, receipt: SettleResponse) => void) | undefined;
  /** Told of goods that are owed by a run whose error goes on to Hono, so that no answer says it. */
  onOwed?: (() => void) | undefined;
  /** Of a route that gives back what it does not deliver. `seconds`: how long after a failure, at most; undefined: as long as the goods are owed. */
  refund: { terms: RefundTerms; seconds: number | undefined } | undefined;
  /** Seconds from a payment in which its buyer may fetch the goods again under its identifier; 0: never. */
  redeliverSeconds: number;
}

export type ServeResult =
  /**
   * The handler's response is in `c.res` and goes out. `delivered`: it is what was bought, and it is paid for. `again`: it was delivered
   * and paid for earlier. `owed`, here and below: the money moved, and the goods did not go out. `charged`, likewise: of a payment of
   * scheme `upto`, in atomic units. `flows`: it is charged while it goes out, and is logged at its end.
   */
  { answered: true; delivered: boolean; again?: true; owed?: true; charged?: string | undefined; flows?: true } | SubstituteResponse;

/**
 * A response to send in place of the handler's. Without a code it is a stored answer, to the payment that settled as `transaction`; `again` if it
 * went out before.
 */
export type SubstituteResponse = {
  answered: false;
  response: Response;
  code?: ErrorCode;
  owed?: true;
  again?: boolean;
  transaction?: string;
  /** What is logged of it, if it is no sale. */
  event?: LogEvent;
  /** The payment was not verified: nothing is written down about it. */
  isClaim?: true;
  charged?: string | undefined;
  receipt?: SettleResponse | undefined;
};
