/**
 * Tells the owner's desk what became of a request that went to it: that it was decided on this machine, or what the merchant answered to the
 * payment that was approved there. Best effort: it fails nothing, and every command that looks at the request tries it until the desk knows.
 */

import type { Digest } from "../../shared/crypto/digest.ts";
import { signedReceiptOf } from "../../shared/evidence/parts.ts";
import { MAX_FOREIGN_HEADER_BYTES } from "../../shared/limits.ts";
import { decodeHeader, PAYMENT_RESPONSE } from "../../shared/x402/headers.ts";
import { settleResponseSchema } from "../../shared/x402/x402.ts";
import { askedAt, noteReceipt } from "../records/desk-asks.ts";
import { look } from "../records/inbox.ts";
import { keptAnswer } from "../records/kept-answer.ts";
import { authorizationOf, findPayment } from "../records/payment-journal.ts";
import type { Context } from "../runtime/context.ts";
import { handInAtDesk } from "./ask-desk.ts";
import { pairedDesk } from "./paired-desk.ts";
import { takeBackFromDesk } from "./take-back.ts";

/** @param agentFile the agent's key file, if it was named */
export async function tellDesk(context: Context, digest: Digest, agentFile?: string): Promise<void> {
  await takeBackFromDesk(context, digest, agentFile);
  await handInReceipt(context, digest, agentFile);
}

async function handInReceipt(context: Context, digest: Digest, agentFile: string | undefined): Promise<void> {
  const asked = askedAt(context, digest);
  // Most purchases end here: they went to no desk, or it has the receipt.
  if (!asked.ok || !asked.data || asked.data.receipt || context.io.signal.aborted) return;
  const [record, answer] = [findPayment(context, digest), keptAnswer(context, digest)];
  if (!record.ok || record.data?.state !== "settled" || !answer.ok || !answer.data) return;
  // Another account's payment is none of this desk's.
  if (authorizationOf(record.data.payload).from !== asked.data.account) return;
  const header = answer.data.headers[PAYMENT_RESPONSE.toLowerCase()] ?? "";
  const stated = decodeHeader(header, settleResponseSchema, MAX_FOREIGN_HEADER_BYTES);
  if (!stated.ok) return;
  const item = await look(context, digest);
  if (!item.ok || !item.data) return;
  const desk = await pairedDesk({ ...context, say: () => undefined }, item.data.request.agent.publicKey, agentFile);
  if (!desk || desk.desk !== asked.data.desk || desk.account !== asked.data.account) return;
  const told = await handInAtDesk(context, desk, digest, { transaction: stated.value.transaction, receipt: signedReceiptOf(stated.value) });
  if (told.ok || !told.silent) noteReceipt(context, digest);
}
