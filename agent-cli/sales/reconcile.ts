/** Compares the seller's own orders with its sales, payment by payment. */

import type { Digest } from "../../shared/crypto/digest.ts";
import type { Order } from "./order-file.ts";
import type { Sale } from "./sales.ts";

export interface Difference {
  /** `missing`: a sale that no order names. `extra`: an order that no sale is. `different`: another amount. */
  kind: "missing" | "extra" | "different";
  /** The line of the file; absent if it is missing there. */
  line?: number;
  id: string;
  /** Atomic units; absent where there is none. */
  ordered?: bigint;
  sold?: bigint;
}

/** Takes sales as they are read; what is left in the end has no sale. */
export class Reconciliation {
  readonly #orders = new Map<string, Order[]>();
  readonly #differences: Difference[] = [];
  #matched = 0;

  constructor(orders: readonly Order[]) {
    for (const order of orders) this.#orders.set(order.id, [...(this.#orders.get(order.id) ?? []), order]);
  }

  take(sale: Sale): void {
    if (sale.transactions) return this.#takeSum(sale.transactions, sale.value);
    const { transaction = "", record, value } = sale;
    const order = this.#find(transaction, value) ?? (record?.paymentId === undefined ? undefined : this.#find(record.paymentId, value));
    if (!order) this.#differences.push({ kind: "missing", id: transaction, sold: value });
    else if (order.amount === value) this.#matched++;
    else this.#differences.push({ kind: "different", line: order.line, id: order.id, ordered: order.amount, sold: value });
  }

  /** Every order that was not taken is extra: also the second line of one payment. */
  finish(): { matched: number; differences: Difference[] } {
    const extra = [...this.#orders.values()].flat().map(({ line, id, amount }) => ({ kind: "extra", line, id, ordered: amount }) as const);
    return { matched: this.#matched, differences: [...this.#differences, ...extra.sort((a, b) => a.line - b.line)] };
  }

  /** Of several payments the ledger has the sum: each must be ordered, and all orders together must be that sum. */
  #takeSum(transactions: readonly Digest[], sum: bigint): void {
    const orders = transactions.map((transaction) => ({ transaction, order: this.#find(transaction) }));
    const unknown = orders.filter(({ order }) => !order);
    for (const { transaction } of unknown) this.#differences.push({ kind: "missing", id: transaction });
    const ordered = orders.reduce((total, { order }) => total + (order?.amount ?? 0n), 0n);
    const found = orders.flatMap(({ order }) => order ?? []);
    if (unknown.length === 0 && ordered !== sum) {
      const id = found.map(({ id }) => id).join(" + ");
      this.#differences.push({ kind: "different", ...(found[0] && { line: found[0].line }), id, ordered, sold: sum });
    } else this.#matched += found.length;
  }

  /** An identifier is a buyer's own word, so several payments can have one: that with the same amount is taken first. */
  #find(id: string, value?: bigint): Order | undefined {
    const orders = this.#orders.get(id) ?? [];
    const best = orders.findIndex(({ amount }) => amount === value);
    const [order] = orders.splice(Math.max(best, 0), 1);
    if (orders.length === 0) this.#orders.delete(id);
    return order;
  }
}
