/** The upper limit for a durable payment: merchant → facilitator → object with one INSERT. Three roles in three Workers. */

import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import { Hono } from "hono";

export class Store extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS payment (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID");
  }
  insert(id: string): boolean {
    this.ctx.storage.sql.exec("INSERT INTO payment (id) VALUES (?)", id);
    return true;
  }
  count(): number {
    return Number(this.ctx.storage.sql.exec("SELECT count(*) AS count FROM payment").one()["count"]);
  }
}

interface Env {
  NEXT: Pick<Middle, "insert" | "count">;
  STORE: DurableObjectNamespace<Store>;
}

export class Middle extends WorkerEntrypoint<Env> {
  insert(id: string): Promise<boolean> {
    return this.env.STORE.getByName("store").insert(id);
  }
  count(): Promise<number> {
    return this.env.STORE.getByName("store").count();
  }
}

export default new Hono<{ Bindings: Env }>()
  .get("/item", async (c) => {
    await c.env.NEXT.insert(crypto.randomUUID());
    return c.text("goods");
  })
  .get("/transfers", async (c) => c.json({ transfers: await c.env.NEXT.count() }));
