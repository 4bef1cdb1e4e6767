/** Sends a transfer to the ledger, and judges the answer: the transaction follows from what was signed. */

import * as z from "zod";
import type { Digest } from "../../shared/crypto/digest.ts";
import { authorizationDigest, transactionOf } from "../../shared/protocol/authorization.ts";
import type { SignedTransfer } from "../../shared/protocol/transfer.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { callFacilitator, type FacilitatorFailure, type FacilitatorInput } from "./client.ts";

const answerSchema = z.looseObject({ transaction: z.string() });

/** Codes with which the ledger says that it did not make this transfer, and never will. */
const FINAL = new Set(["payment_expired", "nonce_replayed", "insufficient_funds", "ledger_mismatch", "invalid_network", "asset_mismatch"]);

/** `refused`: it was not made, and this signature will make none. Every failure without it leaves the outcome open. */
export type TransferFailure = FacilitatorFailure & { refused?: true };

export async function sendTransfer(
  context: Context,
  input: FacilitatorInput,
  signed: SignedTransfer,
): Promise<Outcome<Digest> | TransferFailure> {
  const answer = await callFacilitator(context, input, { path: "/transfers", body: signed, answer: answerSchema });
  if (!answer.ok) return FINAL.has(answer.error.code) ? { ...answer, refused: true } : answer;
  const { network } = signed.authorization;
  const transaction = transactionOf(network, authorizationDigest(signed.authorization));
  if (answer.data.transaction === transaction) return succeed(transaction);
  return fail("network", "The facilitator names another transaction than the one that was signed.");
}
