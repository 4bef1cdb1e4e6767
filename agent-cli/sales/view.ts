/** Sales as commands return and show them. */

import * as z from "zod";
import { INCOMING, type MovementKind, OUTGOING } from "../../shared/books/movement.ts";
import { ERRORS, isErrorCode } from "../../shared/errors.ts";
import { ASSET } from "../../shared/lez.ts";
import { REFUND_OBSTACLES } from "../../shared/protocol/refund-obstacle.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { money } from "../../shared/screen/money.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { counted, field, type Layout } from "../runtime/layout.ts";
import { moneySchema } from "../runtime/money.ts";
import { NOT_RECORDED, type OpenSales, routeOf } from "./open-sales.ts";
import type { Sale } from "./sales.ts";

export const saleSchema = z.strictObject({
  /** RFC 3339, by the ledger's clock. */
  at: z.string(),
  /** The entry of the account's journal. */
  entry: z.string(),
  /** As the merchant recorded it, or "route not recorded". */
  route: z.string(),
  amount: moneySchema,
  /** Absent if neither the journal nor the merchant's record names one payment. */
  payer: z.string().optional(),
  transaction: z.string().optional(),
  /** The buyer's payment identifier, as the merchant recorded it. */
  paymentId: z.string().optional(),
  refunded: moneySchema,
  /** `unknown`: the merchant has no record of it. */
  delivery: z.enum(["delivered", "owed", "unknown"]),
  /** Of goods that were not delivered in time: why their money is not back yet, by the merchant's record. Absent if it is. */
  refundOwed: z.string().optional(),
  /** More than one in a line that is the sum of several payments. */
  payments: z.number(),
  /** Who says what it was: the ledger, the merchant's record of a payment inside a batch, or a sum that cannot be itemised. */
  amountFrom: z.enum(["ledger", "merchant", "sum"]),
});
export type SaleView = z.infer<typeof saleSchema>;

export function saleView(sale: Sale): SaleView {
  const { at, seq, value, counterparty, transaction, record, refunded, payments, source } = sale;
  return {
    at: formatTimestamp(at),
    entry: seq,
    route: routeOf(sale),
    amount: units(value),
    ...(counterparty !== undefined && { payer: counterparty }),
    ...(transaction !== undefined && { transaction }),
    ...(record?.paymentId !== undefined && { paymentId: record.paymentId }),
    refunded: units(refunded),
    delivery: deliveryOf(sale),
    ...(isRefundOwed(sale) && { refundOwed: whyNotRefunded(sale) }),
    payments,
    amountFrom: source,
  };
}

/** A capture without an answer, whose money moved all the same, is owed. */
export function deliveryOf({ record }: Pick<Sale, "record">): SaleView["delivery"] {
  if (!record) return "unknown";
  return record.status === "delivered" ? "delivered" : "owed";
}

/** Goods that the merchant still delivers. */
export function isOwed(sale: Sale): boolean {
  return deliveryOf(sale) === "owed" && sale.refunded < sale.value && !sale.record?.refund;
}

/** Money: the merchant delivers no more, and the journal does not have all of it back. */
export function isRefundOwed({ record, refunded, value }: Sale): boolean {
  return record?.refund !== undefined && refunded < value;
}

function whyNotRefunded({ record }: Sale): string {
  const { state = "", code = "" } = record?.refund ?? {};
  if (state === "due") return "the merchant is giving it back";
  if (state === "made") return "the merchant says that it went back, and the journal does not have it";
  if (Object.hasOwn(REFUND_OBSTACLES, code)) return REFUND_OBSTACLES[code as keyof typeof REFUND_OBSTACLES];
  return isErrorCode(code) ? `${code}: ${ERRORS[code].message}` : "for a reason that this version does not know";
}

export function units(value: bigint) {
  return money(value.toString(), ASSET);
}

export const sumSchema = z.strictObject({ payments: z.number(), value: moneySchema });

const kinds = [...INCOMING, ...OUTGOING] as const;

