/** The tables of a `Deliveries` object and the columns of their rows. To change a table, append a step; never edit a released one. */

import { migrate, type MigrationStep } from "../../../../shared/migrations.ts";
import type { Column } from "../../../../shared/row.ts";

const STEPS: readonly MigrationStep[] = [
  {
    // The tables of release 0.1, which wrote no version: IF NOT EXISTS takes over the objects that it made.
    version: 1,
    statements: [
      `CREATE TABLE IF NOT EXISTS delivery (
         key TEXT PRIMARY KEY,               -- the authorization's digest
         lease TEXT NOT NULL,
         lease_until INTEGER NOT NULL,
         remembered TEXT,                    -- JSON of a DeliveryState
         forget_after INTEGER NOT NULL
       ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE IF NOT EXISTS answer (
         key TEXT PRIMARY KEY,               -- route and payment identifier
         order_key TEXT NOT NULL,            -- the signed payment that the identifier belongs to
         reservation_id TEXT NOT NULL,       -- the same for every run of that payment
         state TEXT NOT NULL CHECK (state IN ('running', 'stored', 'paid')),
         lease TEXT NOT NULL,
         lease_until INTEGER NOT NULL,
         reservation TEXT,                   -- JSON of a DeliveredHold, once stored
         receipt TEXT,                       -- JSON of a SettleResponse, once paid
         status INTEGER,                     -- NULL, like headers and body, if the answer was not stored
         headers TEXT,
         body BLOB,
         forget_after INTEGER NOT NULL
       ) STRICT, WITHOUT ROWID`,
    ],
  },
  {
    version: 2,
    statements: [
      `CREATE TABLE unsettled_run (
         key TEXT PRIMARY KEY,               -- the authorization's digest
         started_at INTEGER NOT NULL
       ) STRICT, WITHOUT ROWID`,
    ],
  },
  {
    // In objects of their own, `sales/<payee>/<day>`.
    version: 3,
    statements: [
      `CREATE TABLE sale (
         tx TEXT PRIMARY KEY,
         delivery_key TEXT NOT NULL,         -- the authorization's digest
         day INTEGER NOT NULL,               -- its first second; the same in all rows
         route TEXT NOT NULL,
         payment_id TEXT,                    -- the buyer's payment identifier
         status TEXT NOT NULL CHECK (status IN ('delivered', 'owed', 'pending')),
         payer TEXT NOT NULL,
         amount TEXT NOT NULL
       ) STRICT, WITHOUT ROWID`,
    ],
  },
  {
    version: 4,
    statements: [
      // In the object of a payer.
      `CREATE TABLE refund (
         key TEXT PRIMARY KEY,               -- the authorization's digest
         terms TEXT NOT NULL,                -- JSON of RefundTerms
         is_paid INTEGER NOT NULL,           -- 0: whether the money moved was not known
         state TEXT NOT NULL CHECK (state IN ('due', 'signed', 'made', 'owed')),
         signed TEXT,                        -- JSON of a SignedRefund, written before it is sent, and sent as it stands
         code TEXT,                          -- owed: why
         told TEXT,                          -- the state that the register of sales has
         tries INTEGER NOT NULL,
         next_at INTEGER,                    -- unix seconds; NULL: nothing is left to do
         began_at INTEGER NOT NULL
       ) STRICT, WITHOUT ROWID`,
      // In the register: JSON of a SaleRefund.
      `ALTER TABLE sale ADD COLUMN refund TEXT`,
    ],
  },
  {
    version: 5,
    statements: [
      // In the register: where the sale was paid; NULL for our ledger.
      `ALTER TABLE sale ADD COLUMN network TEXT`,
    ],
  },
];

/** Whether the object has tables, of whichever version. */
export function hasTables({ sql }: DurableObjectStorage): boolean {
  return sql.exec("SELECT 1 FROM sqlite_master WHERE name IN ('schema_version', 'delivery')").toArray().length > 0;
}

/** @throws {UnsupportedSchema} when newer code wrote the tables */
export function migrateDeliveries(storage: DurableObjectStorage): void {
  const sql = (statement: string, ...bindings: (string | number)[]) => storage.sql.exec(statement, ...bindings).toArray();
  migrate({ sql, transact: (body) => storage.transactionSync(body) }, STEPS);
}

/** The JSON of a `T`. Like a branded id it is trusted in a row, since the code that inserted the row made it from a `T`. */
export type Json<T> = string & { readonly __json: T };

export function toJson<T>(value: T): Json<T> {
  return JSON.stringify(value) as Json<T>;
}

export function fromJson<T>(json: Json<T>): T {
  return JSON.parse(json) as T;
}

export function blob(): Column<ArrayBuffer> {
  return { is: (value): value is ArrayBuffer => value instanceof ArrayBuffer };
}
