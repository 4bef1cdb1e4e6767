/** The merchant's objects as the tests in this folder reach them. */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Deliveries } from "../../workers/merchant/paywall/memory/deliveries.ts";

export type DeliveriesStub = DurableObjectStub<Deliveries>;

export const { DELIVERIES } = env as unknown as { DELIVERIES: DurableObjectNamespace<Deliveries> };

export function newDeliveries(): DeliveriesStub {
  return DELIVERIES.getByName(crypto.randomUUID());
}

/** Replaces all tables by those of a dump. The object opens them with its next call. */
export async function restore(stub: DeliveriesStub, dump: string): Promise<void> {
  await runInDurableObject(stub, (_, { storage: { sql } }) => {
    for (const { name } of tablesOf(sql)) sql.exec(`DROP TABLE ${name}`);
    sql.exec(dump);
  });
  await evictDurableObject(stub);
}

/** Every row, by table. */
export function rowsOf(stub: DeliveriesStub): Promise<Record<string, Record<string, SqlStorageValue>[]>> {
  return runInDurableObject(stub, (_, { storage: { sql } }) =>
    Object.fromEntries(tablesOf(sql).map(({ name }) => [name, sql.exec(`SELECT * FROM ${name}`).toArray()])),
  );
}

function tablesOf(sql: SqlStorage): { name: string }[] {
  return sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'").toArray();
}
