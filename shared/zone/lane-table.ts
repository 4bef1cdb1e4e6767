/**
 * The state table of a native payment (spec/native-state-table.md): what each event changes, and what has to be done about it. Pure: the
 * events carry the time and what the chain was seen to say.
 */

import type { Digest } from "../crypto/digest.ts";
import { UNDELIVERED_SECONDS } from "../limits.ts";
import {
  type AccountRead,
  type CancelledRow,
  type Inclusion,
  isOpen,
  type KnownRow,
  type LaneAlert,
  type LanePayment,
  type LaneRow,
  type LeasedRow,
  type RowWith,
  type SendingRow,
  type SentRow,
  type SettledRow,
  type Usage,
} from "./lane-row.ts";
import { covers, type Proof } from "./proof.ts";

/** A lease that was never sent ends after this long. */
export const LEASE_SECONDS = 60;
/** The shortest time between two sends of one payment. It is longer than a send may take. */
export const RESEND_SECONDS = 30;
export const MAX_SENDS = 20;
/** Nothing is sent so long after the payment's last second. */
export const SEND_GRACE_SECONDS = 900;
/** Scans that may fail before a person hears of it. */
export const MAX_FAILED_SCANS = 3;
/** A payment that is over is remembered for so long after its last second. */
export const LANE_RETENTION_SECONDS = 31 * 24 * 3600;

/** How the sequencer answered a send. `malformed`: signature, form or size. `none`: no answer, or one that says nothing. */
export type SendAnswer =
  | { kind: "id"; transaction: Digest }
  | { kind: "none" }
  | { kind: "full" }
  | { kind: "fee" }
  | { kind: "malformed" };

/** What every block after the lease says about the nonce. */
export type Scan = { complete: false } | { complete: true; used?: Usage; /** The block that used it is final. */ final: boolean };

export type LaneEvent =
  /** A verified payment is presented. `reserve` is what the next block may take first, in lepta. */
  | {
      event: "settle";
      payment: LanePayment;
      /** The settlement's id. */
      by: string;
      now: number;
      read: AccountRead;
      since: bigint;
      reserve: bigint;
      /** Another payment has the lane. */
      busy: boolean;
      /** What used the nonce, if the watch saw it. */
      used?: Digest;
    }
  /** The lease is durable. */
  | { event: "dispatch"; now: number }
  /** A send was answered, or its time is over. */
  | { event: "answered"; answer: SendAnswer }
  /** H is in a block of the head chain. */
  | { event: "included"; inclusion: Inclusion }
  /** The account's nonce is above the payment's, and no block has been seen to have H. */
  | { event: "moved" }
  | { event: "scanned"; scan: Scan }
  /** The block of the inclusion left the head chain. */
  | { event: "orphaned" }
  /** The block of the inclusion is as deep as the payment's finality asks. */
  | { event: "deep"; proof: Proof; final: boolean; now: number }
  /** The block of the inclusion is final. */
  | { event: "finalized" }
  /** The read that proves the payment was replaced, or lost. */
  | { event: "evidence"; read: AccountRead | undefined }
  /** The alarm rings. No send is under way. `read`: fresh, and from the head chain. */
  | { event: "tick"; now: number; blockSeconds: number; read?: AccountRead }
  /** The payer revokes the payment. */
  | { event: "cancel"; payment: LanePayment; now: number; read: AccountRead; since: bigint }
  /** The hash of block 1 is another. */
  | { event: "reset" };

/** Refusals of a payment of which nothing of ours has left. */
export type UnmovedCode =
  | "nonce_replayed"
  | "nonce_ahead"
  | "payer_busy"
  | "insufficient_funds"
  | "fee_rejected"
  | "overloaded"
  | "unexpected_settle_error"
  | "payment_expired"
  | "payment_revoked";

/** Refusals of a payment that can move nothing any more. */
export type NeverCode = "nonce_replayed" | "transfer_reverted" | "ledger_mismatch";

