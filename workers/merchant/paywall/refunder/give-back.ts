/**
 * Gives a payment back, one try at a time: finds its credit, signs the refund, writes it down, sends it until its outcome is certain. A try
 * that dies anywhere is made again, and sends the bytes that were written, if they were.
 */

import type { Digest } from "../../../../shared/crypto/digest.ts";
import { MAX_LOGGED_CAUSE_LENGTH, REFUND_CREDIT_TRIES, REFUND_SENDING_SECONDS } from "../../../../shared/limits.ts";
import { logEvent } from "../../../../shared/log.ts";
import type { RefundObstacle } from "../../../../shared/protocol/refund-obstacle.ts";
import { refundTransaction } from "../../../../shared/protocol/refund.ts";
import { logOnceAMinute } from "../log.ts";
import { type RefundRow, type RefundTable, signedOf } from "../memory/refund-table.ts";
import { fromJson } from "../memory/schema.ts";
import type { Later, Refunder } from "./types.ts";

/** @param now unix seconds @returns what is known afterwards; undefined if nothing is left of it, as the payment never moved money */
export async function giveBack(table: RefundTable, refunder: Refunder, key: Digest, now: number): Promise<RefundRow | undefined> {
  const begun = table.begin(key, now);
  if (begun?.state === "due") await sign(table, refunder, begun, now);
  const signed = table.get(key);
  if (signed?.state === "signed") await send(table, refunder, signed, now);
  return table.get(key);
}

async function sign(table: RefundTable, refunder: Refunder, row: RefundRow, now: number): Promise<void> {
  const signing = await refunder.sign(fromJson(row.terms)).catch(asLater);
  switch (signing.kind) {
    case "signed":
      return table.sign(row.key, signing.signed);
    case "made":
      return table.make(row.key);
    case "owed":
      return signing.hasCredit ? owe(table, row, signing.code) : oweIfPaid(table, row, signing.code);
    case "no_credit":
      if (row.tries >= REFUND_CREDIT_TRIES) return oweIfPaid(table, row, "refund_unknown");
      return logFailure(row, "the payee's journal has no such credit yet");
    case "later":
      return isLate(row, now) ? oweIfPaid(table, row, "facilitator_unavailable") : logFailure(row, signing.problem);
  }
}

/** Nothing is owed to a buyer of whom no payment is known. If there was one, the register of sales has it as pending. */
function oweIfPaid(table: RefundTable, row: RefundRow, code: RefundObstacle): void {
  if (row.is_paid) owe(table, row, code);
  else table.delete(row.key);
}

async function send(table: RefundTable, refunder: Refunder, row: RefundRow, now: number): Promise<void> {
  const signed = signedOf(row);
  if (!signed) throw new TypeError("a signed row has its refund");
  const { refund } = signed;
  const { traceId } = fromJson(row.terms);
  const sending = await refunder.send(signed, traceId).catch(asLater);
  if (sending.kind === "made") {
    table.make(row.key);
    logEvent("refund.made", { traceId, transaction: refundTransaction(refund), refundOf: refund.transaction, amount: refund.amount });
  } else if (sending.kind === "owed") owe(table, row, sending.code);
  else if (isLate(row, now)) owe(table, row, "outcome_unknown");
  else logFailure(row, sending.problem);
}

function owe(table: RefundTable, row: RefundRow, obstacle: RefundObstacle): void {
  table.owe(row.key, obstacle);
  const { traceId, transaction, amount } = fromJson(row.terms);
  logEvent("refund.owed", { traceId, transaction, amount, obstacle });
}

function isLate({ began_at: beganAt }: RefundRow, now: number): boolean {
  return now > beganAt + REFUND_SENDING_SECONDS;
}

function logFailure({ terms, tries }: RefundRow, message: string): void {
  const { traceId, transaction } = fromJson(terms);
  logOnceAMinute("refund.failed", message, { traceId, transaction, tries, message });
}

function asLater(error: unknown): Later {
  return { kind: "later", problem: String(error).slice(0, MAX_LOGGED_CAUSE_LENGTH) };
}
