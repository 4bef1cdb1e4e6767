/** The refunds of a payment for evidence: what the payee signed, from a facilitator, and the ledger's entries of the accounts that are open here. */

import * as z from "zod";
import { signedCheckpointSchema } from "../../shared/evidence/entry-schema.ts";
import type { Evidence } from "../../shared/evidence/evidence.ts";
import { MAX_RESPONSE_BODY_BYTES } from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { displayAmount } from "../../shared/protocol/amount.ts";
import { refundTransaction, signedRefundSchema } from "../../shared/protocol/refund.ts";
import type { Context } from "../runtime/context.ts";
import { MAX_JOURNAL_PAGES } from "../runtime/limits.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { callFacilitator, type FacilitatorInput } from "./client.ts";
import { type Entry, journalPage } from "./ledger-evidence.ts";

type Refunds = NonNullable<Evidence["refunds"]>;
type Book = NonNullable<Evidence["ledger"]>;

const decimal = z.string().regex(/^(0|[1-9][0-9]{0,38})$/);
const answerSchema = z.looseObject({
  refunded: decimal,
  refunds: z.array(z.looseObject({ debit: z.int().positive(), signed: z.optional(signedRefundSchema) })),
});

/** `lack`: why refunds of the payment are not all here, or not all shown by the ledger. */
export interface RefundEvidence {
  refunds: Refunds;
  lack?: string;
}

/**
 * Shows the payment, and asks what was given back of it. The ledger's entries are those of the payer and, where its books are open to this
 * machine, of the payee.
 * @param debit the payment's own entry in the payer's journal: no refund stands before it
 */
export async function refundEvidence(
  context: Context,
  input: FacilitatorInput,
  payment: Evidence["payment"],
  debit: Entry | undefined,
): Promise<Outcome<RefundEvidence>> {
  const { from: payer, to: payee } = payment.authorization;
  const call = { path: "/settlements/refunds", body: payment, answer: answerSchema, maxBytes: MAX_RESPONSE_BODY_BYTES };
  const answer = await callFacilitator(context, input, call);
  // A facilitator of 0.1 has no such call, and refunds nothing.
  if (!answer.ok) return answer.error.code === "not_found" ? succeed({ refunds: [] }) : answer;
  const signed = answer.data.refunds.flatMap(({ signed, debit }) => (signed ? [{ signed, debit }] : []));
  const credits = signed.length > 0 ? await creditsAfter(context, input, payer, Number(debit?.seq ?? 0)) : [];
  const refunds: Refunds = [];
  for (const { signed: order, debit: seq } of signed) {
    const transaction = refundTransaction(order.refund);
    const credit = credits.find((entry) => entry.transaction === transaction);
    const received = credit && (await underCheckpoint(context, input, payer, credit));
    const given = await debitAt(context, input, payee, seq);
    refunds.push({ signed: order, ...(received && { received }), ...(given && { given }) });
  }
  return succeed({ refunds, ...lackOf(refunds, BigInt(answer.data.refunded)) });
}

function lackOf(refunds: Refunds, refunded: bigint): { lack?: string } {
  const shown = refunds.reduce((sum, { signed }) => sum + BigInt(signed.refund.amount), 0n);
  if (shown < refunded)
    return { lack: `${displayAmount((refunded - shown).toString())} was refunded, of which the ledger shows no signed refund` };
  if (refunds.every(({ received, given }) => received ?? given)) return {};
  return { lack: "this machine may read neither account's journal, or the ledger signs no checkpoints" };
}

/** The refunds in an account's journal after an entry; empty where this machine may not read it. */
async function creditsAfter(context: Context, input: FacilitatorInput, account: AccountId, after: number): Promise<Entry[]> {
  const found: Entry[] = [];
  let read = after;
  for (let pages = 0; pages < MAX_JOURNAL_PAGES; pages++) {
    const page = await journalPage(context, input, account, read);
    const entries = page.ok ? page.data : [];
    const last = entries.at(-1);
    if (!last || Number(last.seq) <= read) break;
    found.push(...entries.filter(({ kind, cause }) => kind === "credit" && cause === "refund"));
    read = Number(last.seq);
  }
  return found;
}

async function debitAt(context: Context, input: FacilitatorInput, account: AccountId, seq: number): Promise<Book | undefined> {
  const page = await journalPage(context, input, account, seq - 1);
  const [entry] = page.ok ? page.data : [];
  return entry?.seq === String(seq) ? underCheckpoint(context, input, account, entry) : undefined;
}

async function underCheckpoint(context: Context, input: FacilitatorInput, account: AccountId, entry: Entry): Promise<Book | undefined> {
  const path = `/accounts/${account}/checkpoint?seq=${entry.seq}`;
  const checkpoint = await callFacilitator(context, input, { path, books: account, answer: signedCheckpointSchema });
  return checkpoint.ok ? { entries: [entry], checkpoint: checkpoint.data } : undefined;
}
