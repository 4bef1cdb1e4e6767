/** The Durable Object `Catalogue`, one per facilitator: what can be bought through it. No payment waits for it. */

import { DurableObject } from "cloudflare:workers";
import { unixNow } from "../../shared/time.ts";
import type { CatalogueEntry } from "./catalogue-entry.ts";
import { CatalogueTable, type Found, type Listing } from "./catalogue-table.ts";

/** Methods without an await. Their names, arguments and results stay: during a deployment a Worker of one version calls the object of another. */
export class Catalogue extends DurableObject {
  readonly #table: CatalogueTable;

  /** @throws {UnsupportedSchema} when newer code wrote the table: nothing is listed then, and payments go on */
  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env as never);
    const { storage } = ctx;
    this.#table = new CatalogueTable({
      sql: (statement, ...bindings) => storage.sql.exec(statement, ...bindings).toArray(),
      transact: (body) => storage.transactionSync(body),
    });
  }

  record(entry: CatalogueEntry): boolean {
    return this.#table.record(entry, unixNow());
  }

  list(page: Parameters<CatalogueTable["list"]>[0]): Listing {
    return this.#table.list(page, unixNow());
  }

  search(page: Parameters<CatalogueTable["search"]>[0]): Found {
    return this.#table.search(page, unixNow());
  }
}
