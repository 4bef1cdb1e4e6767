/** The limit of a durable payment: merchant → facilitator → object, one INSERT, and nothing else. Three roles in three Workers. */
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
}

interface Env {
  NEXT: { insert(id: string): Promise<boolean> };
  STORE: DurableObjectNamespace<Store>;
}

export class Middle extends WorkerEntrypoint<Env> {
  insert(id: string): Promise<boolean> {
    return this.env.STORE.getByName("store").insert(id);
  }
}

export default new Hono<{ Bindings: Env }>().get("/item", async (c) => {
  await c.env.NEXT.insert(crypto.randomUUID());
  return c.text("goods");
});