export type LaneAnswer =
  | { answer: "receipt"; money: "moved"; inclusion: Inclusion }
  | { answer: "pending"; money: "unknown"; transaction: Digest }
  | { answer: "refused"; money: "unmoved"; code: UnmovedCode; transaction?: Digest }
  | { answer: "refused"; money: "never"; code: NeverCode; transaction?: Digest }
  /** The payment is another purchase's. Nothing is said about its money. */
  | { answer: "taken"; code: "nonce_replayed"; transaction: Digest }
  /** Nothing of ours was ever sent, or nothing can be paid with it any more. */
  | { answer: "cancelled"; money: "unmoved" | "never" };

export type LaneJournal = "inclusion_undone" | "receipt_undone" | "late";

export type LaneEffect =
  /** Once the row is durable, apply `dispatch`. */
  | { effect: "dispatch" }
  /** Once the row is durable, send these bytes. */
  | { effect: "send"; wire: string }
  /** Read every block after `since`. */
  | { effect: "scan"; since: bigint }
  /** Tell the caller; of an event of the network, everyone who waits for this payment. */
  | { effect: "answer"; answer: LaneAnswer }
  /** Those who wait can be told more now. */
  | { effect: "wake" }
  | { effect: "journal"; entry: LaneJournal }
  | { effect: "alert"; alert: LaneAlert }
  /** Nothing is sent to this sequencer before its release was checked again. */
  | { effect: "check_network" };

export interface Step {
  row: LaneRow;
  effects: readonly LaneEffect[];
}

type EventOf<Name extends LaneEvent["event"]> = Extract<LaneEvent, { event: Name }>;

/** What an event makes of a payment. */
export function step(row: LaneRow, event: LaneEvent): Step {
  switch (event.event) {
    case "settle":
      return settle(row, event);
    case "dispatch":
      return row.state === "leased" ? send(row, event.now) : asItWas(row);
    case "answered":
      return row.state === "sending" ? answered(row, event.answer) : asItWas(row);
    case "included":
      return included(row, event.inclusion);
    case "moved":
      return row.state === "sending" || row.state === "sent" ? changed(row, { effect: "scan", since: row.since }) : asItWas(row);
    case "scanned":
      return row.state === "sending" || row.state === "sent" ? scanned(row, event.scan) : asItWas(row);
    case "orphaned":
      return orphaned(row);
    case "deep":
      return row.state === "included" ? deep(row, event) : asItWas(row);
    case "finalized":
      return row.state === "settled" ? changed({ ...row, final: true }) : asItWas(row);
    case "evidence":
      return isOpen(row) || row.state === "cancelled" ? changed({ ...row, read: event.read }) : asItWas(row);
    case "tick":
      return tick(row, event);
    case "cancel":
      return cancel(row, event);
    case "reset":
      return isOpen(row) ? changed({ ...factsOf(row), state: "void" }, { effect: "wake" }) : asItWas(row);
  }
}

// --- Calls ---------------------------------------------------------------------------------------

function settle(row: LaneRow, event: EventOf<"settle">): Step {
  if (row.state !== "none" && row.payment.fingerprint !== event.payment.fingerprint) return answer(row, taken(row));
  switch (row.state) {
    case "none":
    case "leased":
      return lease(row, event);
    case "settled":
      return collect(row, event);
    case "cancelled":
      return answer(row, unmoved(row, "payment_revoked"));
    case "sending":
    case "sent":
    case "included":
      return answer(row, pending(row));
    case "displaced":
    case "reverted":
    case "void":
      return answer(row, never(row));
  }
}

