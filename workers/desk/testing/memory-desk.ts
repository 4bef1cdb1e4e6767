/** The tables of a desk in memory, with a facilitator that the test answers for. */

import type { AccountId } from "../../../shared/protocol/account.ts";
import type { DeskContext } from "../desk-context.ts";
import type { DeskEnv } from "../env.ts";
import { FacilitatorClient } from "../facilitator.ts";
import { Notices } from "../notices/notices.ts";
import { migrateDesk } from "../schema.ts";
import type { DeskStore, SqlValue } from "../store.ts";
import { Waiters } from "../waiters.ts";

interface Sqlite {
  prepare(statement: string): { all(...bindings: SqlValue[]): Record<string, unknown>[] };
}
/** The types of workerd have no node:sqlite. */
const { process } = globalThis as unknown as {
  process: { getBuiltinModule(name: string): { DatabaseSync: new (path: string) => Sqlite } };
};
const { DatabaseSync } = process.getBuiltinModule("node:sqlite");

/** @param size what the store says that it takes, in bytes */
export function memoryTables(size: () => number = () => 0): DeskStore {
  const database = new DatabaseSync(":memory:");
  const store: DeskStore = {
    sql: (statement, ...bindings) => database.prepare(statement).all(...bindings),
    transact: (body) => body(),
    size,
  };
  migrateDesk(store);
  return store;
}

export function memoryDesk(
  store: DeskStore,
  account: AccountId,
  facilitator: (url: string, init?: RequestInit) => Promise<Response>,
): DeskContext {
  const FACILITATOR = { fetch: facilitator } as unknown as Fetcher;
  const env = { FACILITATOR } as DeskEnv;
  return {
    account,
    origin: "https://desk.example",
    env,
    store,
    facilitator: new FacilitatorClient(env),
    waiters: new Waiters(),
    notices: new Notices({}, store),
    wakeBy: () => undefined,
  };
}
