/** `refund`: the seller's owner gives a payment back, in whole or in part. */

import * as z from "zod";
import { type Digest, digestSchema, randomDigest } from "../../shared/crypto/digest.ts";
import { ASSET, NETWORK } from "../../shared/lez.ts";
import { REFUND_SECONDS } from "../../shared/limits.ts";
import { type Amount, displayAmount } from "../../shared/protocol/amount.ts";
import { type Refund, REFUND_REASONS, refundTransaction, type SignedRefund, signRefund } from "../../shared/protocol/refund.ts";
import { money } from "../../shared/screen/money.ts";
import { unixNow } from "../../shared/time.ts";
import { balanceOf } from "../approval/account-balance.ts";
import { confirmRefund, refundScreen } from "../approval/refund-screen.ts";
import { defineCommand } from "../command-line/command.ts";
import { amountField, dryRunField, ownerFileField, textField } from "../command-line/fields.ts";
import { chainAt } from "../facilitator/account-chain.ts";
import { facilitatorFields, type FacilitatorInput } from "../facilitator/client.ts";
import { askLedger } from "../facilitator/ledger-id.ts";
import { withOpenBooks } from "../facilitator/open-books.ts";
import type { OrderOutcome } from "../facilitator/order-outcome.ts";
import { sendRefund } from "../facilitator/send-refund.ts";
import { findOwner, openOwner } from "../keys/owner-key.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { interrupted } from "../prompts/prompts.ts";
import { anchorEntry } from "../records/audit-anchors.ts";
import { appendEntry, type AuditFacts, checkAudit } from "../records/audit-log.ts";
import { type RefundRecord, refundsOf, writeRefund } from "../records/refund-journal.ts";
import { type Context, warn } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { field } from "../runtime/layout.ts";
import { exclusively } from "../runtime/lock.ts";
import { moneySchema } from "../runtime/money.ts";
import { fail, type Failure, type Next, type Outcome, refuse, succeed } from "../runtime/outcome.ts";
import { findSale, type RefundableSale } from "../sales/find-sale.ts";

const resultSchema = z.strictObject({
  dryRun: z.literal(true).optional(),
  /** An earlier run had signed it, and its outcome was not known. */
  resumed: z.literal(true).optional(),
  id: z.string(),
  /** The refund's own. */
  transaction: z.string(),
  refundOf: z.string(),
  from: z.string(),
  to: z.string(),
  amount: moneySchema,
  reason: z.string(),
});