/** Claims the lane, if the chain says that the payment can be the next one of its payer. */
function lease(row: Extract<LaneRow, { state: "none" }> | LeasedRow, event: EventOf<"settle">): Step {
  // Late, it may still have been paid: only a nonce that is not used proves that it was not.
  const isTooLate = event.now > event.payment.validBefore && event.read.nonce <= event.payment.nonce;
  const code = isTooLate ? "payment_expired" : obstacle(event, event.payment, event.reserve);
  if (code) return answer(row, unmoved(row, code, code === "nonce_replayed" ? event.used : undefined));
  const { payment, read, since, now } = event;
  if (row.state === "leased") return changed({ ...row, read, leasedAt: now }, { effect: "dispatch" });
  return changed({ state: "leased", ...newFacts(payment, read, since, now) }, { effect: "dispatch" });
}

/** One read decides: what the chain takes of a payment at most, `maxFee`, counts as spent. That also proves the payment later (proof.ts). */
function obstacle(
  { read, busy = false }: { read: AccountRead; busy?: boolean },
  payment: LanePayment,
  reserve = 0n,
): UnmovedCode | undefined {
  if (busy) return "payer_busy";
  if (read.nonce > payment.nonce) return "nonce_replayed";
  if (read.nonce < payment.nonce) return "nonce_ahead";
  if (!covers(read, payment)) return "insufficient_funds";
  return reserve > payment.maxFee ? "fee_rejected" : undefined;
}

/** The first settlement that asks gets the receipt, and gets it again. */
function collect(row: SettledRow, { by, now }: EventOf<"settle">): Step {
  if (row.collector === by) return answer(row, receipt(row));
  if (row.collector !== undefined || isOwed(row, now)) return answer(row, taken(row));
  return answer({ ...row, collector: by }, receipt(row));
}

function cancel(row: LaneRow, { payment, read, since, now }: EventOf<"cancel">): Step {
  switch (row.state) {
    case "none": {
      const code = obstacle({ read }, payment);
      if (code) return answer(row, unmoved(row, code));
      const revoked: CancelledRow = { state: "cancelled", ...newFacts(payment, read, since, now), revoked: true };
      return answer(revoked, { answer: "cancelled", money: "unmoved" });
    }
    case "leased":
      return answer({ ...row, state: "cancelled", revoked: true }, { answer: "cancelled", money: "unmoved" }, { effect: "wake" });
    case "cancelled":
      return answer(row, { answer: "cancelled", money: "unmoved" });
    case "displaced":
    case "reverted":
      return answer(row, { answer: "cancelled", money: "never" });
    case "sending":
    case "sent":
    case "included":
      return answer(row, pending(row));
    case "settled":
      return answer(row, taken(row));
    case "void":
      return answer(row, never(row));
  }
}

// --- The sequencer -------------------------------------------------------------------------------

/** Always the same bytes. */
function send(row: LeasedRow | SendingRow | SentRow, now: number): Step {
  const attempts = { ...row.attempts, sent: row.attempts.sent + 1, lastAt: now };
  return changed({ ...factsOf(row), state: "sending", attempts }, { effect: "send", wire: row.payment.wire });
}

/** A refusal is definite only if every send was refused: of one without an answer a copy may be queued. */
function answered(row: SendingRow, said: SendAnswer): Step {
  if (said.kind === "none") return asItWas(row);
  if (said.kind === "id") {
    if (said.transaction === row.payment.transaction) return changed({ ...row, state: "sent" });
    return alert({ ...row, stopped: true }, "foreign_id", { effect: "check_network" });
  }
  const refused = { ...row, attempts: { ...row.attempts, refused: row.attempts.refused + 1 } };
  if (refused.attempts.refused < refused.attempts.sent) return changed(refused);
  switch (said.kind) {
    case "full": {
      const leased: LeasedRow = { ...refused, state: "leased" };
      return answer(leased, unmoved(leased, "overloaded"));
    }
    case "fee":
      return answer(NONE, unmoved(NONE, "fee_rejected"));
    case "malformed": {
      const answers: LaneEffect = { effect: "answer", answer: unmoved(NONE, "unexpected_settle_error") };
      return changed(NONE, answers, { effect: "alert", alert: "refused_form" }, { effect: "check_network" });
    }
  }
}