/** The statement of the whole journal: opening balance, what came in and went out, closing balance. */
export const statementSchema = z.strictObject({
  account: z.string(),
  ledger: z.string(),
  /** Entries that were read and checked, and the hash of the last one. */
  entries: z.number(),
  head: z.string(),
  /** The last entry that the ledger has pruned, whose balance it names; absent if the journal is whole. */
  prunedThrough: z.string().optional(),
  opening: moneySchema,
  movements: z.strictObject(Object.fromEntries(kinds.map((kind) => [kind, sumSchema])) as Record<MovementKind, typeof sumSchema>),
  closing: moneySchema,
});
export type StatementView = z.infer<typeof statementSchema>;

export function statementView({ source, books }: OpenSales): StatementView {
  const { chain, statement } = books;
  const movements = Object.fromEntries(
    kinds.map((kind) => [kind, { payments: statement[kind].payments, value: units(statement[kind].value) }]),
  ) as StatementView["movements"];
  return {
    account: source.account,
    ledger: source.ledger,
    entries: chain.entries,
    head: source.head.hash,
    ...(chain.base && { prunedThrough: chain.base.seq }),
    opening: units(statement.opening),
    movements,
    closing: units(statement.closing),
  };
}

const WORDS: Record<MovementKind, string> = {
  sale: "sales",
  transfer_in: "received",
  refund_received: "refunded",
  funding: "funding",
  refund: "refunds",
  transfer_out: "sent",
  purchase: "purchases",
};

/** One line for each kind that moved money, between the two balances. */
export function statementLines({ prunedThrough, opening, movements, closing, entries }: StatementView, layout: Layout): string[] {
  const outgoing: readonly string[] = OUTGOING;
  const moved = kinds.filter((kind) => movements[kind].payments > 0);
  return [
    ...field(layout, "opening", `${opening.display}${prunedThrough ? `, after entry ${prunedThrough}, the last that was pruned` : ""}`),
    ...moved.flatMap((kind) => {
      const { payments, value } = movements[kind];
      return field(layout, WORDS[kind], `${outgoing.includes(kind) ? "−" : "+"} ${value.display} in ${counted(payments, "payment")}`);
    }),
    ...field(layout, "closing", `${closing.display}: the balance, over ${counted(entries, "checked entry", "checked entries")}`),
  ];
}

export function saleLines(sale: SaleView, layout: Layout): string[] {
  const { at, route, amount, payer, transaction, paymentId, refunded, delivery, refundOwed, payments, amountFrom } = sale;
  const isBack = BigInt(refunded.amount) >= BigInt(amount.amount);
  const notes = [
    ...(payments > 1 ? [`${payments} payments from another shard, not itemised`] : []),
    ...(amountFrom === "merchant" ? ["the amount is the merchant's word, and fits the sum"] : []),
    ...(refunded.amount === "0" ? [] : [`${refunded.display} refunded`]),
    ...(delivery === "owed"
      ? [isBack ? "not delivered, and given back" : refundOwed ? `refund owed: ${refundOwed}` : "owed: paid, not delivered"]
      : []),
  ];
  return [
    `${layout.ink("bold", amount.display)}  ${showUnsafe(route)}  ${layout.ink("dim", at)}`,
    ...(payer === undefined ? [] : field(layout, "payer", payer)),
    ...(transaction === undefined ? [] : field(layout, "transaction", transaction)),
    ...(paymentId === undefined ? [] : field(layout, "id", showUnsafe(paymentId))),
    ...notes.flatMap((note) => field(layout, "note", note)),
  ];
}

/** Where each part of the output comes from. */
export function provenance(merchant: string | undefined): string {
  const sums = "Amounts are from the account's checked journal.";
  return merchant === undefined
    ? `${sums} No merchant was asked, so each is "${NOT_RECORDED}": --merchant-url URL, and for an operator --merchant-key-file FILE`
    : `${sums} Route, id and delivery are the merchant's own record, at ${showUnsafe(merchant)}.`;
}