export const refundCommand = defineCommand({
  name: "refund",
  audience: "owner",
  summary: "give a payment back to the account that paid, whole or in part",
  description:
    "Finds the sale in the account's checked journal and shows what was paid, by whom, and what was refunded before. The ledger pays the refund to the payer alone, and never more than was paid. An answer that was lost is no reason to refund twice: the same command sends the same refund again.",
  input: z.strictObject({
    transaction: textField(digestSchema).meta({ positional: true, description: "the payment's transaction: lez-agent-pay sales list" }),
    amount: amountField.optional().meta({ value: "amount", description: "a part of it; else all that is left" }),
    reason: z.enum(REFUND_REASONS, `must be one of ${REFUND_REASONS.join(", ")}`).meta({ description: REFUND_REASONS.join(", ") }),
    confirm: textField(digestSchema)
      .optional()
      .meta({ value: "transaction", description: "the transaction again, beside --amount, in place of the question" }),
    ownerFile: ownerFileField,
    ...passphraseFields,
    ...facilitatorFields,
    ...dryRunField,
  }),
  output: resultSchema,
  examples: [
    {
      says: "all of it",
      argv: "refund 3f1c0e5d7a9b2846f0e1d2c3b4a5968778695a4b3c2d1e0f9a8b7c6d5e4f3021 --reason service_not_delivered",
    },
    {
      says: "a part of it",
      argv: "refund 3f1c0e5d7a9b2846f0e1d2c3b4a5968778695a4b3c2d1e0f9a8b7c6d5e4f3021 --amount 2500 --reason overcharge",
    },
  ],
  async run(context, input) {
    const { reason, confirm } = input;
    const transaction = input.transaction as Digest;
    if (confirm !== undefined && input.amount === undefined) return fail("usage", "--confirm goes with --amount: name the sum as well.");
    const config = context.config();
    if (!config.ok) return config;
    const owner = findOwner(context, input.ownerFile);
    if (!owner.ok) return owner;
    const from = owner.data.key.account;
    const earlier = refundsOf(context, { from, transaction });
    if (!earlier.ok) return earlier;
    const open = earlier.data.find(({ state }) => state === "sent");
    if (open) return resume(context, input, open.signed);

    const ledger = await askLedger(context, input);
    if (!ledger.ok) return ledger;
    const sale = await withOpenBooks(context, input, owner.data, async () => {
      const chain = await chainAt(context, input, from);
      return chain.ok ? findSale(chain.data, transaction) : chain;
    });
    if (!sale.ok) return sale;
    const refused = notRefundable(sale.data, input.amount);
    if (refused) return refused;
    const refund: Refund = {
      version: "1",
      network: NETWORK,
      asset: ASSET,
      ledger: ledger.data,
      transaction,
      from,
      to: sale.data.payer,
      entry: sale.data.entry,
      amount: input.amount ?? ((sale.data.value - sale.data.refunded).toString() as Amount),
      reason,
      id: randomDigest(),
      issuedAt: String(unixNow()),
    };
    const view = { refund, sale: sale.data, balance: await balanceOf(context, { ...input, offline: false }, from) };
    context.say(...refundScreen(view, context.layout));
    if (input.dryRun) return succeed({ dryRun: true as const, ...dataOf(refund) });
    const { balance } = view;
    if (balance.kind === "known" && balance.spendable < BigInt(refund.amount)) return tooLittle(balance.spendable);
    const confirmed = await confirmRefund(context, view, confirm, config.data.approvalThreshold);
    if (!confirmed.ok) return confirmed;
    const signer = await openOwner(context, owner.data, input);
    if (!signer.ok) return signer;
    const signed = await signRefund({ ...refund, issuedAt: String(unixNow()) }, signer.data);
    const noted = await exclusively<RefundRecord | undefined>(context, async () => {
      const now = refundsOf(context, refund);
      if (!now.ok) return now;
      const other = overtakenBy(now.data, earlier.data, sale.data);
      if (other) return succeed(other);
      const recordable = checkAudit(context);
      if (!recordable.ok) return recordable;
      if (context.io.signal.aborted) return interrupted("Nothing was sent.");
      const written = writeRefund(context, signed, "sent");
      if (!written.ok) return written;
      const entry = appendEntry(context, "refund_signed", factsOf(signed.refund, "transactionIfSettled"));
      const anchored = entry.ok ? await anchorEntry(context, entry.data, signer.data) : entry;
      return anchored.ok ? succeed(undefined) : anchored;
    });
    if (!noted.ok) return noted;
    if (noted.data) return overtaken(context, input, noted.data, { amount: refund.amount, sale: sale.data });
    return conclude(context, signed, await sendRefund(context, input, signed));
  },
  render: (data, layout) => [
    data.dryRun ? "Nothing was signed." : layout.ink("green", `Refunded: ${data.amount.display}`),
    ...(data.resumed ? field(layout, "note", "this is the refund that was signed earlier; it was made once") : []),
    ...field(layout, "to", data.to),
    ...field(layout, "of", data.refundOf),
    ...(data.dryRun ? [] : field(layout, "transaction", data.transaction, 13)),
  ],
});

/** The refund that an earlier run signed. Its owner has confirmed it then, and its id pays once. */
async function resume(
  context: Context,
  input: FacilitatorInput & { amount?: string | undefined; reason: string; dryRun: boolean },
  signed: SignedRefund,
): Promise<Outcome<z.infer<typeof resultSchema>>> {
  const { amount, reason } = signed.refund;
  if ((input.amount !== undefined && input.amount !== amount) || input.reason !== reason) {
    return fail("outcome_unknown", `A refund of ${displayAmount(amount)} was signed here before, and its outcome is not known.`, {
      hint: "Send that one again first: the next command does it, and pays it once.",
      next: nextOf(signed.refund),
    });
  }
  if (input.dryRun) return succeed({ dryRun: true as const, resumed: true as const, ...dataOf(signed.refund) });
  context.progress("Sending the refund that was signed earlier …");
  const concluded = await conclude(context, signed, await sendRefund(context, input, signed));
  return concluded.ok ? succeed({ ...concluded.data, resumed: true as const }) : concluded;
}

/** A refund of this machine that was signed, and not refused, since its owner's screen was read: neither the records nor the journal had it. */
function overtakenBy(
  now: readonly RefundRecord[],
  earlier: readonly RefundRecord[],
  { refunds }: RefundableSale,
): RefundRecord | undefined {
  const known = new Set(earlier.map(({ signed }) => signed.refund.id));
  return now.find(
    ({ state, signed: { refund } }) =>
      state === "sent" || (state === "refunded" && !known.has(refund.id) && !refunds.has(refundTransaction(refund))),
  );
}