// --- The chain -----------------------------------------------------------------------------------

/** Even if nothing of ours has left: everyone who holds a signed transaction can send it. */
function included(row: LaneRow, inclusion: Inclusion): Step {
  switch (row.state) {
    case "leased":
    case "sending":
    case "sent":
    case "cancelled":
      return changed({ ...factsOf(row), state: "included", inclusion });
    case "displaced":
      return alert(row, "final_undone");
    case "none":
    case "included":
    case "settled":
    case "reverted":
    case "void":
      return asItWas(row);
  }
}

/** Time never proves that a payment will not be made; only another use of its nonce does, once that is final. */
function scanned(row: SendingRow | SentRow, scan: Scan): Step {
  if (!scan.complete) {
    const failed = { ...row, failedScans: row.failedScans + 1 };
    return failed.failedScans < MAX_FAILED_SCANS ? changed(failed) : alert(failed, "scan_incomplete");
  }
  if (scan.used && scan.final) return changed({ ...factsOf(row), state: "displaced", by: scan.used }, { effect: "wake" });
  return changed({ ...row, failedScans: 0 });
}

function orphaned(row: LaneRow): Step {
  if (row.state === "included") {
    const state = row.revoked ? "cancelled" : "sent";
    return changed({ ...factsOf(row), state }, { effect: "journal", entry: "inclusion_undone" });
  }
  if (row.state !== "settled") return asItWas(row);
  if (row.final) return alert(row, "final_undone");
  const undone: KnownRow = { ...factsOf(row), state: "included", inclusion: row.inclusion };
  return alert(undone, "receipt_undone", { effect: "journal", entry: "receipt_undone" });
}

function deep(row: Extract<LaneRow, { state: "included" }>, { proof, final, now }: EventOf<"deep">): Step {
  if (proof === "good") {
    const settled: SettledRow = { ...row, state: "settled", final, settledAt: now };
    const late = row.stopped || row.revoked || now > row.payment.validBefore;
    return changed(settled, ...(late ? [{ effect: "journal", entry: "late" } as const] : []), { effect: "wake" });
  }
  if (proof === "inconclusive") return alert(row, "inconclusive");
  return final ? changed({ ...row, state: "reverted" }, { effect: "wake" }) : asItWas(row);
}

// --- Time ----------------------------------------------------------------------------------------

function tick(row: LaneRow, { now, blockSeconds, read }: EventOf<"tick">): Step {
  switch (row.state) {
    case "leased":
      return now > row.leasedAt + LEASE_SECONDS || now < row.leasedAt ? changed(NONE) : asItWas(row);
    case "sending":
    case "sent": {
      if (row.stopped) return asItWas(row);
      if (row.attempts.sent >= MAX_SENDS || now > row.payment.validBefore + SEND_GRACE_SECONDS) {
        return alert({ ...row, stopped: true }, "gave_up");
      }
      const pause = row.state === "sent" ? Math.max(RESEND_SECONDS, 2 * blockSeconds) : RESEND_SECONDS;
      const isDue = now >= row.attempts.lastAt + pause || now < row.attempts.lastAt;
      return isDue && read && obstacle({ read }, row.payment) === undefined ? send(row, now) : asItWas(row);
    }
    case "settled":
      return row.final && now > row.payment.validBefore + LANE_RETENTION_SECONDS ? changed(NONE) : asItWas(row);
    case "displaced":
    case "reverted":
    case "cancelled":
    case "void":
      return now > row.payment.validBefore + LANE_RETENTION_SECONDS ? changed(NONE) : asItWas(row);
    case "none":
    case "included":
      return asItWas(row);
  }
}

/** Whether a payment was made too late for its purchase: the operator gives it back by hand. */
export function isOwed(row: LaneRow, now: number): boolean {
  return row.state === "settled" && row.collector === undefined && now > row.payment.validBefore + UNDELIVERED_SECONDS;
}

