/**
 * What settles payments: the ledger Durable Object today, the LEZ sequencer behind the same interface later.
 * Calls carry facts that the facilitator has verified. spec/architecture.md.
 */

import type { Digest } from "../crypto/digest.ts";
import type { AccountId } from "../protocol/account.ts";
import type { Amount, Charge } from "../protocol/amount.ts";
import type { LedgerPayment } from "../protocol/ledger-payment.ts";
import type { LedgerRefund } from "../protocol/ledger-refund.ts";
import type { LedgerClaim, LedgerSession, SessionCallName, SessionName } from "../protocol/ledger-session.ts";
import type { Refusal } from "../protocol/refusal.ts";
import type { CaptureCommand, LedgerSettleCommand, ReleaseCommand, Reservation, ReserveCommand, RevokeCommand } from "./commands.ts";

/** `value` is what was charged. Of an `upto` that is less than the most that was signed, or "0": then no money moved. */
export type Settled = { ok: true; transaction: Digest; payer: AccountId; payee: AccountId; value: Charge };

export type ReserveResult =
  | { ok: true; reservation: Reservation; /** Unix seconds of the ledger's clock. */ heldUntil: number; transaction: Digest }
  | Refusal;
export type SettleResult = Settled | Refusal;
export type CheckResult = { ok: true } | Refusal;
export type ReleaseResult = { ok: true } | Refusal;
export type CancelResult =
  | { ok: true; /** Of a nonce that has opened a session: the last second in which the payee can claim from it. */ closesAt?: number }
  | Refusal;
/** What can still be paid after a revocation, because its hold was granted before. */
export type UnderWay = {
  payments: number;
  /** Sessions that are closing, out of which claims can still be paid. Absent if there are none. */
  sessions?: number;
  /** Atomic units, at most. */
  value: string;
  /** Unix seconds: the last second in which any of them can be paid. Absent if there are none. */
  until?: number;
};
export type RevokeResult = { ok: true; /** Unix seconds: of the first revocation. */ revokedAt: number; underWay: UnderWay } | Refusal;

/** Money that went back. `transaction` is the refund's own, `value` what this refund gave back in atomic units. */
export type RefundResult = { ok: true; transaction: Digest; refundOf: Digest; payee: AccountId; payer: AccountId; value: Amount } | Refusal;

/**
 * What was refunded of one payment: the sum in atomic units, and the newest MAX_REFUNDS_LISTED refunds, the newest first. With orders
 * MAX_EVIDENCE_REFUNDS, each with the number of its debit in the payee's journal and, if the ledger kept it, the signed refund as JSON.
 */
export type RefundsOf = {
  refunded: string;
  refunds: { id: Digest; transaction: Digest; value: Amount; /** Unix seconds. */ at: number; debit?: number; signed?: string }[];
};

/** Where a payment was credited: what a refund of it must name. `payer` is absent if the ledger does not know who paid: it refunds nothing then. */
export type PaidCredit = { entry: number; payer?: AccountId; value?: Amount; /** Unix seconds. */ at: number };

/** The same as a refund needs it, with what was given back of it already. `ok` without a credit: the payee's journal has none. */
export type CreditResult = { ok: true; credit?: PaidCredit & { refunded: string } } | Refusal;

/** What a mandate has spent. Amounts are atomic units as decimal strings, times unix seconds. */
export type MandateStatus =
  | { status: "unused"; /** The payer has revoked every mandate that was granted by then. */ revokedBefore?: number }
  | {
      status: "open" | "revoked";
      revokedAt?: number;
      /** Paid. */
      settled: string;
      /** Held for payments that are under way. */
      claimed: string;
      /** Absent, like `validBefore`, if it was revoked before its first payment: the ledger never saw its limits. */
      left?: string;
      validBefore?: number;
      /** The present period. */
      period?: { used: string; left: string; payments: number; paymentsLeft?: number; endsAt: number };
    };

/**
 * Where a session stands. Amounts are atomic units as decimal strings, times unix seconds of the ledger's clock. Whether an `open` session
 * is past `expiresAt`, so that nothing but claims is left, says the clock.
 */
export type SessionStanding = {
  id: Digest;
  payer: AccountId;
  status: "open" | "closing" | "closed";
  deposit: Amount;
  /** Paid to the payee, never more than the deposit. */
  claimed: string;
  /** The last second of vouchers. */
  expiresAt: number;
  /** The last second in which a claim is paid: after it the rest is the payer's. Of a `closed` session, the second in which it was closed. */
  closesAt: number;
  /** Absent unless the payer, its agent or a revocation asked for the rest: the first time. */
  withdrawRequestedAt?: number;
  /** The second of this answer. An acceptor counts from it how fresh it is. */
  at: number;
};
export type OpenResult = { ok: true; session: SessionStanding } | Refusal;
/**
 * `value`: what this claim moved in all, when it was first made; "0" for a final claim, and for one at or below all marks that the ledger
 * did not pay. `transaction`: its id, absent where nothing moved. The same claim again has the same `value` and `transaction`.
 */
export type ClaimResult = { ok: true; payee: AccountId; value: Charge; transaction?: Digest; session: SessionStanding } | Refusal;
export type WithdrawResult = { ok: true; session: SessionStanding } | Refusal;
/**
 * `config` is the canonical text of the Session. `lanes`: what was claimed of each, the first MAX_LANES_LISTED of `laneCount`; all of them
 * add up to `claimed`. `claims`: the newest MAX_CLAIMS_LISTED of `claimCount`, the newest first; each names its debit, number `entry` of the
 * payer's journal. `at`: the second of this answer.
 */
