/** Sends a transfer to its ledger's facilitator. The answer is believed if it names the transaction that follows from what was signed. */

import * as z from "zod";
import type { ErrorCode } from "../../shared/errors.ts";
import { type SignedTransfer, transactionOfTransfer } from "../../shared/protocol/transfer.ts";
import type { Context } from "../runtime/context.ts";
import { fail } from "../runtime/outcome.ts";
import { callFacilitator, type FacilitatorInput } from "./client.ts";
import { type OrderOutcome, outcomeOf } from "./order-outcome.ts";

const answerSchema = z.looseObject({ transaction: z.string() });

const FINAL: ReadonlySet<ErrorCode> = new Set([
  "invalid_payload",
  "invalid_signature",
  "invalid_network",
  "asset_mismatch",
  "recipient_mismatch",
  "payment_expired",
  "payment_revoked",
  "nonce_replayed",
]);

export async function sendTransfer(context: Context, input: FacilitatorInput, signed: SignedTransfer): Promise<OrderOutcome> {
  const answer = await callFacilitator(context, input, { path: "/transfers", body: signed, answer: answerSchema });
  if (!answer.ok) return outcomeOf(answer, FINAL);
  if (answer.data.transaction === transactionOfTransfer(signed.authorization)) return { kind: "made" };
  return { kind: "unknown", failure: fail("receipt_differs", "The facilitator's answer is about another transfer.") };
}