/**
 * The status of a payment, for the one who signed it. `unused`: it may still settle. `expired`: it did not settle and never will.
 * @param nonce the account's, if it could be read
 */
export type NativeStatus =
  | { status: "unused" | "reserved" | "cancelled" | "unknown" }
  | { status: "settled"; transaction: Digest }
  | { status: "expired"; transaction: Digest };

export function statusOf(row: LaneRow, of: { nonce: bigint; accountNonce?: bigint }): NativeStatus {
  switch (row.state) {
    case "none":
      return { status: of.accountNonce !== undefined && of.accountNonce <= of.nonce ? "unused" : "unknown" };
    case "leased":
    case "sending":
    case "sent":
    case "included":
      return { status: "reserved" };
    case "settled":
      return { status: "settled", transaction: row.inclusion.transaction };
    case "displaced":
      return { status: "expired", transaction: row.by.transaction };
    case "reverted":
      return { status: "expired", transaction: row.inclusion.transaction };
    case "cancelled":
      return { status: "cancelled" };
    case "void":
      return { status: "unknown" };
  }
}

// --- Answers: what the state lets us say ---------------------------------------------------------

function receipt({ inclusion }: RowWith<"moved">): LaneAnswer {
  return { answer: "receipt", money: "moved", inclusion };
}

export function pending(row: RowWith<"unknown">): LaneAnswer {
  const transaction = row.state === "included" ? row.inclusion.transaction : row.payment.transaction;
  return { answer: "pending", money: "unknown", transaction };
}

function unmoved(_row: RowWith<"unmoved">, code: UnmovedCode, transaction?: Digest): LaneAnswer {
  return { answer: "refused", money: "unmoved", code, ...(transaction !== undefined && { transaction }) };
}

function never(row: RowWith<"never">): LaneAnswer {
  const refused = { answer: "refused", money: "never" } as const;
  switch (row.state) {
    case "displaced":
      return { ...refused, code: "nonce_replayed", transaction: row.by.transaction };
    case "reverted":
      return { ...refused, code: "transfer_reverted", transaction: row.inclusion.transaction };
    case "void":
      return { ...refused, code: "ledger_mismatch" };
  }
}

function taken(row: KnownRow): LaneAnswer {
  const transaction = row.state === "included" || row.state === "settled" ? row.inclusion.transaction : row.payment.transaction;
  return { answer: "taken", code: "nonce_replayed", transaction };
}

// --- Rows ----------------------------------------------------------------------------------------

const NONE = { state: "none" } as const;

type FactsOnly = Omit<LeasedRow, "state">;

function newFacts(payment: LanePayment, read: AccountRead, since: bigint, now: number): FactsOnly {
  return {
    payment,
    since,
    read,
    leasedAt: now,
    attempts: { sent: 0, refused: 0, lastAt: 0 },
    stopped: false,
    revoked: false,
    failedScans: 0,
    alerted: [],
    collector: undefined,
  };
}

/** A row without what only its state has. */
function factsOf(row: KnownRow): FactsOnly {
  const { payment, since, read, leasedAt, attempts, stopped, revoked, failedScans, alerted, collector } = row;
  return { payment, since, read, leasedAt, attempts, stopped, revoked, failedScans, alerted, collector };
}

function asItWas(row: LaneRow): Step {
  return { row, effects: [] };
}

function changed(row: LaneRow, ...effects: LaneEffect[]): Step {
  return { row, effects };
}

function answer(row: LaneRow, told: LaneAnswer, ...effects: LaneEffect[]): Step {
  return { row, effects: [{ effect: "answer", answer: told }, ...effects] };
}

/** Each alert of a payment is given once. */
function alert(row: KnownRow, alert: LaneAlert, ...effects: LaneEffect[]): Step {
  if (row.alerted.includes(alert)) return { row, effects };
  return { row: { ...row, alerted: [...row.alerted, alert] }, effects: [{ effect: "alert", alert }, ...effects] };
}
