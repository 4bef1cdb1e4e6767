/** What a retired ledger is exported as: the rows of its tables, in pages. spec/restore.md has the file that they make. */

import * as z from "zod/mini";
import { EXPORT_PAGE } from "../limits.ts";
import type { LedgerStore, Row, SqlValue } from "./store.ts";

/**
 * The tables that are exported, in this order, with the columns of their keys and the statement that reads a page after a key. All
 * other tables stay behind: what shards sent each other is delivered, and the clock's last refusal is the origin's `final`.
 */
const TABLES = {
  /** With the last pruned entry of its chain. */
  account: {
    key: ["id"],
    page: `SELECT a.*, base_seq, base_hash, base_balance FROM account AS a LEFT JOIN checkpoint AS c ON c.account = a.id
      WHERE id > ? ORDER BY id LIMIT ?`,
  },
  journal: {
    key: ["account", "seq"],
    // Without the lists of who paid a batch, which would make a page too large: each of them is in the debit of its payer.
    page: `SELECT account, seq, kind, counterparty, value, balance_after, authorization_digest, request_digest, mandate, tx, cause, refund_of,
      session, batch, at, prev_hash, hash FROM journal WHERE (account, seq) > (?, CAST(? AS INTEGER)) ORDER BY account, seq LIMIT ?`,
  },
  payment: { key: ["payer", "nonce"], page: "SELECT * FROM payment WHERE (payer, nonce) > (?, ?) ORDER BY payer, nonce LIMIT ?" },
  panic: { key: ["payer"], page: "SELECT * FROM panic WHERE payer > ? ORDER BY payer LIMIT ?" },
  faucet: { key: ["account"], page: "SELECT * FROM faucet WHERE account > ? ORDER BY account LIMIT ?" },
  faucet_grant: { key: ["id"], page: "SELECT * FROM faucet_grant WHERE id > ? ORDER BY id LIMIT ?" },
  /** What they hold is the payers'. Their claims are in the journal, and their nonces among the payments. */
  session: { key: ["payer", "id"], page: "SELECT * FROM session WHERE (payer, id) > (?, ?) ORDER BY payer, id LIMIT ?" },
} as const satisfies Record<string, { key: readonly string[]; page: string }>;

export type ExportedTable = keyof typeof TABLES;
export const EXPORTED_TABLES = Object.keys(TABLES) as ExportedTable[];

/** A place in a table: the key of a row, as texts. "" or nothing is before the first row. */
export type Position = readonly string[];

/** `table`, and the key after which the page begins. */
export const exportSchema = z.strictObject({
  table: z.enum(EXPORTED_TABLES),
  after: z.array(z.string()).check(z.maxLength(2)),
  key: z.string(),
});
export type ExportCommand = z.infer<typeof exportSchema>;

/** A page of a table, in the order of its keys. A page of fewer rows than EXPORT_PAGE is the last. */
export interface ExportPage {
  rows: Row[];
}

export function readPage(store: LedgerStore, table: ExportedTable, after: Position): ExportPage {
  const { key, page } = TABLES[table];
  return { rows: store.sql(page, ...key.map((_, i) => after[i] ?? ""), EXPORT_PAGE) };
}

/** The place of a row in its table. */
export function positionOf(table: ExportedTable, row: Readonly<Record<string, SqlValue | undefined>>): Position {
  return TABLES[table].key.map((column) => String(row[column]));
}