export type SessionStatus =
  | { status: "unknown"; at: number }
  | (SessionStanding & {
      config: string;
      lanes: { lane: string; claimed: Amount }[];
      laneCount: number;
      claims: PaidClaim[];
      claimCount: number;
    });
/** A claim that moved money. `claim` is its digest. */
export type PaidClaim = { claim: Digest; transaction: Digest; entry: number; value: Amount; at: number };
/**
 * What was claimed of a call's lane in all, and the first claim that paid it as far as the call. `signed`: JSON, a SignedClaim; absent of a
 * claim that an earlier version of the ledger paid.
 */
export type CallPayment = { claimed: Charge; claim?: PaidClaim & { signed?: string } };

/** `balance` comes from the account's own shard. It lacks the grant if that shard is not the treasury's and could not be reached. */
export type FundResult = { ok: true; transaction: Digest; account: AccountId; balance: string } | Refusal;

/**
 * The state of a payment. `unused`: it may still settle. `expired`: it never settled and never will.
 * `unknown`: it ended too long ago to say.
 */
export type PaymentStatus =
  | { status: "unused" | "reserved" | "cancelled" | "expired" | "unknown" }
  | { status: "settled"; transaction: Digest; /** Of `upto`: what was charged. */ charged?: Charge }
  | { status: "session"; /** The session that was opened with this nonce. */ session: Digest };

/** Balances are atomic units as decimal strings. `held` is the part of `balance` that open holds claim. */
export type AccountState = { account: AccountId; balance: string; held: string; journalSeq: number; journalHead: Digest };

export type LedgerInfo = {
  ledger: Digest;
  treasury: AccountId;
  supply: string;
  /** The number of objects that share the ledger. It never changes. */
  shards: number;
  /** It keeps sessions. Absent of an earlier version. */
  sessions?: true;
  /** Of a ledger that was restored: the retired ledger that it continues, and the digest of its export. */
  origin?: { ledger: Digest; export: Digest };
};

export interface PaymentBackend {
  /** Names the ledger. */
  info(): Promise<LedgerInfo>;
  /** Says whether reserve or settle would succeed now. Changes nothing and promises nothing. */
  check(payment: LedgerPayment): Promise<CheckResult>;
  reserve(command: ReserveCommand<LedgerPayment>): Promise<ReserveResult>;
  capture(command: CaptureCommand): Promise<SettleResult>;
  release(command: ReleaseCommand): Promise<ReleaseResult>;
  settle(command: LedgerSettleCommand): Promise<SettleResult>;
  /** Consumes an unspent nonce for ever. The facilitator has verified the payer's signature. */
  cancel(payer: AccountId, nonce: Digest): Promise<CancelResult>;
  /** `validBefore` is unix seconds, as signed. It tells an unused payment from an expired one. */
  status(payer: AccountId, nonce: Digest, validBefore: number): Promise<PaymentStatus>;
  account(account: AccountId): Promise<AccountState>;
  /** Grants test money from the treasury, if the faucet is on. One `grantId` pays once. */
  fund(account: AccountId, value: Amount, grantId: Digest): Promise<FundResult>;
  /** Set where `capture` and `settle` charge the `value` that they are given. Without it no `upto` may be paid there. */
  upto?: true;
  /** Absent where no limits of mandates are counted: no payment under a mandate may be made there. */
  mandates?: MandateLedger;
  /** Absent where no payment is given back. */
  refunds?: RefundLedger;
  /** Absent where no money is set aside for sessions. */
  sessions?: SessionLedger;
}

/**
 * The part of a ledger that keeps sessions. The facilitator has verified all signatures. Repeating a command gives the same answer.
 * The Durable Object's methods are `openSession`, `checkSession`, `claimSession`, `withdrawSession`, `sessionOf` and `callPayment`.
 */
export interface SessionLedger {
  /** Sets the deposit aside. Under a mandate it needs `mandates`. */
  open(session: LedgerSession): Promise<OpenResult>;
  /** Says whether `open` would succeed now. Changes nothing and promises nothing. */
  check(session: LedgerSession): Promise<CheckResult>;
  /** Pays what is above the lanes' marks, all of it or nothing. A final claim closes the session. */
  claim(command: LedgerClaim): Promise<ClaimResult>;
  /** Begins to close the session. The payee can claim until `closesAt`. */
  withdraw(session: SessionName): Promise<WithdrawResult>;
  status(session: SessionName): Promise<SessionStatus | Refusal>;
  /** Which claim paid a call. */
  paymentOf(call: SessionCallName): Promise<CallPayment | Refusal>;
}

/** The part of a ledger that gives payments back. */
export interface RefundLedger {
  /** The facilitator has verified who gives back. Repeating the command gives the same answer. */
  refund(command: LedgerRefund): Promise<RefundResult>;
  of(payee: AccountId, transaction: Digest, withOrders?: boolean): Promise<RefundsOf>;
  /** @param from unix seconds before which the payment was not made. @returns undefined if the payee's journal has no such credit, or no more */
  creditOf(payee: AccountId, transaction: Digest, from: number): Promise<PaidCredit | undefined>;
}

/** The part of a ledger that counts what mandates spend. */
export interface MandateLedger {
  /** The facilitator has verified who asks. Repeating the command gives the same answer. */
  revoke(command: RevokeCommand): Promise<RevokeResult>;
  status(payer: AccountId, digest: Digest): Promise<MandateStatus | Refusal>;
}
