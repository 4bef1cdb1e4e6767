/** The register of one payee's sales of one day: the table `sale` of an object of its own. */

import type { Digest } from "../../../../shared/crypto/digest.ts";
import { MAX_REGISTER_BYTES, SALES_PAGE, SALES_RETENTION_SECONDS } from "../../../../shared/limits.ts";
import type { AccountId } from "../../../../shared/protocol/account.ts";
import { integer, nullable, oneOf, row, type RowOf, text } from "../../../../shared/row.ts";
import { type RecordedSale, type SaleRefund, SESSIONS_ROUTE } from "./sales-register.ts";
import { fromJson, type Json, toJson } from "./schema.ts";

const COLUMNS = {
  tx: text<Digest>(),
  delivery_key: text<Digest>(),
  day: integer(),
  route: text(),
  payment_id: nullable(text()),
  status: oneOf("delivered", "owed", "pending"),
  payer: text<AccountId>(),
  amount: text(),
  network: nullable(text()),
  refund: nullable(text<Json<SaleRefund>>()),
};
const saleRow = row(COLUMNS);
const SELECT = `SELECT ${Object.keys(COLUMNS).join(", ")} FROM sale`;
const dayRow = row({ day: integer() });

export class SaleTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** One row a sale: what was delivered stays so. @returns false if the register is full, and lacks these */
  record(sales: readonly RecordedSale[], day: number): boolean {
    if (this.#sql.databaseSize > MAX_REGISTER_BYTES) return false;
    for (const { transaction, key, route, paymentId, status, payer, amount, network } of sales) {
      this.#sql.exec(
        `INSERT INTO sale (tx, delivery_key, day, route, payment_id, status, payer, amount, network) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (tx) DO UPDATE SET status = excluded.status WHERE status <> 'delivered'`,
        transaction,
        key,
        day,
        route,
        paymentId ?? null,
        status,
        payer,
        amount,
        network ?? null,
      );
    }
    return true;
  }

  /** @returns false if the register is full, and lacks this */
  recordRefund(sale: RecordedSale, day: number): boolean {
    const { transaction, refund } = sale;
    // The first record of a sale says what it was.
    const isKnown = this.#sql.exec("SELECT 1 FROM sale WHERE tx = ?", transaction).toArray().length > 0;
    if (!isKnown && !this.record([sale], day)) return false;
    if (refund) this.#sql.exec("UPDATE sale SET refund = ? WHERE tx = ?", toJson(refund), transaction);
    return true;
  }

  /** The next page behind a transaction, in the order of transactions. */
  page(after: string): RecordedSale[] {
    return this.#sql.exec(`${SELECT} WHERE tx > ? ORDER BY tx LIMIT ?`, after, SALES_PAGE).toArray().map(recordedSale);
  }

  /** Marks a sale as owed again. A claim is none: its calls were delivered one by one. @returns the sale; undefined if there is none */
  reopen(transaction: Digest): RecordedSale | undefined {
    this.#sql.exec("UPDATE sale SET status = 'owed' WHERE tx = ? AND route <> ?", transaction, SESSIONS_ROUTE);
    return this.#sql.exec(`${SELECT} WHERE tx = ? AND route <> ?`, transaction, SESSIONS_ROUTE).toArray().map(recordedSale)[0];
  }

  forget(now: number): void {
    if ((this.nextForget() ?? Infinity) < now) this.#sql.exec("DELETE FROM sale");
  }

  /** All sales of the day are forgotten together. */
  nextForget(): number | undefined {
    const [first] = this.#sql.exec("SELECT day FROM sale LIMIT 1").toArray();
    return first && dayRow(first).day + SALES_RETENTION_SECONDS;
  }
}

function recordedSale(found: Record<string, unknown>): RecordedSale {
  const { tx, delivery_key: key, payment_id: paymentId, day: _, network, refund, ...sale }: RowOf<typeof COLUMNS> = saleRow(found);
  return {
    transaction: tx,
    key,
    ...sale,
    ...(paymentId !== null && { paymentId }),
    ...(network !== null && { network }),
    ...(refund !== null && { refund: fromJson(refund) }),
  };
}