/** Nothing of this run was written or sent. What is left is known once the other refund's outcome is: the same one is sent again. */
async function overtaken(
  context: Context,
  input: FacilitatorInput,
  { state, signed }: RefundRecord,
  { amount, sale }: { amount: string; sale: RefundableSale },
): Promise<Failure> {
  const other = displayAmount(signed.refund.amount);
  const made = state === "refunded" ? succeed(undefined) : await conclude(context, signed, await sendRefund(context, input, signed));
  const counted = sale.refunds.has(refundTransaction(signed.refund));
  const left = sale.value - sale.refunded - (counted ? 0n : BigInt(signed.refund.amount));
  if (made.ok && BigInt(amount) > left) {
    return refuse(
      "refund_exceeded",
      EXIT.paymentRejected,
      `Another run gave ${other} back meanwhile: only ${displayAmount(left)} of ${displayAmount(sale.value)} is left to refund.`,
    );
  }
  const what = made.ok ? `Another run gave ${other} of this payment back` : `Another run signed a refund of ${other} of this payment`;
  return fail("busy", `${what} meanwhile. This one was not sent.`, { hint: "Run the same command again: it shows what is left." });
}

async function conclude(context: Context, signed: SignedRefund, outcome: OrderOutcome): Promise<Outcome<z.infer<typeof resultSchema>>> {
  const { refund } = signed;
  if (outcome.kind === "made") {
    const noted = await note(context, signed, "refunded");
    // The money went back, whatever this machine could record.
    if (!noted.ok) warn(context, `It was refunded, and was not recorded here: ${noted.error.message}`);
    return succeed(dataOf(refund));
  }
  if (outcome.kind === "refused") {
    const noted = await note(context, signed, "refused", outcome.code);
    return noted.ok ? outcome.failure : noted;
  }
  if (outcome.kind === "open") return { ...outcome.failure, next: nextOf(refund) };
  return fail("outcome_unknown", `Whether the refund was made is not known. ${outcome.failure.error.message}`, {
    hint: "Sign no other one: the next command sends the same refund again, and pays it once.",
    details: { id: refund.id, transactionIfRefunded: refundTransaction(refund) },
    next: nextOf(refund),
  });
}

/** The log before the record: a run that dies in between sends the refund again, and gets the same answer. */
function note(context: Context, signed: SignedRefund, state: "refunded" | "refused", code?: string): Promise<Outcome<undefined>> {
  return exclusively(context, () => {
    const records = refundsOf(context, signed.refund);
    if (!records.ok) return records;
    // Another run may have sent the same refund, and written the same answer.
    const before = records.data.find(({ signed: { refund } }) => refund.id === signed.refund.id)?.state;
    if (before === "refunded" || before === state) return succeed(undefined);
    const facts = {
      ...factsOf(signed.refund, state === "refunded" ? "transaction" : "transactionIfSettled"),
      ...(code !== undefined && { code }),
    };
    const entry = appendEntry(context, state === "refunded" ? "refunded" : "refund_refused", facts);
    return entry.ok ? writeRefund(context, signed, state, code) : entry;
  });
}

function factsOf(refund: Refund, name: "transaction" | "transactionIfSettled"): AuditFacts {
  const { from, to, ledger, transaction: refundOf, entry, amount, reason, id } = refund;
  return { refund: id, [name]: refundTransaction(refund), refundOf, from, to, ledger, entry, amount, reason };
}

function dataOf(refund: Refund): z.infer<typeof resultSchema> {
  const { id, transaction: refundOf, from, to, amount, reason } = refund;
  return { id, transaction: refundTransaction(refund), refundOf, from, to, amount: money(amount, ASSET), reason };
}

function nextOf({ transaction, amount, reason }: Refund): Next {
  const argv = ["lez-agent-pay", "refund", transaction, "--amount", amount, "--reason", reason];
  return { argv, by: "owner", why: "send the same refund again" };
}

/** Why there is nothing to sign; undefined if there is. The ledger decides the same by its own clock and table. */
function notRefundable({ value, refunded, at }: RefundableSale, amount: string | undefined): Failure | undefined {
  const left = value - refunded;
  if (left <= 0n) return refuse("refund_exceeded", EXIT.paymentRejected, `All of it, ${displayAmount(value)}, was refunded before.`);
  if (amount !== undefined && BigInt(amount) > left) {
    return refuse("refund_exceeded", EXIT.paymentRejected, `Only ${displayAmount(left)} of ${displayAmount(value)} is left to refund.`, {
      hint: `Refund that: --amount ${left}`,
    });
  }
  if (unixNow() <= at + REFUND_SECONDS) return undefined;
  return refuse("refund_expired", EXIT.paymentRejected, "The payment is older than 30 days: the ledger refunds it no more.", {
    hint: "Pay the buyer another way.",
  });
}

function tooLittle(spendable: bigint): Failure {
  return fail("balance_too_low", `The account can spend only ${displayAmount(spendable)}. Nothing was signed.`, {
    hint: "Refund a part with --amount, or fund the account first.",
  });
}
