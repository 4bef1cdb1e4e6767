/** What the owner of a seller reads before a refund, from the checked journal and the refund itself, and the question under it. */

import { displayAmount } from "../../shared/protocol/amount.ts";
import type { Refund } from "../../shared/protocol/refund.ts";
import { isTypedAmount } from "../../shared/screen/answer.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import type { BalanceView } from "../../shared/screen/view.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { askTyped, askYesOrNo, interrupted } from "../prompts/prompts.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { field, type Layout } from "../runtime/layout.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import type { RefundableSale } from "../sales/find-sale.ts";

export interface RefundView {
  refund: Refund;
  sale: RefundableSale;
  balance: BalanceView;
}

export function refundScreen({ refund, sale, balance }: RefundView, layout: Layout): string[] {
  const { from, to, transaction, amount, reason } = refund;
  const after = sale.value - sale.refunded - BigInt(amount);
  const funds = balance.kind === "known" ? `${displayAmount(balance.spendable)} can be spent` : `not known: ${showUnsafe(balance.why)}`;
  return [
    layout.ink("bold", "REFUND"),
    "",
    ...field(layout, "Give back", `${displayAmount(amount)} = ${amount} units`).map((line) => layout.ink("bold", line)),
    ...field(layout, "To", `${to}, who paid`),
    ...field(layout, "Sale", `${displayAmount(sale.value)} on ${formatTimestamp(sale.at)}, entry ${sale.entry}`),
    ...(sale.ofBatch ? field(layout, "", "one payment of a batch: its payer and its amount are the ledger's word") : []),
    ...field(layout, "Transaction", transaction),
    ...field(layout, "Before", sale.refunded === 0n ? "nothing was refunded" : `${displayAmount(sale.refunded)} was refunded`),
    ...field(layout, "After", after === 0n ? "all of it is refunded" : `${displayAmount(after)} of it is left`),
    ...field(layout, "Reason", reason.replaceAll("_", " ")),
    ...field(layout, "From", from),
    ...field(layout, "Balance", funds),
    "",
  ];
}

/** @param confirmed the transaction again, in place of the question @param threshold above it the amount is typed */
export async function confirmRefund(
  context: Context,
  { refund, sale }: RefundView,
  confirmed: string | undefined,
  threshold: bigint,
): Promise<Outcome<undefined>> {
  const amount = BigInt(refund.amount);
  if (confirmed === sale.transaction) return succeed(undefined);
  if (confirmed !== undefined) return fail("request_differs", "--confirm names another transaction than the one to refund.");
  if (!context.interactive) {
    return fail("interaction_required", "A refund waits for the owner, and there is no terminal to ask on.", {
      exit: EXIT.approvalPending,
      hint: `Run this in a terminal, or read it with --dry-run and add --amount ${refund.amount} --confirm ${sale.transaction}`,
      details: { transaction: sale.transaction, amount: refund.amount, to: refund.to },
    });
  }
  const question = `Give ${displayAmount(refund.amount)} back?`;
  const yes =
    amount <= threshold
      ? await askYesOrNo(context, question)
      : await askTyped(context, `${question} Type the amount, or nothing to leave it`, {
          isRight: (text) => isTypedAmount(text, amount),
          wrong: "That is not the amount of this refund.",
        });
  if (yes === undefined) return interrupted("Nothing was signed.");
  return yes ? succeed(undefined) : fail("not_approved", "Nothing was signed, and nothing goes back.");
}
