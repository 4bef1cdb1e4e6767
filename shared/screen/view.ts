/** What an approval screen is made from: plain data, so that a terminal and a web page show the same facts and warnings. */

import type { AccountId } from "../protocol/account.ts";
import type { Authorization } from "../protocol/authorization.ts";
import type { Mandate } from "../protocol/mandate.ts";
import type { PaymentRequest, RequestCheck } from "../protocol/payment-request.ts";
import type { Session } from "../protocol/session.ts";
import type { PaymentDraft } from "../zone/pay.ts";
import type { Confirmation } from "./confirmation.ts";
import type { SentRequest } from "./sent-request.ts";

/** A decision of this owner about some request. Times are RFC 3339. */
export interface PastDecision {
  requestDigest: string;
  decision: "approved" | "declined" | "revoked";
  at: string;
  agentKey: string;
  url: string;
  payTo: string;
  amount: string;
  /** Of an approval: the account that pays, and the end of its validity in unix seconds. */
  from?: string | undefined;
  validBefore?: string | undefined;
  /** The key that signed the merchant's terms. */
  merchantKey?: string | undefined;
}

/** A payment that was sent and has no known outcome. */
export interface OpenPayment {
  requestDigest?: string | undefined;
  url: string;
  payTo: string;
  amount: string;
}

/** What this machine knows of a merchant from earlier visits, and from making this request. */
export interface MerchantPin {
  origin: string;
  payTo: string;
  firstSeenAt: string;
  /** Absent if the merchant does not sign its terms. */
  key?: { publicKey: string; since: string } | undefined;
}

/** What the paying account can spend, in atomic units, or why that is not known. */
export type BalanceView = { kind: "known"; spendable: bigint } | { kind: "unknown"; why: string };

/** Approvals of the same account that are valid and were not presented yet: they take their money later. */
export interface Outstanding {
  sum: bigint;
  requests: number;
}

/** An open mandate of the paying account for the agent that asks, and what the ledger says is left of it, in atomic units. */
export interface MandateStanding {
  shortCode: string;
  mandate: Mandate;
  usage: MandateLeft | { kind: "unknown"; why: string };
}

interface MandateLeft {
  kind: "known";
  left: bigint;
  /** The present period, if a payment has begun one. */
  period?: { left: bigint; paymentsLeft?: number | undefined; endsAt: string } | undefined;
}

/** Of a request that a transfer on the chain itself pays. */
export interface NativeView {
  /** As it would be signed now. */
  draft: PaymentDraft;
  /** The account, and the head at which both were read. Its time is in unix seconds. */
  read: {
    balance: bigint;
    head: { id: bigint; at: number };
    /** How long the last ten blocks took, in seconds, if that is known. */
    tenBlocks?: number | undefined;
  };
  /** What the transfer would be charged in the next block at the least, in lepta. */
  charge: bigint;
  /** An earlier request that had the nonce. */
  reused?: { shortCode: string; why: "you declined" | "you revoked" | "expired"; at?: string | undefined } | undefined;
  /** Unix seconds. */
  now: number;
  /** Whether this owner approved a payment to the payee on another ledger than this chain. */
  payeeOnMock: boolean;
}

export interface ApprovalView {
  request: PaymentRequest;
  checked: Extract<RequestCheck, { ok: true }>;
  /** As it would be signed now. Of a request for a session: the session in the words of a payment, which is not signed. */
  authorization: Authorization;
  /** Of a request for a session: as it would be signed now. */
  session?: Session;
  /** Of a request on the chain itself; `authorization` then says the same in other words, and is not signed. */
  native?: NativeView;
  /** Unix seconds. */
  now: number;
  history: readonly PastDecision[];
  open: readonly OpenPayment[];
  /** Above this many units one key press is not enough. */
  threshold: bigint;
  /** The ledger that the owner has configured. */
  ledger?: string | undefined;
  host: Confirmation;
  sent: SentRequest;
  balance: BalanceView;
  outstanding: Outstanding;
  /** A desk to which this request was sent too, if another account decides there than the one that would pay here. */
  alsoAt?: { desk: string; account: AccountId } | undefined;
  mandates: readonly MandateStanding[];
  pin?: MerchantPin | undefined;
  /** Whether this machine had pinned the host for the account to be paid before this approval. */
  pinnedBefore: boolean;
}
